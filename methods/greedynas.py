"""GreedyNAS: a greedy supernet (You et al., CVPR 2020, arXiv:2003.11236).

Of several proposed paths only the best are trained: they are ranked by the loss on a few images held
out of the training part. A pool keeps the best paths met so far. A proposed path comes from the pool
with a probability that grows over the training, else from the space. The search begins with the pool.

Weights never see the held-out images, nor does the ranking see those that score architectures. The
paper ends its training when the pool settles; here all methods train as long as their cost allows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from operator import itemgetter
from typing import Any

import numpy as np

from methods.base import Method, Setting, compute
from methods.batchnorm import frozen_statistics
from methods.lazy import functional, torch
from methods.options import Recipe, check_limits, option
from methods.processes import divisible
from methods.transfer import Reading
from searchspaces.base import Arch, Path, SearchSpace

PROPOSED = 72
HELD_OUT = 20  # one in so many training images; of ImageNet the paper holds out one in 26


@dataclass(frozen=True)
class GreedyNASOptions:
    """Defaults of the paper and of MMRazor, which ranks from the first step on."""

    proposed: int = option(10, "paths that are ranked together")
    trained: int = option(5, "the best of them, which are trained, a step each")
    images: int = option(0, "held-out images that rank them; 0: as many as a batch has")
    pool: int = option(1000, "best paths that are remembered")
    exploit: float = option(0.8, "probability at the last step that a path is of the pool")
    warmup: float = option(1 / 15, "share of the steps that first train uniform paths unranked")

    def __post_init__(self) -> None:
        """Raises :class:`UsageError` for numbers out of bounds."""
        limits = dict.fromkeys(("options.exploit", "options.warmup"), (0.0, 1.0))
        limits |= {"options.proposed": (1, 1e6), "options.trained": (1, self.proposed)}
        limits |= {"options.pool": (1, 1e9)}
        check_limits({f"options.{name}": value for name, value in vars(self).items()}, limits)


class GreedyNAS(Method):
    """``pool`` maps paths to the losses they had when they were ranked last, the best first."""

    Options = GreedyNASOptions
    revision = 2  # images of all classes are held out, whatever order they are stored in

    def __init__(self, setting: Setting, options: GreedyNASOptions):
        rest, self.held_out = setting.data.apart(HELD_OUT)
        super().__init__(replace(setting, data=rest), options)
        self.pool: dict[Path, float] = {}
        self.greedy_from = round(options.warmup * setting.recipe.steps)
        self.waiting: list[Path] = []  # paths to be trained in the next steps, best first

    @classmethod
    def paths_per_step(cls, options: GreedyNASOptions, space: SearchSpace) -> dict[str, float]:
        """One is trained; ranking passes every proposed one forward, behind the first steps."""
        return {"forwards": 1 + ranked(options), "backwards": 1.0}

    @classmethod
    def compute_per_step(
        cls, options: GreedyNASOptions, space: SearchSpace, recipe: Recipe, images: int
    ) -> float:
        held = images // HELD_OUT
        share = min(options.images or recipe.batch_size, held) / min(
            recipe.batch_size, images - held
        )
        return compute(1 + ranked(options) * share, 1)

    @divisible
    def train_step(self, step: int) -> dict[str, torch.Tensor]:
        if not self.waiting and step >= self.greedy_from:
            self.waiting = self.best_of(step)
        return super().train_step(step)

    def sample_paths(self, rng: np.random.Generator) -> list[Path]:
        return [self.waiting.pop(0)] if self.waiting else [self.space.sample(rng)]

    def exploitation(self, step: int) -> float:
        """The probability that a path proposed in ``step`` is of the pool: linear, from 0."""
        last = self.setting.recipe.steps - 1
        return self.options.exploit * (step - self.greedy_from) / max(last - self.greedy_from, 1)

    def propose(self, step: int) -> list[Path]:
        """Paths of the pool, each with the probability of ``step``, else uniform ones."""
        rng, known = self.rng(PROPOSED, step), list(self.pool)
        chance = self.exploitation(step) if known else 0.0
        return [
            known[rng.integers(len(known))] if rng.random() < chance else self.space.sample(rng)
            for _ in range(self.options.proposed)
        ]

    def best_of(self, step: int) -> list[Path]:
        """Propose and rank; the pool learns of all, the best are returned."""
        paths = self.propose(step)
        losses = self.losses(paths, step)
        self.pool |= dict(zip(paths, losses, strict=True))
        self.pool = dict(sorted(self.pool.items(), key=itemgetter(1))[: self.options.pool])
        order = np.argsort(losses, kind="stable")[: self.options.trained]
        return [paths[place] for place in order]

    def losses(self, paths: Sequence[Path], step: int) -> list[float]:
        """Cross-entropies on held-out images, with BNs that normalise by these."""
        asked = self.options.images or self.setting.recipe.batch_size
        images = min(asked, len(self.held_out.train))
        batch = self.held_out.train_batch(step, images, self.setting.seed)
        x, y = self.processes.part(batch)
        with frozen_statistics(self.supernet), torch.no_grad():
            found = [functional.cross_entropy(self.supernet(x, path), y) for path in paths]
        self.count(len(paths), 0, len(paths) * len(batch[1]))
        return Reading(self.processes.mean(torch.stack(found))).numpy().tolist()

    def asked(self, epoch: int) -> list[Arch]:
        """The first generation is the best of the pool, filled up with random architectures."""
        archs = super().asked(epoch)
        known = filter(self.feasible, self.pool) if epoch == 0 else ()
        return list(dict.fromkeys([*known, *archs]))[: len(archs)]

    # State ------------------------------------------------------------------------------------

    def trained_state(self) -> dict[str, Any]:
        return super().trained_state() | {
            "pool": [(list(p), loss) for p, loss in self.pool.items()]
        }

    def load_trained_state(self, state: dict[str, Any]) -> None:
        super().load_trained_state(state)
        self.pool = {tuple(path): loss for path, loss in state["pool"]}

    def state_dict(self) -> dict[str, Any]:
        return super().state_dict() | {"waiting": [list(path) for path in self.waiting]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        super().load_state_dict(state)
        self.waiting = [tuple(path) for path in state["waiting"]]


def ranked(options: GreedyNASOptions) -> float:
    """Paths that are ranked for each step, on average."""
    return (1 - options.warmup) * options.proposed / options.trained
