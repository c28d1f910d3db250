"""Distributions over seeds as rows: name, dots, box or mean with interval, and the numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.metrics.intervals import Interval
from reports.pictures.captioned_figure import MARGIN, CaptionedFigure
from reports.style.formatting import bracketed, wrapped
from reports.style.image_files import WIDTH
from reports.style.theme import FOUND, GREY, GRID, INK, PALE, SMALL

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BOXED = 5  # values from which there is a box
NAMES, NUMBERS = 2.5, 1.95  # inches: at most of the names, of the numbers
LEFT = MARGIN + NAMES + 0.15
SPAN = WIDTH - LEFT - NUMBERS - MARGIN  # inches of the axis
LINE, GAP, LEAST = 0.165, 0.14, 0.42  # inches: line of a name, between rows, lowest row
ALONG = {"orient": "y", "native_scale": True}  # seaborn: level, at heights in inches
DOT = {"size": 4.5, "edgecolor": "white", "linewidth": 0.5, "alpha": 0.85, "jitter": False}
MEAN = {"marker": "D", "markersize": 5.5, "markeredgecolor": "white", "markeredgewidth": 0.8}
KEY = (
    "Dots: one per seed. Diamond: mean. "
    f"Box from {BOXED} seeds: quartiles, line at the median, whiskers to the extremes."
)


@dataclass(frozen=True)
class Spread:
    """A row: ``values`` by seed, the ``interval`` of their mean; ``words`` stand for its numbers."""

    label: str
    values: tuple[float, ...]
    interval: Interval
    note: str = ""
    words: str = ""
    paint: str = FOUND


class Rows:
    """``spreads`` from top to bottom; ``height`` is the inches that they take."""

    def __init__(self, spreads: Sequence[Spread]) -> None:
        self.spreads = spreads
        self.names = [
            [(line, INK) for line in wrapped(spread.label, NAMES)]
            + [(line, GREY) for line in wrapped(spread.note, NAMES)]
            for spread in spreads
        ]
        self.heights = [max(LEAST, LINE * len(lines) + GAP) for lines in self.names]
        self.height = sum(self.heights)

    def draw(
        self, sheet: CaptionedFigure, bottom: float, limits: tuple[float, float], form: str
    ) -> Axes:
        """Onto ``sheet`` with the foot at ``bottom`` inches; heights in the axes are inches."""
        axes = sheet.axes(LEFT, bottom, SPAN, self.height)
        axes.spines["left"].set_visible(False)
        axes.locator_params(axis="x", nbins=7)
        axes.grid(axis="x", color=GRID, linewidth=0.8)
        level = self.height
        rows = zip(self.spreads, self.names, self.heights, strict=True)
        for place, (spread, lines, height) in enumerate(rows):
            level -= height
            middle = level + height / 2
            axes.axhline(level, color=PALE, linewidth=0.6, zorder=0)
            _draw(axes, spread, middle, place)
            look: dict[str, Any] = {"va": "center", "parse_math": False, "fontsize": SMALL}
            look["transform"] = axes.get_yaxis_transform()
            for number, (line, colour) in enumerate(lines):
                y = middle + LINE * ((len(lines) - 1) / 2 - number)
                axes.text(-0.15 / SPAN, y, line, ha="right", color=colour, **look)
            axes.text(1 + 0.12 / SPAN, middle, _numbers(spread, form), color=INK, **look)
        axes.set(xlim=limits, ylim=(0, self.height), yticks=[], xlabel="", ylabel="")
        return axes


def _draw(axes: Axes, spread: Spread, middle: float, number: int) -> None:
    """The mean with its interval, or the box, above the dots; ``number`` is the row's."""
    import seaborn

    high, paint, values = middle + 0.07, spread.paint, sorted(spread.values)
    if values:
        # On two levels in turn, so that equal ones are seen to be two.
        levels = [middle - (0.08, 0.14)[place % 2] for place in range(len(values))]
        before = len(axes.collections)
        seaborn.stripplot(x=values, y=levels, color=paint, ax=axes, **ALONG, **DOT)
        for dots in axes.collections[before:]:
            dots.set_gid(f"seeds {number}")
    mean, interval = spread.interval["value"], spread.interval
    look = MEAN
    if len(values) >= BOXED:
        seaborn.boxplot(x=values, y=[high] * len(values), ax=axes, **ALONG, **_box(paint))
        look = look | {"markersize": 4, "markerfacecolor": "white", "markeredgecolor": paint}
    elif interval["low"] is not None:
        reach = [[mean - interval["low"]], [interval["high"] - mean]]
        axes.errorbar(mean, high, xerr=reach, color=paint, linewidth=1.8, capsize=3, capthick=1.8)
    if mean is not None:
        axes.plot(mean, high, linestyle="", color=paint, zorder=4, **look)


def _box(paint: str) -> dict[str, Any]:
    """Quartiles, median, whiskers to the extremes."""
    line = {"color": paint, "linewidth": 1.2}
    return {
        "whis": (0, 100),
        "width": 0.14,
        "showcaps": False,
        "boxprops": {"facecolor": "white", "edgecolor": paint, "linewidth": 1.2, "zorder": 3},
        "whiskerprops": line,
        "medianprops": line | {"linewidth": 2, "zorder": 3},
    }


def _numbers(spread: Spread, form: str) -> str:
    if spread.words:
        return spread.words
    return f"{bracketed(spread.interval, form)}, n={len(spread.values)}"


def limits(values: Sequence[float], share: float = 0.04) -> tuple[float, float]:
    """The range of ``values`` with a margin; one unit around where they are all equal."""
    low, high = min(values), max(values)
    margin = share * (high - low) or 0.5
    return low - margin, high + margin
