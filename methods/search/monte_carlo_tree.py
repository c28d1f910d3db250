"""A Monte Carlo tree of architectures, as MCT-NAS draws from it (Su et al. 2021, sections 3.2, 3.3)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from searchspaces.base import Path


class Tree:
    """Visits and summed rewards by beginning of an architecture, () for the root.

    ``earned``: of each site, what its operators earn, a moving average of decay ``sharing``; 1 before
    any visit. It counts ``operator`` times in a UCT. ``history`` has all that the tree was told.
    """

    def __init__(self, sizes: Sequence[int], operator: float, temperature: float, sharing: float):
        self.sizes = sizes
        self.operator, self.temperature, self.sharing = operator, temperature, sharing
        self.nodes: dict[Path, tuple[int, float]] = {}
        self.earned = [np.ones(size) for size in sizes]
        self.history: list[tuple[Path, float]] = []

    def tell(self, path: Path, reward: float) -> None:
        """``path`` earned ``reward``: its nodes and operators learn of it."""
        self.history.append((path, reward))
        for depth in range(len(path) + 1):
            visits, total = self.nodes.get(path[:depth], (0, 0.0))
            self.nodes[path[:depth]] = visits + 1, total + reward
        for site, gene in enumerate(path):
            self.earned[site][gene] += (1 - self.sharing) * (reward - self.earned[site][gene])

    def uct(self, node: Path, bonus: float) -> np.ndarray:
        """Of the children of ``node``, float64 ``[operators]``."""
        site = len(node)
        children = [self.nodes.get((*node, gene), (0, 0.0)) for gene in range(self.sizes[site])]
        visits, totals = np.array(children).T
        means = np.where(visits > 0, totals / np.maximum(visits, 1), self.earned[site])
        above = math.log(max(self.nodes.get(node, (0, 0.0))[0], 1))
        few = np.sqrt(above / np.maximum(visits, 1))
        return means + bonus * few + self.operator * self.earned[site]

    def draw(self, rng: np.random.Generator, bonus: float) -> Path:
        """A path, child by child, by the softmax of :meth:`uct` over the temperature."""
        node: Path = ()
        for size in self.sizes:
            scores = self.uct(node, bonus) / self.temperature
            chances = np.exp(scores - scores.max())
            node = (*node, int(rng.choice(size, p=chances / chances.sum())))
        return node
