"""GDAS: one sampled operator per site, differentiable by the Gumbel softmax (Dong & Yang 2019).

A baseline, DARTS with a hard sample: only the sampled operator of each site runs. Straight
through, the gradient reaches all architecture parameters of the site.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from methods.darts import DARTS, DARTSOptions, density
from methods.lazy import torch
from methods.options import option
from methods.transfer import Reading, to_device
from searchspaces.base import SearchSpace
from searchspaces.errors import UsageError

if TYPE_CHECKING:
    from searchspaces.supernet import Operator, SiteHook

GUMBEL = 61


@dataclass(frozen=True)
class GDASOptions(DARTSOptions):
    """And the temperature of the Gumbel softmax, linear over the training."""

    temperature: float = option(10.0, "temperature at the first step")
    last_temperature: float = option(0.1, "temperature at the last step")

    def __post_init__(self) -> None:
        super().__post_init__()
        if min(self.temperature, self.last_temperature) <= 0:
            raise UsageError("--options.temperature and last-temperature must be above 0.")


class GDAS(DARTS):
    """The cells of a network share the sample of a forward pass."""

    Options = GDASOptions
    _drawn: tuple[int, Any] = (-1, None)
    _read: Reading | None = None  # all parameters since the last step, on the host

    @classmethod
    def paths_per_step(cls, options: Any, space: SearchSpace) -> dict[str, float]:
        """An operator per site, for the weights and again for the architecture parameters."""
        paths = 2 * density(space)
        return {"forwards": paths, "backwards": paths}

    def temperature(self, step: int) -> float:
        options: GDASOptions = self.options
        done = step / max(self.setting.recipe.steps - 1, 1)
        return options.temperature + done * (options.last_temperature - options.temperature)

    def mixture(self, step: int) -> SiteHook:
        # both forward passes of a step draw from its stream, the second behind the first
        if self._drawn[0] != step:
            self._drawn = step, self.rng(GUMBEL, step)
        rng, sizes = self._drawn[1], [len(alpha) for alpha in self.alphas]
        noise = torch.cat([torch.from_numpy(rng.gumbel(size=size)) for size in sizes])
        noise = noise.to(self.alphas[0].dtype)

        def softened(alphas: Sequence[torch.Tensor], noises: torch.Tensor) -> list[torch.Tensor]:
            pairs = zip(alphas, noises.split(sizes), strict=True)
            heat = self.temperature(step)
            return [((alpha.log_softmax(0) + own) / heat).softmax(0) for alpha, own in pairs]

        # the host has to know what to run, and reads for that what the parameters are
        read = torch.from_numpy((self._read or self._reading()).numpy())
        chosen = [int(soft.argmax()) for soft in softened(read.split(sizes), noise)]
        there = softened(self.alphas, to_device(noise, self.setting.device))
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
