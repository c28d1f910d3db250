"""FBNet: differentiable search with a cost in the loss (Wu et al., CVPR 2019, arXiv:1812.03443).

A rival. Operators are mixed by a Gumbel softmax (section 3.3) that trains both levels, each on its
half of the images. The architecture parameters descend cross-entropy times α log(latency)^β
(equation 3), where the latency is the sum of those of the operators, weighed as the pass weighs
them (equations 4 and 10). Here it is in multiply-adds, and log(e + latency), never below 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import e

from methods.base import Batch
from methods.concrete import Concrete, ConcreteOptions
from methods.lazy import torch
from methods.operator_costs import expected, operator_madds
from methods.options import option
from searchspaces.errors import UsageError


@dataclass(frozen=True)
class FBNetOptions(ConcreteOptions):
    """Section 4.1: 90 epochs, of which ten train the weights alone; Adam's betas are DARTS's."""

    arch_lr: float = option(0.01, "learning rate of the architecture parameters")
    arch_weight_decay: float = option(5e-4, "their L2 penalty")
    temperature: float = option(5.0, "temperature at the first step")
    last_temperature: float = option(
        0.09, "temperature at the last step: 5 times e^-0.045 for each of 90 epochs"
    )
    alone: float = option(1 / 9, "share of the steps, the first, in which weights learn alone")
    alpha: float = option(0.2, "factor of the cost")
    beta: float = option(0.6, "exponent of the cost's logarithm; 0: no cost")

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.alone < 1 or self.alpha <= 0 or self.beta < 0:
            raise UsageError(
                "--options.alone is from 0 to below 1, alpha above 0, beta at least 0."
            )


class FBNet(Concrete):
    """A sample for each forward pass, as of SNAS; halves and an own loss for each level."""

    Options = FBNetOptions

    @classmethod
    def weights_alone(cls, options: FBNetOptions) -> float:
        return options.alone

    def notes(self) -> list[str]:
        costly = "the cost in its loss is lowest where operators have no multiply-adds"
        return [*super().notes(), *([costly] if self.options.beta else [])]

    def arch_loss(self, batch: Batch, step: int) -> torch.Tensor:
        weights = self.weights(step)
        return self.loss_of(self.mixed(weights), batch) * self.cost_factor(weights)

    def cost_factor(self, weights: list[torch.Tensor]) -> torch.Tensor:
        """α log(e + cost)^β of operators weighed by ``weights``, ``[operators]`` of each site."""
        cost = expected(self.madds, weights)
        return self.options.alpha * (e + cost).log() ** self.options.beta

    @cached_property
    def madds(self) -> list[torch.Tensor]:
        """Multiply-adds of each operator, ``[operators]`` of each site."""
        return operator_madds(self.relaxation, self.supernet, self.data.image)
