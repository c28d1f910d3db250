"""A layered layout of a graph: columns from left to right, slots above one another in each.

Nodes have columns of their own and labels of edges columns between them. An edge has a slot in
every column that it passes, so that what runs level through a column meets nothing there. After
Sugiyama, Tagawa & Toda 1981, with heights by linear programming as in Gansner et al. 1993.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np

from searchspaces.diagram import Graph

STARTS, SWEEPS = 24, 12  # orders from which crossings are reduced, how often each
Columns = list[list[int]]  # items of each column, from below


@dataclass(frozen=True)
class Place:
    """``column`` from the left; ``height`` in slots, of which the lowest is 0."""

    column: int
    height: float


@dataclass(frozen=True)
class Layout:
    """Where nodes are; the places of each edge from source to target; which one has its label."""

    columns: int
    nodes: tuple[Place, ...]
    routes: tuple[tuple[Place, ...], ...]
    labels: tuple[int | None, ...]

    @property
    def slots(self) -> float:
        """The height of the highest slot."""
        return max(place.height for route in (self.nodes, *self.routes) for place in route)


def arrange(graph: Graph) -> Layout:
    """The layout of ``graph``, the same for equal graphs."""
    ranks = graph.columns or longest_paths(graph)
    stops = _label_columns(graph, ranks)
    used = sorted({2 * rank for rank in ranks} | {stop for stop in stops if stop is not None})
    column = {stop: number for number, stop in enumerate(used)}
    columns: Columns = [[] for _ in used]
    for node, rank in enumerate(ranks):
        columns[column[2 * rank]].append(node)
    count, routes, labels = len(ranks), [], []
    for edge, stop in zip(graph.edges, stops, strict=True):
        first, last = column[2 * ranks[edge.source]], column[2 * ranks[edge.target]]
        passed = range(first + 1, last)
        for number, inner in enumerate(passed, start=count):
            columns[inner].append(number)
        routes.append((edge.source, *range(count, count + len(passed)), edge.target))
        labels.append(None if stop is None else column[stop] - first)
        count += len(passed)
    heights = _heights(columns, routes, len(ranks))
    places = {
        item: Place(number, float(heights[item]))
        for number, items in enumerate(columns)
        for item in items
    }
    return Layout(
        len(columns),
        tuple(places[node] for node in range(len(ranks))),
        tuple(tuple(places[item] for item in route) for route in routes),
        tuple(labels),
    )


def longest_paths(graph: Graph) -> tuple[int, ...]:
    """Per node, the number of edges on the longest path that ends there."""
    ranks = [0] * len(graph.nodes)
    for edge in sorted(graph.edges, key=lambda edge: edge.target):
        ranks[edge.target] = max(ranks[edge.target], ranks[edge.source] + 1)
    return tuple(ranks)


def _label_columns(graph: Graph, ranks: Sequence[int]) -> list[int | None]:
    """Per edge, where its label is: between ranks r and r + 1 lies column 2 r + 1.

    Labels that can lie in several columns go where there are fewest.
    """
    stops: list[int | None] = [None] * len(graph.edges)
    taken: Counter[int] = Counter()
    spans = [range(2 * ranks[e.source] + 1, 2 * ranks[e.target], 2) for e in graph.edges]
    for edge in sorted(range(len(spans)), key=lambda edge: len(spans[edge])):
        if graph.edges[edge].label:
            middle = (spans[edge][0] + spans[edge][-1]) / 2
            stop = min(spans[edge], key=lambda c: (taken[c], abs(c - middle), c))
            stops[edge] = stop
            taken[stop] += 1
    return stops


def _heights(columns: Columns, routes: Sequence[tuple[int, ...]], nodes: int) -> np.ndarray:
    """Heights of all items: few crossings first, then little up and down."""
    steps = [step for route in routes for step in pairwise(route)]
    rng = np.random.default_rng(0)
    best, chosen = (math.inf, math.inf), np.empty(0)
    for start in range(STARTS):
        tried = [
            list(items) if start == 0 else rng.permutation(items).tolist() for items in columns
        ]
        crossings = _untangle(tried, steps)
        if crossings <= best[0]:
            heights, bends = _levels(tried, steps, nodes)
            if (crossings, bends) < best:
                best, chosen = (crossings, bends), heights
    return chosen


def _untangle(columns: Columns, steps: Sequence[tuple[int, int]]) -> int:
    """Exchange items of a column where that saves crossings; returns how many are left.

    Every other time also where it changes nothing, to move a crossing along to where it can go.
    """
    home = {item: number for number, items in enumerate(columns) for item in items}
    above = {item: place for items in columns for place, item in enumerate(items)}
    gaps: list[list[tuple[int, int]]] = [[] for _ in columns]
    for step in steps:
        gaps[home[step[0]]].append(step)

    def crossings(near: Sequence[list[tuple[int, int]]]) -> int:
        return sum(
            (above[a] - above[c]) * (above[b] - above[d]) < 0
            for between in near
            for (a, b), (c, d) in combinations(between, 2)
        )

    for sweep in range(SWEEPS):
        for number, items in enumerate(columns):
            near = gaps[max(number - 1, 0) : number + 1]
            least = crossings(near)
            for a, b in combinations(items, 2):
                above[a], above[b] = above[b], above[a]
                after = crossings(near)
                if after < least or (after == least and sweep % 2 == 0):
                    least = after
                else:
                    above[a], above[b] = above[b], above[a]
            items.sort(key=above.__getitem__)
    return crossings(gaps)


def _levels(
    columns: Columns, steps: Sequence[tuple[int, int]], nodes: int
) -> tuple[np.ndarray, float]:
    """Heights that keep the order and a distance of one slot, and the sum of their differences.

    The difference along a step weighs 1 between nodes, 2 at one, and 8 where an edge passes.
    """
    from scipy.optimize import linprog

    count = sum(map(len, columns))
    weights = [1.0, 2.0, 8.0]
    cost = [0.0] * count + [weights[(a >= nodes) + (b >= nodes)] for a, b in steps]
    rows = []
    for number, (a, b) in enumerate(steps):
        for sign in (1, -1):
            rows.append((((a, sign), (b, -sign), (count + number, -1)), 0))
    for items in columns:
        rows += [(((below, 1), (above, -1)), -1) for below, above in pairwise(items)]
    matrix = np.zeros((len(rows), len(cost)))
    for row, (terms, _) in enumerate(rows):
        for variable, factor in terms:
            matrix[row, variable] = factor
    solved = linprog(cost, matrix, [bound for _, bound in rows])
    heights = solved.x[:count]
    return heights - heights.min(), float(solved.fun)
