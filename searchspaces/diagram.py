"""What to draw of an architecture, without how: cells as graphs, chains as rows of blocks."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Node:
    """A vertex of a cell; ``operator``: its label names an operator."""

    label: str
    operator: bool = False


@dataclass(frozen=True)
class Edge:
    """From one node to a later one, both by position; ``label`` names its operator, if any.

    ``live``: whether what passes here starts from the input and reaches the output.
    """

    source: int
    target: int
    label: str = ""
    live: bool = True


@dataclass(frozen=True)
class Graph:
    """A cell; ``nodes`` in topological order.

    ``columns`` places each node from left to right; where empty, a node is as many columns from
    the left as the longest path to it has edges.
    """

    title: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    columns: tuple[int, ...] = ()


@dataclass(frozen=True)
class Block:
    """A layer of a chain; ``size`` between 0 and 1 is how heavy it is among its site's operators.

    ``reduces``: it divides the sides of its input by two; ``fixed``: it is no choice.
    """

    label: str
    size: float = 1.0
    reduces: bool = False
    fixed: bool = False


@dataclass(frozen=True)
class Stage:
    """Successive blocks with a few characters about all of them."""

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Chain:
    """A network as a row of blocks; ``note`` says what sizes and titles of stages mean."""

    title: str
    stages: tuple[Stage, ...]
    note: str = ""


Diagram = Graph | Chain
