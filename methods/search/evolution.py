"""The evolutionary search of SPOS (Guo et al. 2020, Algorithm 1, as its code runs it)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from methods.options import SearchLimits
from searchspaces.base import Arch, SearchSpace
from searchspaces.errors import UsageError

TRIES = 2000


class Evolution:
    """Ask for a generation, tell its scores.

    Parents are the best ``parents`` of everything seen (an elitist archive). Half of a generation
    comes from mutation and half from crossover; what these cannot fill without repeating an
    architecture is random. No architecture is asked for twice.
    """

    def __init__(self, space: SearchSpace, limits: SearchLimits, feasible: Callable[[Arch], bool]):
        self.space, self.limits, self.feasible = space, limits, feasible
        self.seen: dict[Arch, float] = {}

    def ask(self, generation: int, rng: np.random.Generator) -> list[Arch]:
        """The architectures of ``generation``; fewer than ``population`` in a tiny space.

        Raises :class:`UsageError` if no architecture meets the constraint.
        """
        size = self.limits.population
        if generation == 0:
            return self.random(size, rng)
        parents = self.parents()

        def pick() -> Arch:
            return parents[int(rng.integers(len(parents)))]

        fresh: dict[Arch, None] = {}
        rate = self.limits.mutation_rate
        self.fill(fresh, size // 2, lambda: self.space.mutate(pick(), rng, rate))
        self.fill(fresh, size, lambda: self.space.crossover(pick(), pick(), rng))
        self.fill(fresh, size, lambda: self.space.sample(rng))
        return list(fresh)

    def random(self, size: int, rng: np.random.Generator) -> list[Arch]:
        """A random first generation; raises :class:`UsageError` if nothing is feasible."""
        fresh: dict[Arch, None] = {}
        self.fill(fresh, size, lambda: self.space.sample(rng), tries=TRIES + 10 * size)
        if not fresh:
            raise UsageError(
                f"no architecture of {self.space.name} with {self.limits.described()} was found; "
                "widen the limits, such as --search.max-madds."
            )
        return list(fresh)

    def fill(
        self, fresh: dict[Arch, None], size: int, draw: Callable[[], Arch], tries: int = 0
    ) -> None:
        """Add new feasible architectures to ``fresh`` until it has ``size`` or draws run dry."""
        for _ in range(tries or 10 * size):
            if len(fresh) >= size:
                return
            arch = draw()
            if arch not in fresh and arch not in self.seen and self.feasible(arch):
                fresh[arch] = None

    def tell(self, scored: list[tuple[Arch, float]]) -> None:
        self.seen.update(scored)

    def ranked(self) -> list[Arch]:
        """The architectures seen, best first; ties keep the order they were seen in."""
        return sorted(self.seen, key=self.seen.__getitem__, reverse=True)

    def parents(self) -> list[Arch]:
        return self.ranked()[: self.limits.parents]

    def best(self) -> Arch:
        return self.parents()[0]

    def front(self) -> list[Arch]:
        """Of everything seen what nothing dominates, where there are several objectives."""
        return []

    def state_dict(self) -> dict[str, Any]:
        return {"archs": [list(a) for a in self.seen], "scores": list(self.seen.values())}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        archs = (tuple(a) for a in state["archs"])
        self.seen = dict(zip(archs, state["scores"], strict=True))
