"""Schematics drawn from the steps and arrows of an item: boxes on a grid, arrows between them.

The first line of a step's text is its headline. Steps that no arrow enters are what goes in, those
that none leaves what comes out.
"""

from __future__ import annotations

from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from reports.papers.definition.item import Item, Step
from reports.papers.figures.routing import Route, routes
from reports.papers.figures.words import caption, headline
from reports.pictures.captioned import MARGIN, CaptionedFigure
from reports.style.image_files import WIDTH
from reports.style.looks import FOUND, GREY, INK, PALE
from reports.style.words import text_width, wrapped

if TYPE_CHECKING:
    import pandas
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from reports.papers.measured.results import Results

FONT, LABEL = 9.0, 8.5  # points
LINE, PAD = 0.16, 0.1  # inches: line of text, between text and edge
WIDEST, LABEL_WIDTH = 2.2, 1.05  # inches at most: boxes, words on arrows
GUTTER, PORT, HEAD = 0.4, 0.2, 0.1  # inches: between boxes, from arrow to arrow, of arrowheads
NOTE = "Redrawn in our own words. Grey: what goes in; orange: what comes out."
Point = tuple[float, float]


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
    item, grid = results.item, Grid(results.item)
    sheet = CaptionedFigure(headline(item), [caption(item)], grid.height + 0.2, [NOTE])
    grid.draw(sheet.canvas(), (WIDTH - grid.width) / 2, 0.1)
    return sheet.figure


class Grid:
    """The layout of a diagram, ``width`` by ``height`` inches."""

    def __init__(self, item: Item) -> None:
        self.item = item
        self.steps = {step.id: step for step in item.steps}
        self.routes = routes(item.steps, item.arrows, f"{item.paper}/{item.name}")
        self.columns = range(min(s.at[0] for s in item.steps), max(s.at[0] for s in item.steps) + 1)
        self.rows = range(min(s.at[1] for s in item.steps), max(s.at[1] for s in item.steps) + 1)
        labels = [self._label_room(column) for column in self.columns[:-1]]
        room = WIDTH - 2 * MARGIN - sum(labels)
        self.box = min(WIDEST, room / len(self.columns))
        self.gaps = labels
        self.width = self.box * len(self.columns) + sum(labels)
        self.height = sum(self.tall.values()) + sum(self.between.values())

    def _label_room(self, column: int) -> float:
        """Inches between ``column`` and the next: what words on level arrows there need."""
        words = [
            max(text_width(line, LABEL) for line in wrapped(route.arrow.text, LABEL_WIDTH, LABEL))
            for route in self.routes
            if route.arrow.text and route.leaves[0] and route.straight
            if min(self._at(route)[0][0], self._at(route)[1][0]) == column
        ]
        return max([GUTTER, *(word + 0.3 for word in words)])

    def _at(self, route: Route) -> tuple[tuple[int, int], tuple[int, int]]:
        return self.steps[route.arrow.start].at, self.steps[route.arrow.end].at

    def lines(self, step: Step) -> list[tuple[str, bool]]:
        """The lines in a box; True for those of its headline."""
        head, *rest = step.text.strip().split("\n")
        room = self.box - 2 * PAD
        bold = [(line, True) for line in wrapped(head, room / 1.1, FONT)]
        return bold + [(line, False) for text in rest for line in wrapped(text, room, FONT)]

    @cached_property
    def tall(self) -> dict[int, float]:
        """Per row the inches of its highest box."""
        heights = {row: LINE + 2 * PAD for row in self.rows}
        for step in self.item.steps:
            own = LINE * len(self.lines(step)) + 2 * PAD
            heights[step.at[1]] = max(heights[step.at[1]], own)
        return heights

    @cached_property
    def between(self) -> dict[int, float]:
        """Per row but the last the inches below it."""
        gaps = dict.fromkeys(self.rows[:-1], GUTTER)
        for route in self.routes:
            (_, start), (_, end) = self._at(route)
            if route.arrow.text and route.leaves[1] and route.straight and abs(start - end) == 1:
                lines = len(wrapped(route.arrow.text, LABEL_WIDTH, LABEL))
                gaps[min(start, end)] = max(gaps[min(start, end)], LINE * lines + 0.25)
        return gaps

    def centre(self, at: tuple[int, int]) -> Point:
        """Inches from the lower left corner of the grid."""
        column, row = at[0] - self.columns[0], at[1] - self.rows[0]
        x = self.box * (column + 0.5) + sum(self.gaps[:column])
        above = sum(self.tall[r] + self.between[r] for r in self.rows[:row])
        return x, self.height - above - self.tall[at[1]] / 2

    def points(self, route: Route) -> list[Point]:
        """The corners of an arrow, from edge to edge."""
        start, end = self._at(route)
        first = self._port(start, route.leaves, route.ports[0])
        last = self._port(end, route.enters, route.ports[1])
        if route.straight:
            return [first, last]
        if not route.gutter:
            corner = (last[0], first[1]) if route.leaves[0] else (first[0], last[1])
            return [first, corner, last]
        if route.leaves[0]:
            middle = (first[0] + last[0]) / 2
            return [first, (middle, first[1]), (middle, last[1]), last]
        middle = (first[1] + last[1]) / 2
        return [first, (first[0], middle), (last[0], middle), last]

    def _port(self, at: tuple[int, int], side: tuple[int, int], port: int) -> Point:
        x, y = self.centre(at)
        if side[0]:
            return x + side[0] * self.box / 2, y - PORT * port
        return x + PORT * port, y - side[1] * self.tall[at[1]] / 2

    def draw(self, axes: Axes, left: float, bottom: float) -> None:
        """Onto ``axes`` in inches, with the lower left corner at a place."""
        for route in self.routes:
            points = [(left + x, bottom + y) for x, y in self.points(route)]
            _draw_arrow(axes, route, points)
        for step in self.item.steps:
            x, y = self.centre(step.at)
            self._draw_step(axes, step, left + x, bottom + y)

    def _draw_step(self, axes: Axes, step: Step, x: float, y: float) -> None:
        from matplotlib.patches import FancyBboxPatch

        look: dict[str, Any] = {"facecolor": "white", "edgecolor": INK, "linewidth": 1.0}
        if all(arrow.end != step.id for arrow in self.item.arrows):
            look["facecolor"] = PALE
        elif all(arrow.start != step.id for arrow in self.item.arrows):
            look |= {"edgecolor": FOUND, "linewidth": 2.0}
        tall = self.tall[step.at[1]]
        corner, shape = (x - self.box / 2, y - tall / 2), "round,pad=0,rounding_size=0.06"
        axes.add_patch(
            FancyBboxPatch(corner, self.box, tall, boxstyle=shape, zorder=3, gid=step.id, **look)
        )
        lines = self.lines(step)
        for number, (line, is_head) in enumerate(lines):
            level = y + LINE * ((len(lines) - 1) / 2 - number)
            words = {"fontsize": FONT, "fontweight": "bold" if is_head else "normal"}
            words |= {"ha": "center", "va": "center", "color": INK, "zorder": 4}
            axes.text(x, level, line, parse_math=False, **words)


def _draw_arrow(axes: Axes, route: Route, points: list[Point]) -> None:
    """A line with a head at its end, and its words on its longest leg."""
    from matplotlib.patches import Polygon

    (x, y), (dx, dy) = points[-1], (-route.enters[0], -route.enters[1])
    neck = (x - dx * HEAD, y + dy * HEAD)
    xs, ys = zip(*points[:-1], neck, strict=True)
    axes.plot(xs, ys, color=GREY, linewidth=1.3, solid_joinstyle="round", zorder=2)
    wing = HEAD / 2.2
    wings = [(neck[0] + dy * wing, neck[1] + dx * wing), (neck[0] - dy * wing, neck[1] - dx * wing)]
    axes.add_patch(Polygon([(x, y), *wings], color=GREY, linewidth=0, zorder=2))
    if route.arrow.text:
        _draw_words(axes, route.arrow.text, points)


def _draw_words(axes: Axes, text: str, points: list[Point]) -> None:
    """Above the longest level leg of an arrow, or to the right of an upright one."""
    legs = list(pairwise(points))
    start, end = max(legs, key=lambda leg: abs(leg[0][0] - leg[1][0]) + abs(leg[0][1] - leg[1][1]))
    x, y = (start[0] + end[0]) / 2, (start[1] + end[1]) / 2
    look = {"fontsize": LABEL, "color": GREY, "linespacing": 1.15, "zorder": 5}
    if start[0] == end[0]:
        x, room, look = x + 0.07, LABEL_WIDTH, look | {"ha": "left", "va": "center"}
    else:
        room = min(LABEL_WIDTH, abs(start[0] - end[0]) - HEAD)
        y, look = y + 0.05, look | {"ha": "center", "va": "bottom"}
    axes.text(x, y, "\n".join(wrapped(text, room, LABEL)), parse_math=False, **look)
