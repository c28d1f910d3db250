"""Fronts of accuracy and cost: what scores would choose, what the truth has, and how much that is.

A front is of what nothing else is at least as good as in both and better in one. Its hypervolume is
the area between it and the worst of both, the highest cost and the lowest truth of the table, as a
share of the rectangle that this makes with the best of both.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.config.constraints import LATENCY
from reports.runs.ground_truth import ground_truth_of
from reports.runs.record import Record
from searchspaces.errors import UsageError

if TYPE_CHECKING:
    import pandas

    from harness.tabular.table import Table
    from searchspaces.base import SearchSpace

DRAWS, SEED = 500, 0  # random choices of as many, and their random numbers
UNITS = {
    "params": ("parameters (million)", 1e6),
    "madds": ("multiply-adds (million)", 1e6),
    LATENCY: ("latency (ms)", 1.0),
}


def front(costs: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Positions of the front of small ``costs`` and large ``values``, both ``[n]``, by rising cost.

    Those that are equal in both are all on it or all not.
    """
    order = np.lexsort((-values, costs))
    best, kept = -np.inf, []
    for place in order.tolist():
        last = kept[-1] if kept else None
        equal = last is not None and (costs[last], values[last]) == (costs[place], values[place])
        if values[place] > best or equal:
            kept.append(place)
            best = values[place]
    return np.array(kept, dtype=int)


def hypervolume(
    costs: np.ndarray, values: np.ndarray, highest_cost: float, lowest_value: float
) -> float:
    """The area that points dominate, up to ``highest_cost`` and down to ``lowest_value``.

    (Zitzler and Thiele 1999, in two dimensions.) Points beyond these count nothing.
    """
    inside = (costs <= highest_cost) & (values >= lowest_value)
    costs, values = costs[inside], values[inside]
    chosen = front(costs, values)
    ends = np.append(costs[chosen], highest_cost)
    return float(np.diff(ends) @ (values[chosen] - lowest_value))


@dataclass(frozen=True, eq=False)
class Fronts:
    """The architectures of a run's table, ``frame``: ``arch``, ``truth``, ``cost``, and ``score``.

    The score is NaN where the run did not rank one. Rows of it are ``true``, the front of truth and
    cost; ``chosen``, that of score and cost among the ranked; ``found``, what a search with
    several objectives found of the table, which lacks ``unknown`` others that it found. ``label``
    is the cost with its unit.
    """

    frame: pandas.DataFrame
    true: np.ndarray
    chosen: np.ndarray
    found: np.ndarray
    unknown: int
    label: str

    @classmethod
    def of(
        cls, record: Record, cost: str, latency: Path | None = None, data: Path | None = None
    ) -> Fronts:
        """By a cost of the table, or by latencies that a file predicts.

        Raises :class:`UsageError` where the table is not to be had, for a cost that it does not
        know, and for a file that does not fit.
        """
        import pandas

        space, table = ground_truth_of(record, "its front", data)
        label, unit = UNITS.get(cost, (cost, 1.0))
        if cost == LATENCY and latency is not None:
            costs = _predicted(record, space, table, latency)
        elif latency is not None:
            raise UsageError(f"--latency is for --cost {LATENCY}; leave one of them out.")
        elif cost == LATENCY and LATENCY not in table.costs:
            raise UsageError(
                f"the table {table.meta.name} has no {LATENCY}; give --latency FILE, of `nas-harness "
                "latency measure`, which predicts it."
            )
        else:
            costs = table.cost(cost)
        scores = record.scores().set_index("arch")["score"]
        found = {row["arch"] for row in record.get("found", "front") or []}
        frame = pandas.DataFrame(
            {"arch": table.archs, "truth": table.truth("test"), "cost": costs / unit}
        )
        frame = frame[np.isfinite(frame["cost"])].reset_index(drop=True)
        frame["score"] = frame["arch"].map(scores)
        ranked = np.flatnonzero(frame["score"].notna())
        costs, truths, scores = (frame[name].to_numpy() for name in ("cost", "truth", "score"))
        chosen = ranked[front(costs[ranked], scores[ranked])]
        inside = np.flatnonzero(frame["arch"].isin(found))
        return cls(frame, front(costs, truths), chosen, inside, len(found) - len(inside), label)

    @property
    def ranked(self) -> np.ndarray:
        """Rows that the run ranked."""
        return np.flatnonzero(self.frame["score"].notna())

    def volume(self, rows: np.ndarray) -> float:
        """The hypervolume of the truths of ``rows``."""
        cost, truth = (self.frame[name].to_numpy() for name in ("cost", "truth"))
        whole = np.ptp(cost) * np.ptp(truth)
        return hypervolume(cost[rows], truth[rows], cost.max(), truth.min()) / (whole or 1.0)

    def summary(self) -> dict[str, Any]:
        """Sizes and hypervolumes; ``random``: mean of as many of the ranked, drawn at random."""
        rng, ranked, number = np.random.default_rng(SEED), self.ranked, len(self.chosen)
        drawn = (rng.choice(ranked, number, replace=False) for _ in range(DRAWS))
        rows = {"true": self.true, "chosen": self.chosen, "found": self.found}
        volumes = {name: (len(own), self.volume(own)) for name, own in rows.items() if len(own)}
        volumes["random"] = number, float(np.mean([*map(self.volume, drawn)]))
        sizes = {"n_table": len(self.frame), "n": len(ranked), "found_unknown": self.unknown}
        return (
            sizes
            | {"cost": self.label}
            | {name: {"n": n, "hypervolume": volume} for name, (n, volume) in volumes.items()}
        )


def _predicted(record: Record, space: SearchSpace, table: Table, latency: Path) -> np.ndarray:
    """Milliseconds of the architectures of ``table``."""
    from harness.latency.table import LatencyTable
    from harness.tasks import image_of

    image = image_of(str(record.get("config", "task")))
    predict = LatencyTable.load(latency).predictor(space, image)
    return np.array([predict(space.decode(arch)) for arch in table.archs])
