"""Whether a search can find anything within its limits: asked before anything is trained."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from methods.base import Method
from methods.search.evolution import TRIES, Evolution
from searchspaces.base import Arch
from searchspaces.errors import UsageError
from searchspaces.ranges import value_range

SHOWN = ".4g"


@dataclass(frozen=True)
class Limited:
    """One limited quantity: its name and unit, its limits (0: none), how far the space goes."""

    words: str
    unit: str
    low: float
    high: float
    least: float
    most: float

    @property
    def free(self) -> bool:
        """Whether the limits leave everything in."""
        return self.low <= self.least and (not self.high or self.high >= self.most)

    @property
    def range(self) -> str:
        return f"{self.words} from {self.least:{SHOWN}} to {self.most:{SHOWN}}{self.unit}"


def check_reachable(method: Method) -> list[str]:
    """Sentences on limits of the search that leave everything in, which is hardly what was meant.

    Raises :class:`UsageError` where no random architecture is within the limits, as for the first
    generation of an evolution, with the ranges that the space has.
    """
    limits = method.setting.search
    if not limits.limited or not method.search_epochs:
        return []
    ranges = list(_ranges(method))
    one = Evolution(method.space, replace(limits, population=1), method.feasible)
    try:
        one.random(1, np.random.default_rng(0))
    except UsageError:
        raise UsageError(
            f"no architecture of {method.space.name} with {limits.described()} was found among "
            f"{TRIES:,} random ones; widen the limits: it has "
            f"{' and '.join(each.range for each in ranges)}."
        ) from None
    return [
        f"all that {method.space.name} has is within the limits on {each.words}: it has {each.range}"
        for each in ranges
        if each.free
    ]


def _ranges(method: Method) -> Iterator[Limited]:
    limits, costs = method.setting.search, method.setting.costs
    space, image = method.setting.sized or (method.space, method.data.image)

    def of(value: Callable[[Arch], float]) -> tuple[float, float]:
        return value_range(space, image, value)

    if limits.min_madds or limits.max_madds:
        found = of(lambda arch: method.cost_of(arch).madds / 1e6)
        yield Limited("multiply-adds", " million", limits.min_madds, limits.max_madds, *found)
    if limits.min_params or limits.max_params:
        found = of(lambda arch: method.cost_of(arch).params / 1e6)
        yield Limited("parameters", " million", limits.min_params, limits.max_params, *found)
    if limits.cost:
        if method.setting.latency:
            found = of(method.limited_cost)
        else:
            known = np.array([*costs.values(), np.nan])
            found = (float(np.nanmin(known)), float(np.nanmax(known)))
        yield Limited(limits.cost, "", limits.min_cost, limits.max_cost, *found)
