"""NSAS: a loss against forgetting (Zhang et al., CVPR 2020, doi:10.1109/CVPR42600.2020.00783).

A rival, on random paths ("RandomNAS-NSAS"). Training a path makes those that share its weights
worse, so each step descends (1 - ε) times the loss of its path plus ε times the mean loss of M
constraints, earlier paths that are to stay good. They are to be unlike one another: a novelty
search replaces the one that is most like the step's path by whichever of the last C paths is
furthest from the others. M, C, k and ε are the released code's; that code takes the constraints'
loss as a number, without its gradient, which would leave nothing but a smaller learning rate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from methods.base import Batch, Method, Setting, compute
from methods.lazy import torch
from methods.options import Recipe, option
from methods.processes import divisible
from methods.search.drawn import Drawn
from searchspaces.base import Arch, Path, SearchSpace
from searchspaces.errors import UsageError

RECENT, NEAREST, TRIES = 50, 10, 10  # C; k of the novelty; draws for a constraint as they fill up


@dataclass(frozen=True)
class NSASOptions:
    """The constraints."""

    constraints: int = option(8, "M: paths that each step keeps good")
    weight: float = option(0.5, "ε: their share of the loss")

    def __post_init__(self) -> None:
        """Raises :class:`UsageError` for values that no loss can have."""
        if self.constraints < 2 or not 0 <= self.weight < 1:
            raise UsageError(
                "--options.constraints is at least 2, of which one can be unlike the others, "
                "--options.weight from 0 to below 1."
            )


class NSAS(Method):
    """Its search is random too, as that of RSPS."""

    Options = NSASOptions

    def __init__(self, setting: Setting, options: NSASOptions):
        super().__init__(setting, options)
        self.evolution = Drawn(self.space, setting.search, self.feasible, self.space.sample)
        self.archive: list[Arch] = []  # the constraints
        self.recent: list[Arch] = []

    @classmethod
    def paths_per_step(cls, options: NSASOptions, space: SearchSpace) -> dict[str, float]:
        paths = 1.0 + options.constraints
        return {"forwards": paths, "backwards": paths}

    @classmethod
    def compute_per_step(
        cls, options: NSASOptions, space: SearchSpace, recipe: Recipe, images: int
    ) -> float:
        """The first steps have fewer constraints: each adds one."""
        most = options.constraints
        paths = 1 + sum(min(step + 1, most) for step in range(recipe.steps)) / recipe.steps
        return compute(paths, paths)

    @divisible
    def train_step(self, step: int) -> dict[str, torch.Tensor]:
        told = super().train_step(step)
        return {"loss": told["loss"] * (1 + len(self.archive))}  # it was divided by the paths

    def sample_paths(self, rng: np.random.Generator) -> list[Path]:
        """The step's own first, the constraints behind it."""
        path = self.space.sample(rng)
        self.recent = [*self.recent, path][-RECENT:]
        if len(self.archive) < self.options.constraints:
            drawn = [self.space.sample(rng) for _ in range(TRIES)]
            self.archive.append(max(drawn, key=lambda arch: novelty(arch, self.archive)))
        else:
            self.replace(path)
        weight = self.options.weight
        self.shares = [1 - weight, *[weight / len(self.archive)] * len(self.archive)]
        return [path, *self.archive]

    shares: list[float]  # of the losses that the present step has yet to take

    def replace(self, path: Arch) -> None:
        """The constraint most like ``path`` makes room for what is most novel beside the others."""
        place = min(range(len(self.archive)), key=lambda i: distance(path, self.archive[i]))
        others = self.archive[:place] + self.archive[place + 1 :]
        candidates = [self.archive[place], *self.recent]
        self.archive[place] = max(candidates, key=lambda arch: novelty(arch, others))

    def path_loss(self, path: Path, batch: Batch) -> torch.Tensor:
        return self.shares.pop(0) * super().path_loss(path, batch)

    def state_dict(self) -> dict[str, Any]:
        return super().state_dict() | {"archive": list(self.archive), "recent": list(self.recent)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        super().load_state_dict(state)
        self.archive, self.recent = list(state["archive"]), list(state["recent"])


def distance(first: Arch, second: Arch) -> float:
    """The share of genes in which they differ."""
    return sum(a != b for a, b in zip(first, second, strict=True)) / len(first)


def novelty(arch: Arch, others: Sequence[Arch]) -> float:
    """The mean distance to the nearest of ``others``; 0 where there are none."""
    nearest = sorted(distance(arch, other) for other in others)[:NEAREST]
    return float(np.mean(nearest)) if nearest else 0.0
