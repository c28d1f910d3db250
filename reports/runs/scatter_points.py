"""What the scatter plot of a run shows: the architectures, the axes' ranges, what was found."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from reports.runs.record import Record
from reports.style.formatting import decimal, shorten

if TYPE_CHECKING:
    import pandas

FENCE = 3.0  # interquartile ranges beyond the quartiles: Tukey's outer fences
SHARE = 0.05  # of the architectures that may lie beyond an axis, or one of a few
LINE = 118  # characters


@dataclass(frozen=True)
class Window:
    """What an axis shows; what lies outside is drawn on its edge."""

    low: float
    high: float

    @classmethod
    def around(cls, values: np.ndarray) -> Window:
        """The range of ``values`` within Tukey's outer fences, with a margin.

        Architectures that never learned sit at chance level, far from all others; without the
        fences they would take most of the axis. Where more than ``SHARE`` of all lie beyond the
        fences, these are as far out as to leave no more than that.
        """
        first, third = np.quantile(values, [0.25, 0.75])
        beyond = np.maximum(first - values, values - third)
        least = np.sort(beyond)[: -max(int(SHARE * len(values)), 1)].max(initial=0.0)
        reach = max(FENCE * (third - first), least) if third > first else math.inf
        inside = values[(values >= first - reach) & (values <= third + reach)]
        margin = 0.04 * np.ptp(inside) or 1.0
        return cls(float(inside.min() - margin), float(inside.max() + margin))

    def shows(self, values: Any) -> Any:
        return (values >= self.low) & (values <= self.high)

    def onto(self, values: Any) -> Any:
        return np.clip(values, self.low, self.high)


@dataclass(frozen=True, eq=False)
class ScatterPoints:
    """The scored architectures ``frame``, the axes' windows, and the architecture found.

    ``found`` is its string, or None; its truth and score are None where they are unknown.
    """

    frame: pandas.DataFrame
    truth: Window
    score: Window
    found: str | None
    found_truth: float | None
    found_score: float | None
    regret: float | None

    @classmethod
    def of(cls, record: Record) -> ScatterPoints:
        frame = record.scores()
        found = record.get("found", "arch")
        same = frame[frame["arch"] == found]
        found_score = None if same.empty else float(same["score"].iloc[0])
        found_truth = record.number("found", "truth")
        own = [] if found_truth is None else [found_truth]
        return cls(
            # In random order, so that no colour hides the others by being drawn last.
            frame.sample(frac=1, random_state=0),
            Window.around(np.concatenate((frame["truth"], own))),
            Window.around(frame["score"].to_numpy()),
            found,
            found_truth,
            found_score,
            record.number("found", "regret"),
        )

    def beyond(self) -> np.ndarray:
        """Which rows of ``frame`` lie outside the axes."""
        shown = self.truth.shows(self.frame["truth"]) & self.score.shows(self.frame["score"])
        return ~shown.to_numpy()

    def notes(self) -> list[str]:
        """What the picture must say in words: one line for what was found, one for the rest."""
        lines = []
        if self.found is not None:
            head = "found: " if self.found_truth is not None else "found, not measured: "
            lines.append(head + shorten(self.found, LINE - len(head)))
        lost = self.frame[self.beyond()]
        if len(lost):
            lines.append(
                f"{len(lost):,} of {len(self.frame):,} architectures lie beyond the axes and are "
                f"drawn on their edge: truth {_range(lost['truth'])} %, score "
                f"{_range(lost['score'])}"
            )
        return lines


def _range(values: pandas.Series) -> str:
    low, high = decimal(values.min(), ".1f"), decimal(values.max(), ".1f")
    return low if low == high else f"{low} to {high}"
