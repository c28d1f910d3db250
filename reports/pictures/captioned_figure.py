"""A picture with words around it: headline and small lines above, small lines below, all in inches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from reports.style.formatting import shorten, wrapped
from reports.style.image_files import DPI, WIDTH
from reports.style.theme import GREY, HEAD, INK, SMALL

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MARGIN, LINE = 0.2, 0.2  # inches
ROOM = WIDTH - 2 * MARGIN


class CaptionedFigure:
    """A figure of ``WIDTH`` inches with ``height`` inches of room between its words.

    ``above`` and ``below`` are wrapped to the width; the headline is cut to one line. Places in
    the room are in inches from its lower left corner.
    """

    def __init__(
        self, title: str, above: Sequence[str], height: float, below: Sequence[str] = ()
    ) -> None:
        from matplotlib.figure import Figure

        over = [line for text in above for line in wrapped(text, ROOM)]
        under = [line for text in below for line in wrapped(text, ROOM)]
        self.width, self.height = WIDTH, height
        self.floor = MARGIN + LINE * len(under)
        self.full = self.floor + height + LINE * len(over) + 0.3 + MARGIN
        self.figure: Figure = Figure(figsize=(WIDTH, self.full), dpi=DPI, facecolor="white")
        level = self.full - MARGIN - 0.1
        self._write(level, shorten(title, 78), fontsize=HEAD, fontweight="bold", color=INK)
        for number, line in enumerate(over, start=1):
            self._write(level - 0.06 - LINE * number, line, fontsize=SMALL, color=INK)
        for number, line in enumerate(under):
            level = self.floor - LINE * (number + 0.5)
            self._write(level, line, fontsize=SMALL, color=GREY)

    def axes(self, left: float, bottom: float, width: float, height: float) -> Axes:
        """Axes at a place in the room, in the project's plain look."""
        bottom += self.floor
        share = (left / WIDTH, bottom / self.full, width / WIDTH, height / self.full)
        axes = self.figure.add_axes(share)
        axes.tick_params(labelsize=SMALL, colors=GREY, length=3)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
        axes.spines[["left", "bottom"]].set_color(GREY)
        return axes

    def canvas(self) -> Axes:
        """Axes without lines over the whole room whose data are inches."""
        axes = self.axes(0, 0, self.width, self.height)
        axes.set(xlim=(0, self.width), ylim=(0, self.height))
        axes.set_axis_off()
        return axes

    def _write(self, level: float, text: str, **look: Any) -> None:
        x, y = MARGIN / WIDTH, level / self.full
        self.figure.text(x, y, text, va="center", parse_math=False, **look)


class Panel(Protocol):
    """A part of a figure: its ``height`` in inches, and the lines of ``words`` at its top."""

    height: float
    words: Sequence[str]

    def draw(self, sheet: CaptionedFigure, bottom: float) -> None:
        """All but the words, with the foot at ``bottom`` inches."""


def stacked(title: str, panels: Sequence[Panel], gap: float, below: Sequence[str]) -> Figure:
    """A figure of ``panels`` one under the other, ``gap`` inches apart."""
    height = sum(panel.height for panel in panels) + gap * (len(panels) - 1)
    sheet = CaptionedFigure(title, [], height, below)
    words, level = sheet.canvas(), height
    look: dict[str, Any] = {"fontsize": SMALL, "color": INK, "va": "center", "parse_math": False}
    for panel in panels:
        for number, line in enumerate(panel.words):
            words.text(MARGIN, level - LINE * (number + 0.5), line, **look)
        level -= panel.height
        panel.draw(sheet, level)
        level -= gap
    return sheet.figure
