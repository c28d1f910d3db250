"""Operators drawn by the concrete distribution (Maddison et al. 2017; Jang et al. 2017).

A sample is softmax((log p + Gumbel noise) / temperature): at any temperature its largest part is
operator k with the probability p_k of it, and the lower the temperature, the nearer is the sample
to that operator alone. Its gradient reaches the parameters of p.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from methods.darts import DARTS, DARTSOptions
from methods.lazy import torch
from methods.options import option
from methods.transfer import to_device
from searchspaces.errors import UsageError

GUMBEL = 61


@dataclass(frozen=True)
class ConcreteOptions(DARTSOptions):
    """And how far a sample is from one operator."""

    temperature: float = option(10.0, "temperature at the first step")
    last_temperature: float = option(0.1, "temperature at the last step")

    def __post_init__(self) -> None:
        super().__post_init__()
        if min(self.temperature, self.last_temperature) <= 0:
            raise UsageError("--options.temperature and last-temperature must be above 0.")


class Concrete(DARTS):
    """Mixes all operators by a sample, which all cells of a network share in a forward pass."""

    Options = ConcreteOptions
    _drawn: tuple[int, Any] = (-1, None)

    def temperature(self, step: int) -> float:
        """Falls by the same factor in each step."""
        first, last = self.options.temperature, self.options.last_temperature
        return float(first * (last / first) ** self.done(step))

    def noise(self, step: int) -> torch.Tensor:
        """Gumbel's, one number per operator of all sites, on the host.

        Both forward passes of a step draw from its stream, the second behind the first.
        """
        if self._drawn[0] != step:
            self._drawn = step, self.rng(GUMBEL, step)
        rng, sizes = self._drawn[1], [len(alpha) for alpha in self.alphas]
        noise = torch.cat([torch.from_numpy(rng.gumbel(size=size)) for size in sizes])
        return noise.to(self.alphas[0].dtype)

    def weights(self, step: int) -> list[torch.Tensor]:
        noise = to_device(self.noise(step), self.setting.device)
        return softened(self.alphas, noise, self.temperature(step))


def softened(
    alphas: Sequence[torch.Tensor], noise: torch.Tensor, temperature: float
) -> list[torch.Tensor]:
    """A sample for each site, ``[operators]``, from its ``alphas`` and its part of ``noise``, ``[Σ operators]``."""
    pairs = zip(alphas, noise.split([len(alpha) for alpha in alphas]), strict=True)
    return [((alpha.log_softmax(0) + own) / temperature).softmax(0) for alpha, own in pairs]
