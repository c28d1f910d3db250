"""The second picture of ``nas-harness compare``: τ of every configuration minus τ of every other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.metrics.intervals import Interval
from reports.pictures.captioned_figure import LINE, MARGIN, ROOM, CaptionedFigure, stacked
from reports.pictures.tau_of_seeds import best_first, context_words
from reports.runs.compare import pairwise
from reports.runs.configuration import (
    Configuration,
    configurations,
    contexts,
    told_apart,
    told_of_all,
)
from reports.runs.paired import is_shown
from reports.runs.record import Record
from reports.style.formatting import decimal, text_width, wrapped
from reports.style.image_files import write_all
from reports.style.theme import GREY, INK, PALE, SMALL, diverging

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NAMES, BAR = 2.6, 1.0  # inches: names of rows, colour bar with its numbers
WIDEST, LEAST = 0.75, 0.4  # inches: cells at most, rows at least
HEAD, AXIS, GAP = 0.45, 0.25, 0.35  # inches: above the cells, below them, between contexts
DARK = 0.85  # of the range, from where numbers are white
SMALLEST = 5.0  # points below which numbers are left out of the cells
KEY = (
    "Row minus column, mean over the seeds that both have. Coloured and bold: the 95 % t interval "
    "over these seeds excludes zero; white: it does not, or there is none. With many pairs, one or "
    "another may exclude zero by chance."
)


def draw(records: Iterable[Record], stem: Path | str) -> list[Path]:
    """Write the picture as ``stem`` .png, .pdf and .svg; returns their paths.

    A panel per context of two or more configurations; nothing where there is none. Raises
    :class:`UsageError` for repeated runs and where the files cannot be written.
    """
    several = [groups for groups in contexts(configurations(records)) if len(groups) > 1]
    return write_all(lambda: picture(several), stem) if several else []


def picture(several: Sequence[Sequence[Configuration]]) -> Figure:
    """The figure of contexts with their configurations."""
    title = "Paired differences of Kendall τ between configurations"
    return stacked(title, [Context(groups) for groups in several], GAP, [KEY])


class Context:
    """The configurations of one context, best mean first; ``height`` is the inches that they take."""

    def __init__(self, groups: Sequence[Configuration]) -> None:
        self.words = wrapped(context_words(groups), ROOM)
        apart = told_apart(groups, told_of_all(groups))
        notes = dict(zip((group.name for group in groups), apart, strict=True))
        self.groups = sorted(groups, key=best_first)
        self.names = [
            [(line, INK) for line in wrapped(f"{number}  {group.label}", NAMES)]
            + [(line, GREY) for line in wrapped(notes[group.name], NAMES)]
            for number, group in enumerate(self.groups, start=1)
        ]
        self.differences = pairwise(self.groups)
        self.wide = min(WIDEST, (ROOM - NAMES - BAR - 0.15) / len(groups))
        self.tall = max(LEAST, LINE * max(map(len, self.names)) + 0.06)
        self.cells = self.tall * len(groups)
        self.height = LINE * len(self.words) + HEAD + self.cells + AXIS

    def draw(self, sheet: CaptionedFigure, bottom: float) -> None:
        left, foot = MARGIN + NAMES + 0.15, bottom + AXIS
        wide = self.wide * len(self.groups)
        axes = sheet.axes(left, foot, wide, self.cells)
        tall = min(self.cells, 2.0)
        bar = sheet.axes(left + wide + 0.3, foot + self.cells - tall, 0.14, tall)
        self._draw_cells(axes, bar)
        words = sheet.canvas()
        look: dict[str, Any] = {"ha": "right", "va": "center", "fontsize": SMALL}
        for row, lines in enumerate(self.names):
            for number, (line, colour) in enumerate(lines):
                level = foot + self.cells - self.tall * (row + 0.5)
                level += LINE * ((len(lines) - 1) / 2 - number)
                words.text(left - 0.12, level, line, color=colour, parse_math=False, **look)

    def _draw_cells(self, axes: Axes, bar: Axes) -> None:
        import numpy as np
        import seaborn
        from matplotlib.patches import Rectangle

        shown = np.array([[_shown(found) for found in row] for row in self.differences])
        reach = float(np.abs(shown).max()) or 0.01
        texts = [[_text(found) for found in row] for row in self.differences]
        longest = max(text_width(text, SMALL) for row in texts for text in row)
        size = min(SMALL, SMALL * (self.wide - 0.06) / longest)
        seaborn.heatmap(
            shown, ax=axes, cbar_ax=bar, cmap=diverging(), vmin=-reach, vmax=reach,
            annot=np.array(texts) if size >= SMALLEST else None, fmt="",
            annot_kws={"fontsize": size}, linewidths=1, linecolor=PALE,
        )  # fmt: skip
        for text, value in zip(axes.texts, shown.ravel(), strict=bool(axes.texts)):
            text.set_color(GREY if not value else "white" if abs(value) > DARK * reach else INK)
            text.set_fontweight("bold" if value else "normal")
        for place in range(len(self.groups)):
            axes.add_patch(Rectangle((place, place), 1, 1, facecolor=PALE, linewidth=0))
        numbers = range(1, len(self.groups) + 1)
        axes.set_xticks([number - 0.5 for number in numbers], numbers)
        axes.set_yticks([])
        axes.tick_params(labelsize=SMALL, labelcolor=INK, length=0, top=False, bottom=False)
        axes.xaxis.tick_top()
        if not shown.any():
            bar.remove()
            return
        bar.tick_params(labelsize=SMALL - 0.5, colors=GREY, length=2)
        bar.set_title("Δτ", fontsize=SMALL, color=INK, pad=6)
        bar.locator_params(axis="y", nbins=5)


def _shown(found: Interval | None) -> float:
    """What a cell is coloured by."""
    return found["value"] if found is not None and is_shown(found) else 0.0


def _text(found: Interval | None) -> str:
    if found is None:
        return ""
    return "–" if found["value"] is None else decimal(found["value"], "+z.2f")
