"""SPOS: single path one-shot with uniform sampling (Guo et al. 2020)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from methods.base import Method
from methods.options import option
from searchspaces.base import Path

BINS = 7  # of multiply-adds
AROUND = (290 / 330, 360 / 330)  # of the limit: the released code's bins lie from 290 to 360 M
TRIES = 500


@dataclass(frozen=True)
class SPOSOptions:
    """What SPOS leaves open."""

    sampler: str = option(
        "uniform",
        "paths uniform over architectures (the paper) or over seven bins of multiply-adds around "
        "the limit --search.max-madds (the released code), over the whole range without a limit",
        ("uniform", "flops_bins"),
    )
    reject_dead: bool = option(
        False, "never train a path without connection from input to output; shifts the marginals"
    )


class SPOS(Method):
    """One uniformly drawn path per batch, everything else as :class:`Method` has it."""

    Options = SPOSOptions

    @classmethod
    def trains_by_limits(cls, options: SPOSOptions) -> bool:
        return options.sampler == "flops_bins"

    def notes(self) -> list[str]:
        if self.options.sampler != "flops_bins" or self.setting.search.max_madds:
            return []
        return [
            "without --search.max-madds the bins of multiply-adds span the whole space; the "
            "released code's lie closely around its limit"
        ]

    def sample_paths(self, rng: np.random.Generator) -> list[Path]:
        if self.options.sampler == "flops_bins":
            return [self._from_bin(rng)]
        return [self._draw(rng)]

    def _draw(self, rng: np.random.Generator) -> Path:
        while True:
            path = self.space.sample(rng)
            if not self.options.reject_dead or self.space.is_valid(path):
                return path

    def _from_bin(self, rng: np.random.Generator) -> Path:
        """Rejection-sample a path in a uniformly drawn bin; the last try stands if all miss."""
        low, high = self.madds_range
        edges = np.linspace(low, high, BINS + 1)
        chosen = int(rng.integers(BINS))
        for _ in range(TRIES):
            path = self._draw(rng)
            madds = self.cost_of(path).madds
            if edges[chosen] <= madds <= edges[chosen + 1]:
                break
        return path

    @cached_property
    def madds_range(self) -> tuple[float, float]:
        """Around the limit of the search; else from the least to the most of 1,000 random ones."""
        if limit := self.setting.search.max_madds:
            return AROUND[0] * limit * 1e6, AROUND[1] * limit * 1e6
        rng = np.random.default_rng(0)
        archs = (self.space.sample(rng) for _ in range(1000))
        madds = [self.cost_of(arch).madds for arch in archs]
        return min(madds), max(madds)
