"""NSGA-II (Deb et al. 2002) for architectures: accuracy, multiply-adds and parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from pymoo.operators.survival.rank_and_crowding.metrics import calc_crowding_distance
from pymoo.util.nds.non_dominated_sorting import NonDominatedSorting

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
        for front in NonDominatedSorting().do(goals):
            least_crowded = np.argsort(-calc_crowding_distance(goals[front]), kind="stable")
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

    def state_dict(self) -> dict[str, Any]:
        return super().state_dict() | {"survivors": [list(arch) for arch in self.survivors]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        super().load_state_dict(state)
        self.survivors = [tuple(arch) for arch in state["survivors"]]
