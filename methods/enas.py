"""ENAS: a controller draws paths of a supernet (Pham et al., ICML 2018, arXiv:1802.03268).

Half of the training images train the weights, a path of the controller's per batch; the accuracy of
further paths on the other half rewards the controller, by REINFORCE with a moving average as baseline
and the entropy in the reward. The search draws from the controller too.

The authors train the weights for an epoch, then the controller for many steps. Here a step of the
controller follows every few steps of the weights, in the same proportion.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from methods.base import Method, Setting
from methods.batchnorm import frozen_statistics
from methods.lazy import torch
from methods.options import check_limits, option
from methods.processes import divisible
from methods.search.drawn import Drawn, complete
from methods.search.evolution import TRIES
from methods.transfer import Reading
from searchspaces.base import Path, SearchSpace
from searchspaces.errors import UsageError

REWARDS = 73
BETAS, EPSILON, CLIP = (0.0, 0.999), 1e-3, 5.0  # of the controller's Adam, and of its gradient


@dataclass(frozen=True)
class ENASOptions:
    """As NAS-Bench-201 ran it: 50 steps of the controller in an epoch of 195 steps of weights."""

    every: int = option(4, "steps of the weights for each of the controller")
    samples: int = option(20, "architectures in a step of the controller, a batch each")
    controller_lr: float = option(1e-3, "learning rate of the controller, constant")
    entropy: float = option(1e-4, "weight of the entropy in the reward, beside accuracies up to 1")
    decay: float = option(0.99, "decay of the baseline, the moving average of the rewards")

    def __post_init__(self) -> None:
        """Raises :class:`UsageError` for numbers out of bounds."""
        limits = dict.fromkeys(("options.every", "options.samples"), (1.0, 1e6))
        limits |= {"options.decay": (0.0, 1.0)}
        check_limits({f"options.{name}": value for name, value in vars(self).items()}, limits)


class ENAS(Method):
    """The controller stays on the host, whatever the device: it is small and draws gene by gene."""

    Options = ENASOptions
    revision = 2  # halves have images of all classes, whatever order these are stored in
    baseline: float | None = None  # before the first reward

    def __init__(self, setting: Setting, options: ENASOptions):
        from methods.search.controller import Controller

        of_weights, self.reward_data = setting.data.apart(2)
        super().__init__(replace(setting, data=of_weights), options)
        self.controller = Controller(self.space.sites)
        self.controller_optimizer = torch.optim.Adam(
            self.controller.parameters(), options.controller_lr, BETAS, EPSILON
        )
        self.evolution = Drawn(
            self.space, setting.search, self.feasible, lambda rng: self.sample_paths(rng)[0]
        )

    @classmethod
    def paths_per_step(cls, options: ENASOptions, space: SearchSpace) -> dict[str, float]:
        return {"forwards": 1 + options.samples / options.every, "backwards": 1.0}

    @classmethod
    def period(cls, options: ENASOptions) -> int:
        return options.every

    @divisible
    def train_step(self, step: int) -> dict[str, torch.Tensor]:
        told = super().train_step(step)
        if (step + 1) % self.options.every == 0:
            self.train_controller(step // self.options.every)
        return told

    def sample_paths(self, rng: np.random.Generator) -> list[Path]:
        with torch.no_grad():
            return self.draw(rng, 1)[0]

    def draw(self, rng: np.random.Generator, number: int) -> tuple[list[Path], Any, Any]:
        """Paths, log-probabilities, entropies ``[number]``; :class:`UsageError` where it finds none."""
        whole = complete(self.space)
        paths, found = list[Path](), []
        for _ in range(TRIES):
            numbers = torch.from_numpy(rng.random((number, len(self.space.sites))))
            genes, *told = self.controller(numbers)
            for row, path in enumerate(map(tuple, genes.tolist())):
                if whole or self.space.is_valid(path):
                    paths.append(path)
                    found.append(torch.stack([values[row] for values in told]))
            if len(paths) >= number:
                logs, entropies = torch.stack(found[:number]).T
                return paths[:number], logs, entropies
        raise UsageError(f"the controller draws no architecture of {self.space.name}.")

    def train_controller(self, number: int) -> None:
        """Its step ``number``: up the gradient of Σ log p · (reward - baseline) / samples."""
        paths, logs, entropies = self.draw(self.rng(REWARDS, number), self.options.samples)
        accuracies = self.accuracies(paths, number)
        rewards = accuracies + self.options.entropy * entropies.detach().numpy()
        advantages = torch.tensor([self.advantage(float(reward)) for reward in rewards])
        self.controller_optimizer.zero_grad(set_to_none=True)
        (-(logs * advantages).mean()).backward()
        torch.nn.utils.clip_grad_norm_(self.controller.parameters(), CLIP)
        self.controller_optimizer.step()

    def advantage(self, reward: float) -> float:
        """Over the baseline, which learns of the reward first."""
        keep, before = self.options.decay, self.baseline
        self.baseline = reward if before is None else keep * before + (1 - keep) * reward
        return reward - self.baseline

    def accuracies(self, paths: list[Path], number: int) -> np.ndarray:
        """From 0 to 1, of each path on a batch of its own, by the statistics of the batch."""
        right, size = [], self.setting.recipe.batch_size
        with frozen_statistics(self.supernet), torch.no_grad():
            for place, path in enumerate(paths, number * len(paths)):
                batch = self.reward_data.train_batch(place, size, self.setting.seed)
                x, y = self.processes.part(batch)
                right.append((self.supernet(x, path).argmax(-1) == y).float().mean())
                self.count(1, 0, len(batch[1]))
        return Reading(self.processes.mean(torch.stack(right))).numpy()

    # State ------------------------------------------------------------------------------------

    def trained_state(self) -> dict[str, Any]:
        return super().trained_state() | {"controller": self.controller.state_dict()}

    def load_trained_state(self, state: dict[str, Any]) -> None:
        super().load_trained_state(state)
        self.controller.load_state_dict(state["controller"])

    def state_dict(self) -> dict[str, Any]:
        own = {"adam": self.controller_optimizer.state_dict(), "baseline": self.baseline}
        return super().state_dict() | own

    def load_state_dict(self, state: dict[str, Any]) -> None:
        super().load_state_dict(state)
        self.controller_optimizer.load_state_dict(state["adam"])
        self.baseline = state["baseline"]
