"""Diagrams in inches: a cell as a graph from left to right, a chain as a row of blocks."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from reports.architectures.layered import Place, arrange
from reports.style.formatting import text_width
from reports.style.theme import FONT, GREY, INK, PALE, colour
from searchspaces.diagram import Block, Chain, Diagram, Edge, Graph

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Of graphs.
SLOT, BOX = 0.34, 0.25  # inches: from slot to slot, height of a node
GAP, WIDEST_GAP = 0.26, 0.9  # inches between columns
ARROW = 0.085
# Of chains.
TALLEST, LOWEST = 0.8, 0.07  # inches: heights of blocks of size 1 and 0
PITCH, BETWEEN = 0.62, 0.1  # inches: at most from block to block, between stages
LINE = 0.2  # inches of a line of text


class GraphPicture:
    """``graph`` in ``width`` inches; ``height`` is how many it takes."""

    def __init__(self, graph: Graph, width: float):
        self.graph, self.layout = graph, arrange(graph)
        self.boxes = [max(text_width(node.label) + 0.16, BOX) for node in graph.nodes]
        widths = [0.0] * self.layout.columns
        for place, box in zip(self.layout.nodes, self.boxes, strict=True):
            widths[place.column] = max(widths[place.column], box)
        for edge, route, label in self._labelled():
            column = route[label].column
            widths[column] = max(widths[column], text_width(edge.label) + 0.12)
        gaps = max(len(widths) - 1, 1)
        self.scale = min(1, (width - gaps * GAP) / sum(widths))
        gap = min((width - self.scale * sum(widths)) / gaps, WIDEST_GAP)
        self.columns, x = [], (width - self.scale * sum(widths) - gap * (len(widths) - 1)) / 2
        for column in widths:
            self.columns.append((x, x + self.scale * column))
            x += self.scale * column + gap
        self.height = SLOT * (self.layout.slots + 1)

    def draw(self, axes: Axes, left: float, bottom: float) -> None:
        """Onto ``axes`` in inches, with the lower left corner at a place."""
        self.left, self.bottom = left, bottom
        for edge, route in zip(self.graph.edges, self.layout.routes, strict=True):
            self._draw_edge(axes, edge, route)
        for edge, route, label in self._labelled():
            x, y = self._centre(route[label])
            look = {"color": INK if edge.live else GREY, "fontsize": FONT * self.scale, "zorder": 3}
            backing = {"facecolor": "white", "edgecolor": "none", "pad": 1.5}
            look |= {"ha": "center", "va": "center", "bbox": backing, "parse_math": False}
            axes.text(x, y, edge.label, **look)
        for number in range(len(self.graph.nodes)):
            self._draw_node(axes, number)

    def _labelled(self) -> list[tuple[Edge, tuple[Place, ...], int]]:
        both = zip(self.graph.edges, self.layout.routes, self.layout.labels, strict=True)
        return [(edge, route, label) for edge, route, label in both if label is not None]

    def _centre(self, place: Place) -> tuple[float, float]:
        x = sum(self.columns[place.column]) / 2
        return self.left + x, self.bottom + SLOT * (place.height + 0.5)

    def _draw_node(self, axes: Axes, number: int) -> None:
        from matplotlib.patches import FancyBboxPatch

        node = self.graph.nodes[number]
        touching = [edge for edge in self.graph.edges if number in (edge.source, edge.target)]
        live = any(edge.live for edge in touching)
        x, y = self._centre(self.layout.nodes[number])
        width, ink = self.scale * self.boxes[number], INK if live else GREY
        face = {"facecolor": "white", "edgecolor": ink, "linewidth": 1.0, "zorder": 4}
        if node.operator:
            face |= {"edgecolor": colour(node.label), "linewidth": 2.0}
        shape = f"round,pad=0,rounding_size={0.4 * BOX}"
        corner = (x - width / 2, y - BOX / 2)
        axes.add_patch(FancyBboxPatch(corner, width, BOX, boxstyle=shape, **face))
        look = {"ha": "center", "va": "center", "color": ink, "zorder": 5, "parse_math": False}
        axes.text(x, y - 0.005, node.label, fontsize=FONT * self.scale, **look)

    def _draw_edge(self, axes: Axes, edge: Edge, route: tuple[Place, ...]) -> None:
        """Level through columns, S-shaped between them."""
        from matplotlib.patches import PathPatch, Polygon
        from matplotlib.path import Path

        x, y = self._centre(route[0])
        points = [(x + self.scale * self.boxes[edge.source] / 2, y)]
        codes = [Path.MOVETO]
        for before, after in pairwise(route):
            start = self.left + self.columns[before.column][1]
            stop = self.left + self.columns[after.column][0]
            low, high = self._centre(before)[1], self._centre(after)[1]
            bend = (start + stop) / 2
            points += [(start, low), (bend, low), (bend, high), (stop, high)]
            codes += [Path.LINETO, *[Path.CURVE4] * 3]
        x, y = self._centre(route[-1])
        tip = x - self.scale * self.boxes[edge.target] / 2
        points.append((tip - ARROW / 2, y))
        codes.append(Path.LINETO)
        paint = (colour(edge.label) if edge.label else INK) if edge.live else GREY
        line = {"edgecolor": paint, "facecolor": "none", "linewidth": 1.5 if edge.live else 1.0}
        if not edge.live:
            line["linestyle"] = (0, (3, 2))
        axes.add_patch(PathPatch(Path(points, codes), capstyle="butt", zorder=2, **line))
        head = [(tip, y), (tip - ARROW, y + ARROW / 2.2), (tip - ARROW, y - ARROW / 2.2)]
        axes.add_patch(Polygon(head, color=paint, linewidth=0, zorder=2))


class ChainPicture:
    """``chain`` in ``width`` inches; ``height`` is how many it takes."""

    def __init__(self, chain: Chain, width: float):
        self.chain, self.width = chain, width
        blocks = [block for stage in chain.stages for block in stage.blocks]
        room = width - BETWEEN * (len(chain.stages) - 1)
        self.pitch = min(PITCH, room / len(blocks))
        self.font = min(FONT, 72 * 0.85 * self.pitch)
        longest = max(text_width(block.label, self.font) for block in blocks)
        self.upright = longest > self.pitch - 0.04
        self.words = longest + 0.08 if self.upright else LINE
        self.marked = any(block.reduces for block in blocks)
        self.titled = any(stage.title for stage in chain.stages)
        self.row = self.pitch * len(blocks) + width - room
        self.height = TALLEST + self.words + LINE * (self.marked + self.titled + bool(chain.note))

    def draw(self, axes: Axes, left: float, bottom: float) -> None:
        """Onto ``axes`` in inches, with the lower left corner at a place."""
        small = {"color": GREY, "fontsize": FONT - 1, "va": "center", "parse_math": False}
        if self.chain.note:
            axes.text(left, bottom + LINE / 2, self.chain.note, **small)
        titles = bottom + LINE * bool(self.chain.note)
        foot = titles + LINE * self.titled + self.words
        x = left
        end = left + self.row - self.pitch / 2
        axes.plot([left + self.pitch / 2, end], [foot + TALLEST / 2] * 2, color=GREY, linewidth=1)
        for stage in self.chain.stages:
            width = self.pitch * len(stage.blocks)
            axes.text(x + width / 2, titles + LINE / 2, stage.title, ha="center", **small)
            if stage.title:
                ends = [x + self.pitch * 0.1, x + width - self.pitch * 0.1]
                axes.plot(ends, [titles + LINE] * 2, color=GREY, linewidth=0.8)
            for block in stage.blocks:
                self._draw_block(axes, block, x + self.pitch / 2, foot)
                x += self.pitch
            x += BETWEEN

    def _draw_block(self, axes: Axes, block: Block, x: float, foot: float) -> None:
        """With the middle of its foot at a place, its label below and its reduction above."""
        from matplotlib.patches import Rectangle

        width, height = 0.78 * self.pitch, LOWEST + (TALLEST - LOWEST) * block.size
        corner = (x - width / 2, foot + (TALLEST - height) / 2)
        face = PALE if block.fixed else colour(block.label)
        axes.add_patch(Rectangle(corner, width, height, facecolor=face, linewidth=0, zorder=2))
        look = {"ha": "center", "color": INK, "fontsize": self.font, "parse_math": False}
        turned = {"rotation": 90} if self.upright else {}
        axes.text(x, foot - 0.05, block.label, va="top", **look, **turned)
        if block.reduces:
            axes.text(x, foot + TALLEST + LINE / 2, "÷2", va="center", **look)


def diagram_picture(diagram: Diagram, width: float) -> GraphPicture | ChainPicture:
    """``diagram`` in ``width`` inches, as its kind is drawn."""
    return (GraphPicture if isinstance(diagram, Graph) else ChainPicture)(diagram, width)
