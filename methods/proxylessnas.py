"""ProxylessNAS: one path in memory (Cai et al., ICLR 2019, arXiv:1812.00332).

A rival, by gradient (section 3.2). Weights learn on one path, drawn by the softmax of the
architecture parameters. These learn on two operators of each site, drawn by the same softmax, of
which one is active: binary gates, whose gradients go to the parameters as if they were the
probabilities of the pair (equation 4). What the two gain or lose by the images they exchange
among themselves: all others keep their probability. The expected latency (section 3.3), where it is a
term of the loss, has gradients for all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from methods.base import Batch
from methods.darts import DARTS, DARTSOptions, density
from methods.lazy import torch
from methods.operator_costs import expected, operator_madds
from methods.options import option
from searchspaces.base import SearchSpace
from searchspaces.errors import UsageError

if TYPE_CHECKING:
    from searchspaces.supernet import Operator, SiteHook

PAIR, PATH = 81, 82  # streams
LEAST = 1e-12  # probability with which an operator is drawn at the least


@dataclass(frozen=True)
class ProxylessNASOptions(DARTSOptions):
    """The released code's, but that it warms up with a schedule of its own.

    Its default makes gates of all operators (``full_v2``), from small random parameters; here are the
    paper's two, from zeros.
    """

    arch_lr: float = option(1e-3, "learning rate of the architecture parameters")
    arch_weight_decay: float = option(0.0, "their L2 penalty")
    alone: float = option(0.25, "share of the steps, the first, in which weights learn alone")
    every: int = option(5, "of so many steps behind these one trains the parameters too")
    latency: float = option(
        0.0, "factor of the expected multiply-adds, in those of equally likely operators"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.alone < 1 or self.latency < 0:
            raise UsageError("--options.alone is from 0 to below 1, --options.latency at least 0.")
        if self.every < 1:
            raise UsageError(f"--options.every must be at least 1, not {self.every}.")


class ProxylessNAS(DARTS):
    """Two operators of each site run for the architecture parameters, one for the weights."""

    Options = ProxylessNASOptions
    arch_betas = (0.0, 0.999)  # without momentum, so that operators that were not drawn stay
    arch_passes = 2

    @classmethod
    def paths_per_pass(cls, options: Any, space: SearchSpace) -> float:
        return density(space)

    @classmethod
    def weights_alone(cls, options: ProxylessNASOptions) -> float:
        return options.alone

    @classmethod
    def every(cls, options: ProxylessNASOptions) -> int:
        return options.every

    @classmethod
    def period(cls, options: ProxylessNASOptions) -> int:
        return options.every

    def mixture(self, step: int) -> SiteHook:
        """One path."""
        chosen = self.draw(self.rng(PATH, step), 1)

        def hook(site: int, operators: Sequence[Operator], x: torch.Tensor) -> torch.Tensor:
            return operators[chosen[site][0]](x)

        return hook

    def draw(self, rng: np.random.Generator, number: int) -> list[list[int]]:
        """Different operators of each site, as many as it has or ``number``, by probability."""
        drawn = []
        for logs in self._log_probabilities():
            chances = np.exp(logs).clip(LEAST)
            size = min(number, len(chances))
            drawn.append(rng.choice(len(chances), size, False, chances / chances.sum()).tolist())
        return drawn

    def arch_loss(self, batch: Batch, step: int) -> torch.Tensor:
        rng = self.rng(PAIR, step)
        self.pairs = self.draw(rng, 2)
        loss = self.loss_of(self.gated(self.pairs, rng), batch)
        if self.options.latency:
            weights = [alpha.softmax(0) for alpha in self.alphas]
            loss = loss + self.options.latency * expected(self.costs_of_operators, weights)
        return loss

    pairs: list[list[int]]  # that the architecture parameters of this step are of

    def gated(self, pairs: list[list[int]], rng: np.random.Generator) -> SiteHook:
        """Of each pair one operator counts; the gradient is that of their softmax."""
        logs, gates = self._log_probabilities(), []
        for site, pair in enumerate(pairs):
            chances = np.exp(logs[site][pair] - logs[site][pair].max())
            active = int(rng.choice(len(pair), p=chances / chances.sum()))
            soft = self.alphas[site][pair].softmax(0)
            one = torch.eye(len(pair), device=soft.device, dtype=soft.dtype)[active]
            gates.append(one - soft.detach() + soft)

        def hook(site: int, operators: Sequence[Operator], x: torch.Tensor) -> torch.Tensor:
            outs = [operators[number](x) for number in pairs[site]]
            return sum(gate * out for gate, out in zip(gates[site], outs, strict=True))

        return hook

    @cached_property
    def costs_of_operators(self) -> list[torch.Tensor]:
        """In what a network takes whose operators are all equally likely."""
        madds = operator_madds(self.relaxation, self.supernet, self.data.image)
        usual = sum(of.mean() for of in madds)
        return [of / usual for of in madds]

    def update_alphas(self) -> None:
        """What the pair has together stays, so that others keep their probabilities."""
        with torch.no_grad():
            drawn = list(zip(self.alphas, self.pairs, strict=True))
            together = [alpha[pair].logsumexp(0) for alpha, pair in drawn]
            super().update_alphas()
            for (alpha, pair), before in zip(drawn, together, strict=True):
                alpha[pair] += before - alpha[pair].logsumexp(0)
