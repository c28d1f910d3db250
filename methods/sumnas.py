"""SUMNAS: a supernet with unbiased meta-features (Ha et al., ICLR 2022, openreview Z8FzvVU6_Kj).

Training a path overwrites what others learned of the weights they share. So paths are the tasks of a
meta-learner, Reptile (Nichol et al. 2018, arXiv:1803.02999): from common weights θ a few paths take a
step each, one after the other, to φ, and θ moves a part of the way there, θ + ε (φ - θ). The paths of
such a round use every operator once, as FairNAS's do.

Steps keep the momentum of SGD from round to round. ε and the fair rounds are a reading of the paper,
whose code is not released.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from methods.base import PATHS, Method, Setting
from methods.fairnas import fair_paths
from methods.lazy import torch
from methods.options import check_limits, option
from methods.processes import divisible
from searchspaces.base import Path, choices

INSTEAD = "choose another method there, as spos, which needs no fair round"


@dataclass(frozen=True)
class SUMNASOptions:
    """How far the weights follow a round of paths."""

    meta_lr: float = option(0.5, "ε, ours: 0 learns nothing, 1 is plain SGD over the paths")
    paths: int = option(0, "paths of a round, a step each; 0: as many as a site has operators")

    def __post_init__(self) -> None:
        """Raises :class:`UsageError` for numbers out of bounds."""
        check_limits({"options.meta-lr": self.meta_lr}, {"options.meta-lr": (0.0, 1.0)})
        check_limits({"options.paths": self.paths}, {})


class SUMNAS(Method):
    """``start``: θ of the round at hand; a round that the training cuts short counts as it is."""

    Options = SUMNASOptions
    start: list[torch.Tensor]
    round: list[Path]

    def __init__(self, setting: Setting, options: SUMNASOptions):
        super().__init__(setting, options)
        self.length = options.paths or max(choices(self.space).values())
        self.start, self.round = [], []

    @divisible
    def train_step(self, step: int) -> dict[str, torch.Tensor]:
        place = step % self.length
        if place == 0:
            self.start = [parameter.detach().clone() for parameter in self.parameters]
            self.round = fair_paths(self.space, self.length, self.rng(PATHS, step), INSTEAD)
        self.place = place
        told = super().train_step(step)
        if place + 1 == self.length or step + 1 == self.setting.recipe.steps:
            with torch.no_grad():
                for parameter, start in zip(self.parameters, self.start, strict=True):
                    parameter.copy_(start.lerp(parameter, self.options.meta_lr))
            self.start = []
        return told

    place = 0  # in its round, of the step at hand

    def sample_paths(self, rng: np.random.Generator) -> list[Path]:
        return [self.round[self.place]]

    # State ------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        own = {"start": self.start, "round": [list(path) for path in self.round]}
        return super().state_dict() | own

    def load_state_dict(self, state: dict[str, Any]) -> None:
        super().load_state_dict(state)
        self.start = [tensor.to(self.setting.device) for tensor in state["start"]]
        self.round = [tuple(path) for path in state["round"]]
