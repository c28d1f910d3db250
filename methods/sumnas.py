"""SUMNAS: a supernet with unbiased meta-features (Ha et al., ICLR 2022, openreview Z8FzvVU6_Kj).

Training a path overwrites what others learned of the weights that they share. So paths are the tasks of
a meta-learner, Reptile (Nichol et al. 2018, arXiv:1803.02999): from the common weights θ each path of a
step takes a few steps of its own to φ, and θ moves towards the mean of what they found, θ + ε mean(φ - θ).
The paths of a step use every operator once, as FairNAS's do.

Its code is not released. Two inner steps on the images of the step at a constant rate, with one momentum
through all paths, and ε that falls from 1 by the schedule, are those of the authors of PA&DA, who ran it on
NAS-Bench-201.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from methods.base import PATHS, Method
from methods.data import Batch
from methods.fairnas import fair_paths
from methods.lazy import torch
from methods.options import check_limits, option
from methods.processes import divisible
from searchspaces.base import Path, SearchSpace, choices

INSTEAD = "choose another method there, as spos, which needs no fair round"


@dataclass(frozen=True)
class SUMNASOptions:
    """How far each path goes, and how far the common weights follow."""

    inner_steps: int = option(2, "steps that each path takes from the common weights")
    meta_lr: float = option(
        1.0, "ε at the first step: 0 learns nothing, 1 is the mean of the paths"
    )

    def __post_init__(self) -> None:
        """Raises :class:`UsageError` for numbers out of bounds."""
        limits = {"options.inner-steps": (1.0, 1e6), "options.meta-lr": (0.0, 1.0)}
        values = {"options.inner-steps": self.inner_steps, "options.meta-lr": self.meta_lr}
        check_limits(values, limits)


class SUMNAS(Method):
    """Inner steps are SGD's by the recipe, its rate constant."""

    Options = SUMNASOptions
    revision = 2  # momentum stays from path to path

    @classmethod
    def paths_per_step(cls, options: SUMNASOptions, space: SearchSpace) -> dict[str, float]:
        paths = float(options.inner_steps * max(choices(space).values()))
        return {"forwards": paths, "backwards": paths}

    def sample_paths(self, rng: np.random.Generator) -> list[Path]:
        """Raises :class:`UsageError` in a space that never has fair ones."""
        return fair_paths(self.space, max(choices(self.space).values()), rng, INSTEAD)

    @divisible
    def train_step(self, step: int) -> dict[str, torch.Tensor]:
        recipe = self.setting.recipe
        batch = self.data.train_batch(step, recipe.batch_size, self.setting.seed)
        paths, part = self.sample_paths(self.rng(PATHS, step)), self.processes.part(batch)
        start = [parameter.detach().clone() for parameter in self.parameters]
        way = [torch.zeros_like(weight) for weight in start]
        first = torch.zeros((), device=self.setting.device)
        for path in paths:
            first += self.adapt(path, part)
            with torch.no_grad():
                for so_far, parameter, weight in zip(way, self.parameters, start, strict=True):
                    so_far += parameter - weight
                    parameter.copy_(weight)
        share = self.options.meta_lr * recipe.decay(step) / len(paths)
        with torch.no_grad():
            for parameter, so_far in zip(self.parameters, way, strict=True):
                parameter += share * so_far
        self.costs["steps"] += 1
        passes = self.options.inner_steps * len(paths)
        self.count(passes, passes, passes * len(batch[1]))
        return {"loss": self.processes.mean(first / len(paths))}

    def adapt(self, path: Path, part: Batch) -> torch.Tensor:
        """Steps of the weights of ``path`` alone, at the rate of the first; its loss before these."""
        losses = []
        for _ in range(self.options.inner_steps):
            self.optimizer.zero_grad(set_to_none=True)
            losses.append(self.path_loss(path, part))
            losses[-1].backward()
            self.descend(0, self.setting.recipe)
        return losses[0].detach()
