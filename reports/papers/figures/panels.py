"""Panels of equal size in lines, and the names of the series in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reports.pictures.captioned_figure import MARGIN, CaptionedFigure
from reports.pictures.label_placement import side_by_side
from reports.style.formatting import text_width, wrapped
from reports.style.image_files import WIDTH
from reports.style.theme import GRID, INK, MARK, SMALL, Look

if TYPE_CHECKING:
    import pandas
    from matplotlib.axes import Axes

AXIS, FOOT, HEAD, GAP = 0.62, 0.55, 0.38, 0.2  # inches: left of, below, above, between panels


@dataclass(frozen=True)
class Panels:
    """``count`` panels, ``across`` in a line, each ``tall`` inches high.

    ``head`` inches over each, ``right`` inches beside each and ``above`` inches over all stay
    free.
    """

    count: int
    across: int
    tall: float
    head: float = HEAD
    right: float = 0.0
    above: float = 0.0

    @property
    def height(self) -> float:
        lines = -(-self.count // self.across)
        return lines * (FOOT + self.tall + self.head) + self.above

    @property
    def wide(self) -> float:
        room = WIDTH - 2 * MARGIN - GAP * (self.across - 1)
        return room / self.across - AXIS - self.right

    def axes(self, sheet: CaptionedFigure, number: int, title: str = "") -> Axes:
        """The axes of a panel, from the upper left."""
        line, column = divmod(number, self.across)
        left = MARGIN + AXIS + column * (AXIS + self.wide + self.right + GAP)
        top = self.height - self.above - line * (FOOT + self.tall + self.head) - self.head
        axes = sheet.axes(left, top - self.tall, self.wide, self.tall)
        axes.grid(color=GRID, linewidth=0.8)
        look = {"fontsize": SMALL + 0.5, "fontweight": "bold", "color": INK}
        look["pad"] = 72 * (self.head - 0.3)
        axes.set_title(title, loc="left", parse_math=False, **look)
        return axes


def label(axes: Axes, x: str, y: str) -> None:
    for write, text in ((axes.set_xlabel, x), (axes.set_ylabel, y)):
        write(text, fontsize=SMALL, color=INK, parse_math=False)


LEGEND_LINE = 0.22  # inches


def legend_rows(names: Sequence[str]) -> list[list[str]]:
    """``names`` in as many rows as a legend across the sheet takes."""
    rows: list[list[str]] = [[]]
    used = 0.0
    for name in names:
        width = text_width(name, SMALL) + 0.75
        if rows[-1] and used + width > WIDTH - 2 * MARGIN:
            rows.append([])
            used = 0.0
        rows[-1].append(name)
        used += width
    return rows


def draw_legend(sheet: CaptionedFigure, looks: dict[str, Look], lines: bool = True) -> None:
    """The marks of series, with their ``lines``, at the top of the sheet's room."""
    axes = sheet.canvas()
    for number, row in enumerate(legend_rows(list(looks))):
        x, y = MARGIN, sheet.height - LEGEND_LINE * (number + 0.5)
        for name in row:
            look = looks[name]
            if lines:
                line = {"color": look.colour, "linestyle": look.dashes, "linewidth": 1.6}
                axes.plot([x, x + 0.36], [y, y], **line)
            middle = 0.18 if lines else 0.06
            axes.plot(x + middle, y, look.mark, color=look.colour, **MARK)
            words = {"va": "center", "fontsize": SMALL, "color": INK, "parse_math": False}
            axes.text(x + (0.44 if lines else 0.2), y, name, **words)
            x += text_width(name, SMALL) + (0.75 if lines else 0.5)


def draw_line(axes: Axes, x: pandas.Series, line: pandas.DataFrame, look: Look, **how: Any) -> None:
    """The means ``y`` of ``line`` over ``x`` with their bounds, in ``look``; ``how`` is seaborn's.

    Of the three values at each place, seaborn draws the median and the range: the mean between
    its bounds.
    """
    import pandas
    import seaborn

    parts = [line[name].astype(float) for name in ("y", "y_low", "y_high")]
    points = pandas.DataFrame({"x": [*x] * 3, "y": pandas.concat(parts, ignore_index=True)})
    how |= {"color": look.colour, "linestyle": look.dashes, "linewidth": 1.8, "legend": False}
    seaborn.lineplot(
        points.dropna(), x="x", y="y", estimator="median", errorbar=("pi", 100), ax=axes, **how
    )


def name_ends(
    axes: Axes, ends: Sequence[tuple[float, float, str, Look]], width: float, height: float
) -> None:
    """Names to the right of axes of ``height`` inches, each tied to (x, y) where its line ends.

    They take ``width`` inches and keep apart.
    """
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    axes.set(xlim=(left, right), ylim=(low, high))
    texts = [wrapped(name, width - 0.3, SMALL) for _, _, name, _ in ends]
    gap = (0.15 * max(map(len, texts)) + 0.03) * (high - low) / height
    levels = side_by_side([y for _, y, _, _ in ends], [gap] * len(ends), low, high)
    inch = (right - left) / (axes.get_position().width * axes.figure.get_figwidth())
    for (x, y, _, look), lines, level in zip(ends, texts, levels, strict=True):
        way = [(min(x, right), y), (right, y), (right + 0.2 * inch, level)]
        thin = {"color": look.colour, "linewidth": 0.8, "clip_on": False, "gid": "leader"}
        axes.plot(*zip(*way, strict=True), **thin)
        words = {"va": "center", "fontsize": SMALL, "color": INK, "parse_math": False}
        axes.text(right + 0.25 * inch, level, "\n".join(lines), linespacing=1.1, **words)
