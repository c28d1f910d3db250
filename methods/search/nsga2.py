"""NSGA-II (Deb et al. 2002) for architectures: accuracy, multiply-adds and parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from methods.options import SearchLimits
from methods.search.evolution import Evolution
from searchspaces.base import Arch, Cost, SearchSpace


class NSGA2(Evolution):
    """Ask for a generation, tell its scores, as :class:`Evolution`, with three objectives.

    The parents of a generation are the best ``limits.population`` of the parents before and their
    children: front after front of architectures that no other dominates, the least crowded of the
    last front. They meet in binary tournaments; a child is crossed over, then mutated. What this
    cannot fill without repeating an architecture is random. ``limits.parents`` plays no role.
    """

    def __init__(
        self,
        space: SearchSpace,
        limits: SearchLimits,
        feasible: Callable[[Arch], bool],
        cost: Callable[[Arch], Cost],
    ):
        super().__init__(space, limits, feasible)
        self.cost = cost
        self.survivors: list[Arch] = []

    def ask(self, generation: int, rng: np.random.Generator) -> list[Arch]:
        """As :meth:`Evolution.ask`."""
        size = self.limits.population
        if generation == 0:
            return self.random(size, rng)

        def pick() -> Arch:
            return self.survivors[int(rng.integers(len(self.survivors), size=2).min())]

        def child() -> Arch:
            both = self.space.crossover(pick(), pick(), rng)
            return self.space.mutate(both, rng, self.limits.mutation_rate)

        fresh: dict[Arch, None] = {}
        self.fill(fresh, size, child)
        self.fill(fresh, size, lambda: self.space.sample(rng))
        return list(fresh)

    def tell(self, scored: list[tuple[Arch, float]]) -> None:
        super().tell(scored)
        archs = self.survivors + [arch for arch, _ in scored]
        self.survivors = self.ranked(archs)[: self.limits.population]

    def ranked(self, archs: list[Arch]) -> list[Arch]:
        """``archs`` by front, in a front by crowding distance, falling; ties keep their order."""
        goals = np.array([self.objectives(arch) for arch in archs], dtype=float)
        ranked: list[Arch] = []
        for front in non_dominated_fronts(goals):
            least_crowded = np.argsort(-crowding_distances(goals[front]), kind="stable")
            ranked += [archs[index] for index in front[least_crowded]]
        return ranked

    def objectives(self, arch: Arch) -> tuple[float, int, int]:
        """What is to be small: accuracy with a minus, multiply-adds, parameters."""
        cost = self.cost(arch)
        return -self.seen[arch], cost.madds, cost.params

    def parents(self) -> list[Arch]:
        """The survivors, best first."""
        return self.survivors

    def best(self) -> Arch:
        """The most accurate architecture of the first front of everything seen."""
        return min(self.seen, key=self.objectives)  # the cheapest of equals: none dominates it

    def front(self) -> list[Arch]:
        """The first front of everything seen, the most accurate first."""
        archs = list(self.seen)
        goals = np.array([self.objectives(arch) for arch in archs], dtype=float)
        if not archs:
            return []
        return sorted((archs[row] for row in non_dominated_fronts(goals)[0]), key=self.objectives)

    def state_dict(self) -> dict[str, Any]:
        return super().state_dict() | {"survivors": [list(arch) for arch in self.survivors]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        super().load_state_dict(state)
        self.survivors = [tuple(arch) for arch in state["survivors"]]


def non_dominated_fronts(goals: np.ndarray) -> list[np.ndarray]:
    """Rows of ``goals`` ``[n, m]``, all of which are to be small, front by front, ascending in each.

    A row dominates another that is nowhere smaller and somewhere larger. No row dominates those of
    the first front, only rows of the fronts before those of a later one (Deb et al. 2002, III-A).
    """
    at_most = (goals[:, None] <= goals).all(-1)
    dominates = at_most & ~at_most.T
    fronts, left = [], np.arange(len(goals))
    while len(left):
        dominated = dominates[np.ix_(left, left)].any(0)
        fronts.append(left[~dominated])
        left = left[dominated]
    return fronts


def crowding_distances(goals: np.ndarray) -> np.ndarray:
    """How far apart the two neighbours of each row of a front are, ``[n]`` from ``[n, m]``.

    The mean over the goals of that distance as a share of the goal's range; infinite where a row
    has no neighbour on one side (Deb et al. 2002, III-B). A goal in which all are equal counts 0.
    """
    order = goals.argsort(axis=0, kind="stable")
    ranged = np.take_along_axis(goals, order, axis=0)
    with np.errstate(invalid="ignore"):  # an infinite goal minus another
        span = ranged[-1] - ranged[0]
        gaps = np.diff(ranged, axis=0, prepend=-np.inf, append=np.inf)
        gaps = np.nan_to_num(gaps / np.where(span == 0, np.nan, span), nan=0.0, posinf=np.inf)
    distances = np.empty_like(gaps[1:])
    np.put_along_axis(distances, order, gaps[:-1] + gaps[1:], axis=0)
    return distances.sum(1) / goals.shape[1]
