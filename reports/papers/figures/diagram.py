"""Schematics: the steps of an item as boxes on a grid, its arrows as matplotlib connects boxes.

The first line of a step's text is its headline. Steps that no arrow enters are what goes in, those
that none leaves what comes out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reports.papers.definition.item import Arrow, Item, Step
from reports.papers.figures.captions import caption, headline
from reports.pictures.captioned_figure import ROOM, CaptionedFigure
from reports.style.formatting import text_width, wrapped
from reports.style.image_files import WIDTH
from reports.style.theme import FOUND, GREY, INK, PALE, SMALL

if TYPE_CHECKING:
    import pandas
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.patches import FancyBboxPatch

    from reports.papers.measured.results import Results

LINE, PAD = 0.17, 0.1  # inches: line of text, between text and edge
WIDEST, ON_ARROW = 2.2, 0.8  # inches at most: boxes, words on arrows
GAP = 0.42  # inches between boxes, where no words stand on arrows
NOTE = "Redrawn in our own words. Grey: what goes in; orange: what comes out."


def frame(results: Results) -> pandas.DataFrame:
    """The steps with their places and the arrows with their ends."""
    import pandas

    item = results.item
    steps = [
        {"part": "step", "id": step.id, "column": step.at[0], "row": step.at[1]}
        | {"text": " ".join(step.text.split())}
        for step in item.steps
    ]
    arrows = [
        {"part": "arrow", "from": arrow.start, "to": arrow.end, "text": arrow.text}
        for arrow in item.arrows
    ]
    columns = ["part", "id", "column", "row", "from", "to", "text"]
    table = pandas.DataFrame(steps + arrows, columns=columns)
    return table.astype({"column": "Int64", "row": "Int64"})


def picture(results: Results, drawn: pandas.DataFrame) -> Figure:
    grid = Grid(results.item)
    sheet = CaptionedFigure(
        headline(results.item), [caption(results.item)], grid.height + 0.3, [NOTE]
    )
    grid.draw(sheet.canvas(), (WIDTH - grid.width) / 2, grid.height + 0.2)
    return sheet.figure


class Grid:
    """The places of a diagram's steps, ``width`` by ``height`` inches, downwards from the top."""

    def __init__(self, item: Item) -> None:
        self.item = item
        self.steps = {step.id: step for step in item.steps}
        columns, rows = (1 + max(step.at[axis] for step in item.steps) for axis in (0, 1))
        across = [self._gap(0, place) for place in range(columns - 1)]
        self.box = min(WIDEST, (ROOM - sum(across)) / columns)
        tall = [
            max((self._tall(step) for step in item.steps if step.at[1] == row), default=0.0)
            for row in range(rows)
        ]
        self.lefts = _starts([self.box] * columns, across)
        self.tops = _starts(tall, [self._gap(1, place) for place in range(rows - 1)])
        self.tall = tall
        self.width, self.height = self.lefts[-1] + self.box, self.tops[-1] + tall[-1]

    def _gap(self, axis: int, place: int) -> float:
        """Inches after a column (axis 0) or row (1): what words on straight arrows there need."""
        room = GAP
        for arrow in self.item.arrows:
            start, end = (self.steps[name].at for name in (arrow.start, arrow.end))
            straight = start[1 - axis] == end[1 - axis]
            if arrow.text and straight and min(start[axis], end[axis]) == place:
                lines = wrapped(arrow.text, ON_ARROW, SMALL)
                widest = max(text_width(line, SMALL) for line in lines)
                room = max(room, LINE * len(lines) + 0.24 if axis else widest + 0.3)
        return room

    def lines(self, step: Step) -> list[tuple[str, bool]]:
        """The lines in a box; True for those of its headline."""
        head, *rest = step.text.strip().split("\n")
        room = self.box - 2 * PAD
        bold = [(line, True) for line in wrapped(head, room / 1.12, SMALL)]
        return bold + [(line, False) for text in rest for line in wrapped(text, room, SMALL)]

    def _tall(self, step: Step) -> float:
        return LINE * len(self.lines(step)) + 2 * PAD

    def centre(self, at: tuple[int, int]) -> tuple[float, float]:
        """Of a place on the grid, in inches to the right of and below the upper left corner."""
        return self.lefts[at[0]] + self.box / 2, self.tops[at[1]] + self.tall[at[1]] / 2

    def draw(self, axes: Axes, left: float, top: float) -> None:
        """Onto ``axes`` in inches, with the upper left corner at a place."""
        axes.set(xlim=(-left, WIDTH - left), ylim=(top, top - axes.get_ylim()[1]))
        boxes = {step.id: self._draw_step(axes, step) for step in self.item.steps}
        for arrow in self.item.arrows:
            self._draw_arrow(axes, arrow, boxes)
            if arrow.text:
                self._draw_words(axes, arrow)

    def _draw_step(self, axes: Axes, step: Step) -> FancyBboxPatch:
        from matplotlib.patches import FancyBboxPatch

        look: dict[str, Any] = {"facecolor": "white", "edgecolor": INK, "linewidth": 1.0}
        if all(arrow.end != step.id for arrow in self.item.arrows):
            look["facecolor"] = PALE
        elif all(arrow.start != step.id for arrow in self.item.arrows):
            look |= {"edgecolor": FOUND, "linewidth": 2.0}
        (x, y), tall = self.centre(step.at), self.tall[step.at[1]]
        corner, shape = (x - self.box / 2, y - tall / 2), "round,pad=0,rounding_size=0.07"
        box = FancyBboxPatch(corner, self.box, tall, boxstyle=shape, zorder=3, gid=step.id, **look)
        axes.add_patch(box)
        lines = self.lines(step)
        for number, (line, is_head) in enumerate(lines):
            level = y + LINE * (number - (len(lines) - 1) / 2)
            words = {"fontsize": SMALL, "fontweight": "bold" if is_head else "normal"}
            words |= {"ha": "center", "va": "center", "color": INK, "zorder": 4}
            axes.text(x, level, line, parse_math=False, **words)
        return box

    def _draw_arrow(self, axes: Axes, arrow: Arrow, boxes: dict[str, FancyBboxPatch]) -> None:
        """From centre to centre, of which matplotlib shows what lies between the boxes."""
        from matplotlib.patches import FancyArrowPatch

        start, end = (self.steps[name].at for name in (arrow.start, arrow.end))
        angles = (0, 90) if arrow.bend == "level" else (90, 0)
        straight = start[0] == end[0] or start[1] == end[1]
        way = "arc3" if straight else "angle,angleA={},angleB={},rad=6".format(*angles)
        look = {"arrowstyle": "-|>", "mutation_scale": 11, "color": GREY, "linewidth": 1.3}
        look |= {"shrinkA": 0, "shrinkB": 1, "capstyle": "butt", "zorder": 2}
        ends = {"patchA": boxes[arrow.start], "patchB": boxes[arrow.end]}
        name = f"{arrow.start}>{arrow.end}"
        places = (self.centre(start), self.centre(end))
        axes.add_patch(FancyArrowPatch(*places, connectionstyle=way, gid=name, **ends, **look))

    def _draw_words(self, axes: Axes, arrow: Arrow) -> None:
        """Above the level leg of an arrow, or to the right of one that is upright all along."""
        (x, y), (far, low) = (self.centre(self.steps[n].at) for n in (arrow.start, arrow.end))
        look: dict[str, Any] = {"fontsize": SMALL, "color": GREY, "linespacing": 1.15, "zorder": 5}
        if x == far:
            way = 1 if low > y else -1
            tall = [self.tall[self.steps[n].at[1]] / 2 for n in (arrow.start, arrow.end)]
            middle = (y + way * tall[0] + low - way * tall[1]) / 2
            place, look = (x + 0.08, middle), look | {"ha": "left", "va": "center"}
        else:
            way = 1 if far > x else -1
            level = y if arrow.bend == "level" else low
            # From the edge of the box that the level leg meets to the other edge or the corner.
            ends = [x + way * self.box / 2, far - way * self.box / 2]
            if y != low:
                ends[1 if arrow.bend == "level" else 0] = far if arrow.bend == "level" else x
            place, look = (sum(ends) / 2, level - 0.05), look | {"ha": "center", "va": "bottom"}
        text = "\n".join(wrapped(arrow.text, ON_ARROW, SMALL))
        axes.text(*place, text, parse_math=False, **look)


def _starts(sizes: list[float], gaps: list[float]) -> list[float]:
    """Where each of several things in a line begins."""
    return [sum(sizes[:place]) + sum(gaps[:place]) for place in range(len(sizes))]
