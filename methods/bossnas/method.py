"""BossNAS: block-wise self-supervised search (Li et al., ICCV 2021, arXiv:2103.12424).

The stages of a supernet are trained one after the other, without labels, by ensemble bootstrapping. A
step draws paths that use each operator once. Each, on one view of the images, predicts the mean of
what all of them make of the other view in a target network, whose weights follow by a moving average
(BYOL, Grill et al. 2020). A stage reads what the best paths of the stages before it make. A path is the
better the nearer it comes to the mean of a population; an architecture, the nearer its stages do.

As in the released code for NATS-Bench, but that no gradient reaches the stages before, that images
are not augmented to be scored, that the optimiser is the recipe's, and that a stage of many paths has
a random population, where the paper's is that of its evolution.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from methods.base import PATHS, Setting, sgd
from methods.batchnorm import frozen_statistics
from methods.bossnas import costs
from methods.bossnas.options import BossNASOptions
from methods.bossnas.siamese import Headed, Siamese, distance, mean_of
from methods.data import first_batches
from methods.dna.blocks import Stage, score_blocks
from methods.dna.search import BlockWise
from methods.fairnas import fair_paths
from methods.lazy import torch
from methods.options import Recipe
from methods.processes import divisible
from methods.transfer import Reading
from searchspaces.base import Arch, Path, SearchSpace
from searchspaces.errors import UsageError

if TYPE_CHECKING:
    from searchspaces.supernet import State

POPULATION, TRIES = 76, 20
INSTEAD = "choose another method there, as dna, which needs no fair step"


class BossNAS(BlockWise):
    """``best``: the best path of each stage that is trained, but of the last."""

    Options = BossNASOptions
    weights_are = (
        "inherited from a supernet that learned without labels, so that it classifies nothing"
    )

    def __init__(self, setting: Setting, options: BossNASOptions):
        super().__init__(setting, options)
        for name, number in {
            "--train-images": len(self.data.train),
            "--train.batch-size": setting.recipe.batch_size,
        }.items():
            if number < 2:
                raise UsageError(f"heads normalise by several images; give more than {name} 1.")
        self.stages = self.supernet.stages_number
        self.starts = costs.starts(self.stages, setting.recipe.steps)
        self.best: list[Arch] = []
        self.centers: dict[int, list[torch.Tensor]] = {}  # of each stage, by batch of images
        self.siamese = Siamese(
            self.supernet, self.data.image, self.population(0)[0], options.hidden, options.features
        )
        self.parameters = list(self.siamese.online.parameters())
        self.optimizer = sgd(self.siamese.online, setting.recipe)

    @classmethod
    def paths_per_step(cls, options: BossNASOptions, space: SearchSpace) -> dict[str, float]:
        return costs.mean_of_steps(space)

    @classmethod
    def compute_per_step(
        cls, options: BossNASOptions, space: SearchSpace, recipe: Recipe, images: int
    ) -> float:
        return costs.of_training(options, space, recipe, images)

    # Training -------------------------------------------------------------------------------

    @divisible
    def train_step(self, step: int) -> dict[str, torch.Tensor]:
        self.choose(step)  # where steps were left out, as by what times some of them
        recipe, stage = self.setting.recipe, len(self.best)
        first, last = self.starts[stage : stage + 2]
        self.forget()
        batch = self.data.views(step, recipe.batch_size, self.setting.seed)
        views, paths = self.processes.part(batch), self.sample_paths(self.rng(PATHS, step))
        self.optimizer.zero_grad(set_to_none=True)
        total = self.siamese.loss(stage, views, self.best, paths)
        total.backward()
        self.update(step - first, replace(recipe, steps=last - first))
        falling = (math.cos(math.pi * (step - first) / (last - first)) + 1) / 2
        self.siamese.follow((1 - self.options.momentum) * falling)
        passes = costs.of_step(stage, len(paths))
        self.costs.update(costs.counted(step, self.stages, passes, len(batch[0])))
        self.choose(step + 1)
        return {"loss": self.processes.mean(total.detach() / len(paths))}

    def choose(self, done: int) -> None:
        """The best path of each stage whose steps are ``done``."""
        while len(self.best) < self.stages - 1 and self.starts[len(self.best) + 1] <= done:
            self.best.append(self.nearest())

    def sample_paths(self, rng: np.random.Generator) -> list[Path]:
        """As :func:`fair_paths` has them, which may raise :class:`UsageError`."""
        return fair_paths(self.space, costs.operators(self.space), rng, INSTEAD)

    def nearest(self) -> Arch:
        """Of the population of the stage just trained the path that is nearest to its mean."""
        stage, size = len(self.best), min(self.options.images, len(self.data.train))
        paths = self.population(stage)
        x, _ = next(iter(first_batches(self.data, "train", size, size)))
        with self.processes.apart():
            distances = self.siamese.compared(stage, x, self.best, paths)
        passes = costs.of_choice(stage, len(paths))
        self.costs.update(costs.counted(0, self.stages, passes, size))
        return paths[int(Reading(distances).numpy().argmin())]

    def population(self, stage: int) -> list[Arch]:
        """Architectures of different paths in ``stage``: of all there are, or as many as asked for."""
        size = min(self.options.population, self.blocks.numbers[stage])
        rng, found = self.rng(POPULATION, stage), dict[Any, Arch]()
        for _ in range(TRIES * size):
            if len(found) == size:
                break
            if self.space.is_valid(arch := self.space.sample(rng)):
                found.setdefault(self.blocks.of(arch)[stage], arch)
        return list(found.values())

    # Scoring --------------------------------------------------------------------------------

    def score(self, archs: Sequence[Arch]) -> np.ndarray:
        """Minus the mean distance of the stages on the validation images, times 100."""
        score_blocks(self.blocks, archs, self.scored, self.siamese.online.one, distance)
        self.count_scoring(2 * len(archs))  # with what reaches the stages and is their goal
        return np.array([-self.blocks.error(arch) for arch in archs])

    def scored(self, number: int) -> tuple[Stage, list[torch.Tensor]]:
        """A stage, and the mean of the population in the target."""
        if number not in self.centers:
            target, stage = self.siamese.target, self.given(self.siamese.target, number)
            paths = self.population(number)
            outputs = (stage.outputs(target.one(number, path)) for path in paths)
            self.centers[number] = list(map(mean_of, zip(*outputs, strict=True)))
        return self.given(self.siamese.online, number), self.centers[number]

    def given(self, network: Headed, number: int) -> Stage:
        """What ``network`` gives a stage; of stages before that were not trained the first path."""
        unknown = range(len(self.best), number)
        ways = [*self.best[:number], *(self.population(stage)[0] for stage in unknown)]

        def give(x: torch.Tensor) -> list[State]:
            with torch.no_grad(), frozen_statistics(network):
                return network.inputs(x, ways)[-1:]

        return Stage(number, give, self.data, self.setting.scoring)

    def score_in_training(self, archs: Sequence[Arch], step: int) -> np.ndarray | None:
        """Nothing before the first step of the last stage."""
        return self.score(archs) if step > self.starts[-2] else None

    # State ------------------------------------------------------------------------------------

    def forget(self) -> None:
        """What was computed of earlier weights."""
        self.blocks.errors.clear()
        self.centers.clear()

    def trained_state(self) -> dict[str, Any]:
        own = {name: part.state_dict() for name, part in self.siamese.apart().items()}
        return super().trained_state() | own | {"best": [list(path) for path in self.best]}

    def load_trained_state(self, state: dict[str, Any]) -> None:
        super().load_trained_state(state)
        for name, part in self.siamese.apart().items():
            part.load_state_dict(state[name])
        self.best = [tuple(path) for path in state["best"]]
        self.forget()
