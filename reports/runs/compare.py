"""Recorded runs side by side: one row per configuration, with its seeds together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.metrics.floors import is_itself
from harness.metrics.intervals import Interval, combine
from reports.runs.configuration import (
    Configuration,
    bounded,
    check_one_truth,
    configurations,
    contexts,
    times_declared,
    told_apart,
)
from reports.runs.paired import is_shown, paired_difference
from reports.runs.record import Bound, Record, ceiling, floors, load_all
from reports.runs.reference import USUAL, fits, names, reference_of
from reports.runs.single_pair import over_architectures
from searchspaces.errors import UsageError
from searchspaces.registry import nearest

if TYPE_CHECKING:
    import pandas


def summary(folders: Iterable[Path | str], reference: str | None = None) -> pandas.DataFrame:
    """The runs in ``folders`` :func:`compared`; raises :class:`UsageError` also for damaged ones."""
    return compared(load_all(folders), reference)


def compared(
    records: Sequence[Record], reference: str | None = None, data: Path | None = None
) -> pandas.DataFrame:
    """One row per configuration, between rows of its floors and its ceiling (column ``kind``).

    Contexts (space, task, ground truth, scoring) follow one another. ``tau`` and the other
    measures are means over ``seeds`` runs with :func:`harness.metrics.intervals.combine`'s interval over
    seeds and architectures; ``regret`` is that of the found architecture, with a t interval over
    seeds. ``times_declared`` is there where a training cost other than its method declares: of
    its seeds what is farthest from 1. ``over_floor`` is τ minus the highest floor, with an interval of the difference on the
    same architectures (:mod:`harness.metrics.difference`); not there for the scorer that is this floor. ``difference`` is τ minus τ of the
    reference, paired by seed, with its t interval over ``difference_n`` pairs; ``shown`` says
    whether that excludes zero. A single pair shows nothing, and has the interval over its architectures
    (:func:`reports.runs.single_pair.over_architectures`, which may look for their ground truth in
    ``data``). ``settings`` tells apart rows of equal method, arm and qp.

    ``reference`` is a method or the hash of a configuration, None is SPOS; where several fit, the one
    with the fewest options other than its preset's (:func:`reports.runs.reference.reference_of`).
    Which that is, or that it is none, ``reference_note`` has a sentence on. Raises :class:`UsageError` for repeated runs, and for a reference
    that is not there or fits several configurations of a context.
    """
    check_one_truth(records)
    groups = configurations(records)
    if reference is not None and not any(fits(group, reference) for group in groups):
        known = {name for group in groups for name in names(group)}
        raise UsageError(f"no run is of the reference '{reference}'{nearest(reference, known)}")
    rows: list[dict[str, Any]] = []
    for members in contexts(groups):
        rows += _comparable(members, reference, data)
    return _frame(rows)


def pairwise(groups: Sequence[Configuration]) -> list[list[Interval | None]]:
    """τ of each configuration (row) minus τ of each other one (column), paired by seed.

    As :func:`reports.runs.paired.paired_difference` has it; None on the diagonal.
    """
    return [
        [None if own is other else paired_difference(own.taus, other.taus) for other in groups]
        for own in groups
    ]


def _comparable(
    groups: list[Configuration], reference: str | None, data: Path | None
) -> list[dict[str, Any]]:
    """The rows of one context: floors, the reference, the others, ceiling."""
    base, note = reference_of(groups, reference)
    first = groups[0].first
    below, above, context = all_floors(groups), ceiling(first), groups[0].context
    rows = [_bound_row("floor", bound) | context for bound in below]
    settings_of = dict(zip(map(id, groups), told_apart(groups), strict=True))
    if base is not None and sum(fits(group, reference or USUAL) for group in groups) > 1:
        which = f"{base.label} with {settings_of[id(base)]}"
        note = f"Differences are to {which}: of several the nearest to its preset."
    for group in groups:
        row = {"kind": "method", **group.method, "configuration": group.name}
        row |= {"settings": settings_of[id(group)], "seeds": len(group.runs)} | group.describe()
        row |= {"reference_note": note} if note else {}
        if unlike := [times for run in group.runs.values() if (times := times_declared(run))]:
            row["times_declared"] = max(unlike, key=lambda times: max(times, 1 / times))
        best = max(below, key=lambda b: b.tau["value"], default=None)
        if best and row["tau"] is not None and not is_itself(best.name, group.method["method"]):
            row |= bounded("over_floor", over(group, best))
        if base is not None and group is not base:
            difference = paired_difference(group.taus, base.taus)
            row |= {
                "reference": " ".join(filter(None, base.method.values())),
                "shown": is_shown(difference),
            }
            row |= bounded("difference", less(group, base, data))
        rows.insert(len(below) if group is base else len(rows), row | context)
    return rows + ([_bound_row("ceiling", above) | context] if above else [])


def all_floors(groups: Sequence[Configuration]) -> list[Bound]:
    """Those of the record of a context that knows most: older ones know fewer."""
    return max((floors(group.first) for group in groups), key=len)


def less(group: Configuration, base: Configuration, data: Path | None = None) -> Interval:
    """Mean τ minus that of ``base``, paired by seed; of a single pair with the interval over its architectures."""
    difference = paired_difference(group.taus, base.taus)
    if difference["n"] == 1:
        (seed,) = group.runs.keys() & base.runs.keys()
        difference = over_architectures(group.runs[seed], base.runs[seed], data) or difference
    return difference


def over(group: Configuration, floor: Bound) -> Interval:
    """Mean τ minus that of ``floor``, with the interval over seeds and architectures.

    Records from before it was measured on the same architectures have no interval.
    """
    runs = group.runs.values()
    if all(isinstance(run.get("over_floors", floor.name), dict) for run in runs):
        return combine([run.interval("over_floors", floor.name) for run in runs])
    value = group.tau["value"] - floor.tau["value"]
    return Interval(value=value, low=None, high=None, n=group.tau["n"])


def _bound_row(kind: str, bound: Bound) -> dict[str, Any]:
    return {"kind": kind, "method": bound.label, **bounded("tau", bound.tau)}


def _frame(rows: list[dict[str, Any]]) -> pandas.DataFrame:
    """A frame of ``rows`` with nullable whole numbers and truth values."""
    import pandas

    frame = pandas.DataFrame(rows)
    whole = [name for name in frame if name.endswith("_n") or name in ("seed", "seeds")]
    kinds = dict.fromkeys(whole, "Int64") | ({"shown": "boolean"} if "shown" in frame else {})
    return frame.astype(kinds)
