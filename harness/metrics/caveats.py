"""Plain sentences on what the numbers of an evaluation mean and do not mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from harness.config.config import NOTHING
from harness.metrics.floors import RANDOM, floor_label
from harness.tasks import image_of
from searchspaces.base import ImageSpec

_TIED = 0.5  # share of pairs with equal scores from which on a ranking says little
_SPREAD = 1e-3  # of the scores, relative to their size, up to which they hardly differ
ENOUGH = 20  # architectures, below which a warning is given
_FEW = 10  # architectures, below which ties are no finding


def score_words(scoring: Mapping[str, Any]) -> str:
    """Where scores come from, as a record's part ``scoring`` tells: split, BN, and what of images."""
    by = {"loss": "by loss on", "method": "of the method's own, on"}.get(
        str(scoring.get("by")), "on"
    )
    if scoring["split"] == NOTHING:
        return "as the method gives them, nothing trained"
    mean = f"mean of {scoring['snapshots']} snapshots, " if scoring.get("snapshots") else ""
    return f"{mean}{by} the {scoring['split']} split, BN {scoring['bn']}"


def few_architectures(n: int, bounded: bool) -> list[str]:
    """A sentence where ``n`` are too few to say much; ``bounded``: whether τ has an interval."""
    if n >= ENOUGH:
        return []
    widths = "have wide intervals" if bounded else "allow no interval"
    return [f"{n} architectures are few and {widths}; score {ENOUGH} or more."]


def notes_on_scores(
    result: dict[str, Any],
    score: np.ndarray,
    lower_is_better: bool = False,
    alike: Sequence[str] = (),
    of_method: bool = False,
) -> list[str]:
    """What is to be known of scores ``[n]`` as they were given, and of how they rank.

    ``alike``: the floors of which the scores are the ranking. ``of_method``: scores of a method
    here, which are not of classified images and are known to be better where larger.
    """
    notes = ["Smaller scores count as better."] if lower_is_better else []
    interval = result["metrics"]["all"]["kendall_tau"]
    tau = interval["value"]
    notes += few_architectures(len(score), interval["low"] is not None)
    if alike:
        notes.append(
            f"These scores give the same ranking as {' and '.join(map(floor_label, alike))}."
        )
    unbeaten = [
        f"by {floor_label(name)} ({floor['value']:.4f})"
        for name, floor in result["floors"].items()
        if name not in alike
        if tau is not None and interval["low"] is not None
        if name != RANDOM and floor["value"] is not None
        if tau <= floor["value"]
    ]
    if unbeaten:
        notes.append(f"These scores (τ = {tau:.4f}) do not beat ranking {', '.join(unbeaten)}.")
    unsure = [
        f"by {floor_label(name)} ({found['value']:+.4f} [{found['low']:+.4f}, {found['high']:+.4f}])"
        for name, found in result["over_floors"].items()
        if found["low"] is not None and found["low"] <= 0 < found["value"]
    ]
    if unsure:
        notes.append(
            f"That these scores (τ = {tau:.4f}) beat ranking {', '.join(unsure)} is not shown."
        )
    if tau is None:
        notes.append(
            "The scores (or the truths) are all equal: correlations are undefined, and P@top, best "
            "rank and regret are those of architectures drawn at random."
        )
    elif interval["high"] is not None and interval["high"] < 0:
        way_out = (
            " although smaller scores count as better: larger ones seem to be."
            if lower_is_better
            else ", as where smaller scores are better (losses, ranks), which `nas-harness "
            "evaluate --lower-is-better` turns, in Python lower_is_better."
        )
        way_out = ": what the method prefers is worse." if of_method else way_out
        notes.append(f"τ is significantly negative ({tau:.4f}){way_out}")
    return notes + _indifferent(score, None if of_method else image_of(result["task"]))


def _indifferent(score: np.ndarray, image: ImageSpec | None) -> list[str]:
    """Scores at chance on such images, or so alike that their order is one of rounding or noise."""
    low, high = float(score.min()), float(score.max())
    if image is not None:
        chance = 100 / image.classes
        near = 0.3 * min(chance, 10)
        for unit in (1, 0.01):  # percent, fractions
            if (chance - near) * unit <= low and high <= (chance + near) * unit:
                return [
                    f"All scores, {low:g} to {high:g}, are as of guessing among "
                    f"{image.classes} classes: if they are accuracies, the network has not "
                    "learned, and τ says nothing of the method."
                ]
    if low == high:
        return []
    if high - low <= _SPREAD * max(abs(low), abs(high)):
        return [
            f"The scores hardly differ, {low:g} to {high:g}: their order may be one of noise or "
            "rounding, and then says nothing."
        ]
    counts = np.unique(score, return_counts=True)[1]
    n = len(score)
    tied = float((counts * (counts - 1)).sum() / (n * (n - 1)))
    if n >= _FEW and tied >= _TIED:
        return [
            f"{n:,} scores have only {len(counts):,} different values, and {tied:.0%} of the pairs "
            "are equal: the ranking says little."
        ]
    return []


def notes_on_intervals(fraction: float, noise: bool, keyed: bool, there: bool = True) -> list[str]:
    """What the intervals hold, for a ``fraction`` of a space, with or without ``noise`` of truth.

    Nothing is said of them where ``there`` are none.
    """
    if not there:
        notes = []
    elif fraction < 1:
        notes = ["Intervals: what other architectures, each trained anew, would give."]
    elif noise:
        notes = [
            "Intervals: what other trainings of the ground truth would give; every architecture of "
            "the space was scored."
        ]
    else:
        notes = ["Intervals have no width: every architecture of the space was scored."]
    if there and (fraction < 1 or noise):
        notes.append(
            "Ranges, in round brackets: the middle 95 % of resamples; what hangs on single "
            "architectures falls outside more often than in one case of twenty."
        )
    if there:
        notes.append("Another supernet seed is not in the intervals of one run.")
    if not keyed:
        notes.append("Every architecture was counted as unique: no canonical keys were given.")
    return notes
