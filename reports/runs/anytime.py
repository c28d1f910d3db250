"""Any-time τ: how the scores ranked a fixed sample over what had been spent, seeds together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.files.store import atomic_path
from harness.metrics.intervals import Interval, combine
from reports.runs.configuration import (
    Configuration,
    bounded,
    configurations,
    contexts,
    told_apart,
    told_of_all,
)
from reports.runs.history import history
from reports.runs.record import Bound, Record, ceiling, floors

if TYPE_CHECKING:
    import pandas

SPENT = {  # columns, and what people call them
    "compute": "compute (millions of image forwards; a backward counts two)",
    "cpu_seconds": "CPU-seconds of training",
}
TAU = {"value": "tau", "low": "tau_low", "high": "tau_high"}
Key = tuple[int, int]  # step, and how many rows of that step came before


@dataclass(frozen=True)
class Point:
    """Means over the seeds; ``least`` and ``most`` are the τ of single seeds."""

    step: int
    spent: dict[str, float]
    tau: Interval
    least: float | None
    most: float | None


@dataclass(frozen=True)
class Curve:
    """A configuration's points in the order of steps, of its ``seeds`` that were watched.

    ``settings`` tells it from others of the same name, and ``note`` the same but for what all
    share. The last point of a method that searches and retrains until its scores exist is of these
    scores, those before of its supernet's; ``early``: it is not, so that there are none of the former.
    """

    group: Configuration
    settings: str
    note: str
    seeds: int
    points: list[Point]
    early: bool = False

    @property
    def name(self) -> str:
        """The method, what tells it apart, and where its last scores are not those that it ends with."""
        early = "as trained, before its retraining" if self.early else ""
        return ", ".join(filter(None, [f"{self.group.label} {self.note}".rstrip(), early]))


@dataclass(frozen=True)
class Watched:
    """What can be drawn together: curves of one context on one sample of ``n`` architectures."""

    n: int
    floors: list[Bound]
    ceiling: Bound | None
    curves: list[Curve]


def watched(groups: Sequence[Configuration]) -> list[Watched]:
    """The curves of one context's configurations by sample; empty where no run was watched.

    A curve along which τ is never defined is left out. Raises :class:`UsageError` where a history
    cannot be read or a record holds what no run writes.
    """
    curves = []
    notes = told_apart(groups, told_of_all(groups))
    for group, settings, note in zip(groups, told_apart(groups), notes, strict=True):
        for sample, runs in _by_sample(group.runs.values()):
            points = _points(runs)
            if any(point.tau["value"] is not None for point in points):
                curve = Curve(group, settings, note, len(runs), points, _is_early(runs, points))
                curves.append((sample, curve, runs[0]))
    curves.sort(key=lambda found: found[0])
    together = []
    for _, members in groupby(curves, key=lambda found: found[0]):
        found = list(members)
        first = max((run for _, _, run in found), key=_known_floors)
        sample = Record(first.folder, first.get("watch"))
        drawn = [curve for _, curve, _ in found]
        n = int(first.number("watch", "n") or 0)
        together.append(Watched(n, floors(sample), ceiling(sample), drawn))
    return together


def frame(records: Iterable[Record]) -> pandas.DataFrame:
    """All points of those of ``records`` that were watched, and floors and ceilings, as rows.

    Columns: the context, ``kind``, ``method``, ``arm``, ``qp``, ``settings``, ``configuration``,
    ``seeds``, ``step``, ``compute``, ``cpu_seconds``, ``tau`` with ``_low``, ``_high`` (95 %, over
    seeds and architectures) and ``_n``, ``tau_least`` and ``tau_most`` of a seed.
    """
    import pandas

    rows: list[dict[str, Any]] = []
    for groups in contexts(configurations(records)):
        for sample in watched(groups):
            context = groups[0].context
            bounds = [("floor", bound) for bound in sample.floors]
            bounds += [("ceiling", sample.ceiling)] if sample.ceiling else []
            for curve in sample.curves:
                named = {"kind": "method", **curve.group.method, "settings": curve.settings}
                named |= {"configuration": curve.group.name, "seeds": curve.seeds}
                rows += [context | named | _row(point) for point in curve.points]
            for kind, bound in bounds:
                rows.append(
                    context | {"kind": kind, "method": bound.label} | bounded("tau", bound.tau)
                )
    table = pandas.DataFrame(rows)
    whole = [name for name in ("seeds", "step", "tau_n") if name in table]
    return table.astype(dict.fromkeys(whole, "Int64"))


def save_points(records: Iterable[Record], stem: Path | str) -> list[Path]:
    """Write :func:`frame` as ``stem`` .csv and .parquet, each atomically; returns their paths."""
    table = frame(records)
    paths = [Path(f"{stem}{suffix}") for suffix in (".csv", ".parquet")]
    for path, write in zip(paths, (table.to_csv, table.to_parquet), strict=True):
        with atomic_path(path) as temporary:
            write(temporary, index=False)
    return paths


def _row(point: Point) -> dict[str, Any]:
    ends = {"tau_least": point.least, "tau_most": point.most}
    return {"step": point.step, **point.spent, **bounded("tau", point.tau), **ends}


def _by_sample(runs: Iterable[Record]) -> list[tuple[str, list[Record]]]:
    seen: dict[str, list[Record]] = {}
    for run in runs:
        if (sample := run.get("watch", "sample")) is not None:
            seen.setdefault(str(sample), []).append(run)
    return list(seen.items())


def _known_floors(run: Record) -> int:
    """How many its record has of the sample; later ones may have more."""
    known = run.get("watch", "floors")
    return len(known) if isinstance(known, dict) else 0


def _is_early(runs: Sequence[Record], points: Sequence[Point]) -> bool:
    """Whether runs went on to cost more until they had their scores."""
    costs = [run.number("costs", "compute") or 0 for run in runs]
    return sum(costs) / len(costs) > 1.001 * points[-1].spent["compute"]


def _points(runs: Sequence[Record]) -> list[Point]:
    """Of the steps at which all ``runs`` were watched."""
    seeds = [_rows(run) for run in runs]
    common = [key for key in seeds[0] if all(key in rows for rows in seeds)]
    points = []
    for key in common:
        rows = [own[key] for own in seeds]
        taus = [row[1]["value"] for row in rows]
        known = [tau for tau in taus if tau is not None]
        spent = {name: sum(row[0][name] for row in rows) / len(rows) for name in SPENT}
        ends = (min(known), max(known)) if len(known) == len(taus) else (None, None)
        points.append(Point(key[0], spent, combine([row[1] for row in rows]), *ends))
    return points


def _rows(run: Record) -> dict[Key, tuple[dict[str, float], Interval]]:
    """What was spent and the τ by step."""
    found = history(run)
    if found is None or not {*SPENT, "tau_low", "tau_high"} <= {*found.columns}:
        return {}
    rows: dict[Key, tuple[dict[str, float], Interval]] = {}
    n = int(run.number("watch", "n") or 0)
    for row in found[found["phase"] == "watch"].to_dict("records"):
        step = int(row["step"])
        ends = {key: _known(row[name]) for key, name in TAU.items()}
        before = sum(other == step for other, _ in rows)
        spent = {name: float(row[name]) for name in SPENT}
        if all(value == value for value in spent.values()):
            rows[step, before] = spent, Interval(n=n, **ends)
    return rows


def _known(value: float) -> float | None:
    return None if value != value else float(value)
