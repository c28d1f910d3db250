"""Diagrams of architectures, packed: what many have in common is kept once.

The browser lays out and draws only the few that are looked at; a layout per architecture would
take minutes to find and megabytes to keep.
"""

from __future__ import annotations

import json
from collections.abc import Hashable
from typing import Any

from reports.architectures.layered import longest_paths
from reports.runs.record import Record
from reports.style.theme import PALE, colour
from searchspaces.base import SearchSpace
from searchspaces.diagram import Block, Chain, Diagram, Graph
from searchspaces.errors import UsageError
from searchspaces.registry import SPACES


class Table:
    """Things by number, each once."""

    def __init__(self) -> None:
        self.things: list[Any] = []
        self._numbers: dict[Hashable, int] = {}

    def number(self, thing: Any) -> int:
        key = json.dumps(thing)
        if key not in self._numbers:
            self._numbers[key] = len(self.things)
            self.things.append(thing)
        return self._numbers[key]


class Shelf:
    """The architectures of one space and their diagrams; ``number`` is its place.

    A packed diagram is a list: the number of its frame, then those of its labels (of a graph:
    nodes, then edges) or blocks. An architecture that the space cannot read has none.
    """

    def __init__(self, number: int, space: SearchSpace | None) -> None:
        self.number, self.space = number, space
        self.archs: dict[str, int] = {}
        self.drawings: list[list[list[int]]] = []
        self.frames, self.labels, self.blocks = Table(), Table(), Table()

    def place(self, arch: str) -> int:
        """Where the architecture stands; it is added if it is new."""
        if arch not in self.archs:
            self.archs[arch] = len(self.archs)
            self.drawings.append([self._pack(diagram) for diagram in self._diagrams(arch)])
        return self.archs[arch]

    def content(self) -> dict[str, Any]:
        return {
            "archs": list(self.archs),
            "drawings": self.drawings,
            "frames": self.frames.things,
            "labels": self.labels.things,
            "blocks": self.blocks.things,
        }

    def _diagrams(self, arch: str) -> list[Diagram]:
        try:
            return self.space.diagrams(self.space.decode(arch)) if self.space else []
        except UsageError:
            return []

    def _pack(self, diagram: Diagram) -> list[int]:
        return self._graph(diagram) if isinstance(diagram, Graph) else self._chain(diagram)

    def _graph(self, graph: Graph) -> list[int]:
        frame = {
            "title": graph.title,
            "ranks": list(graph.columns or longest_paths(graph)),
            "operators": [int(node.operator) for node in graph.nodes],
            "edges": [[edge.source, edge.target, int(edge.live)] for edge in graph.edges],
        }
        labels = [self._label(part.label) for part in (*graph.nodes, *graph.edges)]
        return [self.frames.number(frame), *labels]

    def _chain(self, chain: Chain) -> list[int]:
        stages = [[stage.title, len(stage.blocks)] for stage in chain.stages]
        frame = {"title": chain.title, "stages": stages, "note": chain.note}
        blocks = [self._block(block) for stage in chain.stages for block in stage.blocks]
        return [self.frames.number(frame), *blocks]

    def _label(self, text: str) -> int:
        return self.labels.number([text, colour(text)])

    def _block(self, block: Block) -> int:
        paint = PALE if block.fixed else colour(block.label)
        size = float(f"{block.size:.3g}")
        return self.blocks.number([block.label, paint, size, int(block.reduces)])


class Library:
    """A shelf per space and scale, shared by their runs."""

    def __init__(self) -> None:
        self.shelves: dict[tuple[str, str], Shelf] = {}

    def shelf(self, record: Record) -> Shelf:
        """Of the space of a run; one without drawings where that space is not installed."""
        key = (str(record.get("config", "space")), record.truth_scale)
        if key not in self.shelves:
            self.shelves[key] = Shelf(len(self.shelves), _space(*key))
        return self.shelves[key]


def _space(name: str, scale: str) -> SearchSpace | None:
    try:
        return SPACES[name](scale)
    except UsageError:
        return None
