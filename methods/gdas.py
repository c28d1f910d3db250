"""GDAS: one sampled operator per site, differentiable by the Gumbel softmax (Dong & Yang 2019).

A baseline, DARTS with a hard sample: only the sampled operator of each site runs. Straight
through, the gradient reaches all architecture parameters of the site.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from methods.concrete import Concrete, ConcreteOptions, softened
from methods.darts import density
from methods.lazy import torch
from methods.transfer import Reading, to_device
from searchspaces.base import SearchSpace

if TYPE_CHECKING:
    from searchspaces.supernet import Operator, SiteHook


@dataclass(frozen=True)
class GDASOptions(ConcreteOptions):
    """The temperature of the Gumbel softmax is linear over the training."""


class GDAS(Concrete):
    """The cells of a network share the sample of a forward pass."""

    Options = GDASOptions
    _read: Reading | None = None  # all parameters since the last step, on the host

    @classmethod
    def paths_per_pass(cls, options: Any, space: SearchSpace) -> float:
        """An operator of each site that a pass visits."""
        return density(space)

    def temperature(self, step: int) -> float:
        options: GDASOptions = self.options
        change = options.last_temperature - options.temperature
        return options.temperature + self.done(step) * change

    def mixture(self, step: int) -> SiteHook:
        noise, heat = self.noise(step), self.temperature(step)
        # the host has to know what to run, and reads for that what the parameters are
        read = torch.from_numpy((self._read or self._reading()).numpy())
        alphas = read.split([len(alpha) for alpha in self.alphas])
        chosen = [int(soft.argmax()) for soft in softened(alphas, noise, heat)]
        there = softened(self.alphas, to_device(noise, self.setting.device), heat)
        ones = [soft[i] - soft[i].detach() + 1 for soft, i in zip(there, chosen, strict=True)]

        def hook(site: int, operators: Sequence[Operator], x: torch.Tensor) -> torch.Tensor:
            return ones[site] * operators[chosen[site]](x)

        return hook

    def update_alphas(self) -> None:
        """One reading serves this step's pass of the weights and the next step's first."""
        super().update_alphas()
        self._read = self._reading()

    def load_trained_state(self, state: dict[str, Any]) -> None:
        super().load_trained_state(state)
        self._read = None

    def _reading(self) -> Reading:
        return Reading(torch.cat([alpha.detach() for alpha in self.alphas]))
