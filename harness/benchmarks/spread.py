"""How many times faster one way is than another, over repeats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import mean, stdev


@dataclass(frozen=True)
class Ratio:
    """Mean, standard deviation (None of one repeat), smallest and largest."""

    mean: float
    sd: float | None
    low: float
    high: float

    @classmethod
    def of(cls, slow: Sequence[float], fast: Sequence[float]) -> Ratio:
        """Of the seconds of the repeats, each of which measured both ways on the same work."""
        ratios = [s / f for s, f in zip(slow, fast, strict=True)]
        spread = stdev(ratios) if len(ratios) > 1 else None
        return cls(mean(ratios), spread, min(ratios), max(ratios))

    def to_dict(self) -> dict[str, float | None]:
        return asdict(self)
