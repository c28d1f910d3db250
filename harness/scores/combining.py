"""Scores of several rows for one architecture, and scores that are no numbers."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from statistics import fmean
from typing import Any

from harness.scores.columns import Chosen
from harness.scores.frame import brief, is_number
from searchspaces.base import SearchSpace
from searchspaces.errors import UsageError

MISSING = {"", "na", "n/a", "#n/a", "none", "null", "<na>", "nat", "-", "--", "?"}
"""What people and pandas write for a number that is not there."""


class Scores(dict[str, float]):
    """Score of each architecture, by the table's string, and ``notes`` on how they were read."""

    notes: list[str]

    def __init__(self, scores: dict[str, float], notes: list[str]):
        super().__init__(scores)
        self.notes = notes


def combined(names: Sequence[str], chosen: Chosen) -> Scores:
    """One finite or missing score, NaN, per architecture.

    A repetition with an equal score counts once; where a column of seeds tells them apart, the
    score is the mean. Raises :class:`UsageError` for other repetitions.
    """
    keys = chosen.archs or names
    rows: dict[str, dict[Any, float]] = {}
    for place, (name, value) in enumerate(zip(names, chosen.scores, strict=True)):
        seed = None if chosen.seeds is None else str(chosen.seeds[place])
        score, known = number(keys[place], value), rows.setdefault(name, {})
        before = known.setdefault(seed, score)
        if before != score and not (math.isnan(before) and math.isnan(score)):
            apart = "" if seed is None else f" of {seed}"
            raise UsageError(
                f"'{brief(keys[place])}' has two scores{apart}, {before} and {score}; write one "
                "per architecture, or tell them apart by a column 'seed', and the mean is taken."
            )
    notes = list(chosen.notes)
    several = sum(len(known) > 1 for known in rows.values())
    if several:
        notes.append(
            f"{several:,} architectures have several rows, told apart by the column of seeds: "
            "their score is the mean."
        )
    return Scores({name: fmean(known.values()) for name, known in rows.items()}, notes)


def number(key: Any, value: Any) -> float:
    """A score; NaN for a cell that is empty, and infinite where it is too large.

    Raises :class:`UsageError` for what is no number.
    """
    if value is None or (isinstance(value, str) and value.strip().lower() in MISSING):
        return math.nan
    if not is_number(value):
        raise UsageError(
            f"the score of '{brief(key)}' is no number: {brief(value)}{_way_out(value)}."
        )
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _way_out(value: Any) -> str:
    if re.fullmatch(r"[+-]?\d+(?:,\d{3})*(?:,\d+)?(?:\.\d*)?", str(value).strip()):
        return "; its comma may be a decimal one or divide thousands: write a point, or none"
    return ""


def without_nan(
    scores: Scores,
    names: Sequence[str],
    chosen: Chosen,
    drop: bool,
    space: SearchSpace | None,
) -> Scores:
    """``scores`` that are all finite.

    Others are left out with a note if ``drop``; else :class:`UsageError` tells how many there are
    and which kind of architecture has them.
    """
    bad = [name for name, score in scores.items() if not math.isfinite(score)]
    if not bad:
        return scores
    values = sorted({str(scores[name]) for name in bad})
    told = (
        f"{len(bad):,} of {len(scores):,} scores are {' or '.join(values)}"
        f"{_kind(bad, list(scores), space)}"
    )
    if not drop:
        place = names.index(bad[0])
        first, key = chosen.scores[place], (chosen.archs or names)[place]
        given = str(first).strip()
        said = f"no number: {given or 'empty'}" if given.lower() in MISSING else str(scores[bad[0]])
        raise UsageError(
            f"the score of '{brief(key)}' is {said}, and {told}; give finite numbers, or leave those "
            "architectures out by --drop-nan."
        )
    kept = {name: score for name, score in scores.items() if math.isfinite(score)}
    return Scores(kept, [*scores.notes, f"Left out: {told}."])


def _kind(bad: list[str], everyone: list[str], space: SearchSpace | None) -> str:
    """What the architectures ``bad`` have in common, as the end of a sentence."""
    if space is None:
        return ""
    archs = {name: space.decode(name) for name in everyone}
    cut = [name for name in bad if not space.is_valid(archs[name])]
    if cut:
        return f", {len(cut):,} of them of architectures that do not join input and output"
    missing = set(bad)
    rest = [name for name in everyone if name not in missing]
    shared = [
        (sum(archs[name][place] == gene for name in rest), f"{site.operators[gene]} at {site.name}")
        for place, site in enumerate(space.sites)
        for gene in range(len(site.operators))
        if len(archs[bad[0]]) == len(space.sites)
        and all(archs[name][place] == gene for name in bad)
    ]
    rarest, what = min(shared, default=(len(rest), ""))
    return f", all of architectures with {what}" if 2 * rarest < len(rest) else ""
