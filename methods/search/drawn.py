"""A search that draws: from the space, from a controller, from a tree."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from methods.options import SearchLimits
from methods.search.evolution import TRIES, Evolution
from searchspaces.base import Arch, SearchSpace
from searchspaces.errors import UsageError


class Drawn(Evolution):
    """Asks for what ``draw`` gives; of all that it is told the best is found.

    As many architectures as an evolution asks for, none of them twice. Where ``draw`` keeps giving
    what was seen, the rest of a generation is uniformly random.
    """

    def __init__(
        self,
        space: SearchSpace,
        limits: SearchLimits,
        feasible: Callable[[Arch], bool],
        draw: Callable[[np.random.Generator], Arch],
    ):
        super().__init__(space, limits, feasible)
        self.draw = draw

    def ask(self, generation: int, rng: np.random.Generator) -> list[Arch]:
        """Raises :class:`UsageError` as an evolution does."""
        fresh: dict[Arch, None] = {}
        size = self.limits.population
        self.fill(fresh, size, lambda: self.draw(rng))
        self.fill(fresh, size, lambda: self.space.sample(rng))
        return list(fresh) if fresh or generation else self.random(size, rng)


def complete(space: SearchSpace) -> bool:
    """Whether any operators of its sites make an architecture of ``space``."""
    return math.prod(len(site.operators) for site in space.sites) == space.size


def allowed(space: SearchSpace, draw: Callable[[], Arch]) -> Arch:
    """What ``draw`` gives, anew until it is in ``space``, which may leave out some choices.

    Raises :class:`UsageError` where it never is.
    """
    if complete(space):
        return draw()
    for _ in range(TRIES):
        if space.is_valid(arch := draw()):
            return arch
    raise UsageError(f"of {TRIES:,} architectures drawn site by site none is in {space.name}.")
