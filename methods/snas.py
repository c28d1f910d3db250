"""SNAS: stochastic neural architecture search (Xie et al., ICLR 2019, arXiv:1812.09926).

A rival. All operators run, mixed by a sample of the concrete distribution (section 2.2), and the
weights and the architecture parameters descend one loss on the same images (section 2.3): there
are no halves and no second pass. The temperature falls towards samples of one operator. The
penalty on resources is left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from methods.concrete import Concrete, ConcreteOptions
from methods.lazy import torch
from methods.options import option
from methods.processes import divisible
from searchspaces.base import SearchSpace


@dataclass(frozen=True)
class SNASOptions(ConcreteOptions):
    """The paper prints no temperatures; these fall by the same factor each step.

    The released code has 1 and 0.03, and an annealing that falls linearly, off by default.
    """

    temperature: float = option(2.5, "temperature at the first step")
    last_temperature: float = option(0.03, "temperature at the last step")


class SNAS(Concrete):
    """One level: a pass of each step trains both the weights and the architecture parameters."""

    Options = SNASOptions
    revision = 1  # without halves

    @classmethod
    def paths_per_step(cls, options: Any, space: SearchSpace) -> dict[str, float]:
        paths = cls.paths_per_pass(options, space)
        return {"forwards": paths, "backwards": paths}

    @divisible
    def train_step(self, step: int) -> dict[str, torch.Tensor]:
        recipe = self.setting.recipe
        batch = self.data.train_batch(step, recipe.batch_size, self.setting.seed)
        self.clear()
        loss = self.mixture_loss(self.processes.part(batch), step)
        loss.backward()
        self.update_alphas()
        self.update(step)
        self.count_passes(step, 1, len(batch[1]))
        return {"loss": self.processes.mean(loss.detach())}
