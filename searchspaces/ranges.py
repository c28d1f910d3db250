"""From where to where a number goes over the architectures of a space."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import islice

import numpy as np

from searchspaces.architecture import Arch, ImageSpec
from searchspaces.base import SearchSpace
from searchspaces.climbing import climb

STARTS, DRAWS = 2, 10_000


def value_range(
    space: SearchSpace, image: ImageSpec, value: Callable[[Arch], float]
) -> tuple[float, float]:
    """The smallest and the largest ``value`` of valid architectures, as far as they are found.

    An architecture whose value is no number is none of them.

    From the smallest and the largest of the space, and from a few random ones, a gene at a time is
    changed: exact where every gene adds a number of its own and all architectures are valid.
    Raises :class:`UsageError` as :meth:`SearchSpace.extremes` does.
    """
    rng, sizes = np.random.default_rng(0), [len(site.operators) for site in space.sites]
    drawn = filter(space.is_valid, (space.sample(rng) for _ in range(DRAWS)))
    starts: Sequence[Arch] = [*space.extremes(image), *islice(drawn, STARTS)]

    def order(sign: int) -> Callable[[Arch], float]:
        def key(arch: Arch) -> float:
            return math.inf if math.isnan(found := value(arch)) else sign * found

        return key

    least, most = (climb(starts, sizes, order(sign), space.is_valid) for sign in (1, -1))
    return value(least), value(most)
