"""What a run's τ is read between: the floors below it and the ceiling above."""

from __future__ import annotations

from dataclasses import dataclass

from harness.metrics.intervals import Interval
from reports.runs.record import Record

FLOORS = {"params": "parameters", "flops": "FLOPs", "random": "random"}
CEILINGS = {  # best first: the second measurement most like the truth itself
    "seed_mean": "ceiling",
    "validation": "ceiling (val)",
    "single_seed": "ceiling (1 seed)",
}


@dataclass(frozen=True)
class Bound:
    """A floor or a ceiling: what people call it, and τ over all architectures."""

    label: str
    tau: Interval


def floors(record: Record) -> list[Bound]:
    """The floors that the record has."""
    return _known(record, "floors", FLOORS)


def ceiling(record: Record) -> Bound | None:
    """The ceiling of what the scores are compared with; None where the table allows none."""
    return next(iter(_known(record, "ceiling", CEILINGS)), None)


def _known(record: Record, kind: str, labels: dict[str, str]) -> list[Bound]:
    bounds = [Bound(label, record.interval(kind, name)) for name, label in labels.items()]
    return [bound for bound in bounds if bound.tau["value"] is not None]
