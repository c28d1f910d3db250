"""DNA: block-wise supervision by a trained teacher (Li et al., CVPR 2020, arXiv:1911.13053).

A baseline. Each stage of the supernet learns by itself to turn the teacher's input of that stage
into the teacher's output. An architecture is as good as the teacher's features are near. Here the
teacher is a stand-alone network of the same space, so that all shapes agree.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from methods.base import Batch, Method, Setting, set_learning_rate, sgd
from methods.data import first_batches
from methods.lazy import functional, torch
from methods.options import option
from methods.processes import divisible
from methods.scoring import recalibrate
from searchspaces.base import Arch, Path, SearchSpace
from searchspaces.errors import UsageError

if TYPE_CHECKING:
    from searchspaces.supernet import State, Supernet

TEACHER = 62


@dataclass(frozen=True)
class DNAOptions:
    """The teacher, which is trained first."""

    teacher: str = option(
        "best",
        "architecture of the teacher, encoded; 'best': of the ground truth by validation accuracy "
        "(knowledge that other methods do not have); empty: the costliest of 100 random ones",
    )
    teacher_share: float = option(0.25, "share of the steps that train the teacher")

    def __post_init__(self) -> None:
        """Raises :class:`UsageError` for a share that leaves nothing to do."""
        if not 0 < self.teacher_share < 1:
            raise UsageError(
                f"--options.teacher-share must be between 0 and 1, not {self.teacher_share}."
            )


class DNA(Method):
    """Trains the teacher first, then the stages under it, one uniform path per step."""

    Options = DNAOptions

    def __init__(self, setting: Setting, options: DNAOptions):
        super().__init__(setting, options)
        recipe = setting.recipe
        self.teacher_steps = min(max(round(options.teacher_share * recipe.steps), 1), recipe.steps)
        self.teacher_arch = self._teacher_arch()
        self.teacher = self.space.standalone(self.teacher_arch, self.data.image)
        self.teacher.to(setting.device)
        self.teacher_optimizer = sgd(self.teacher, recipe)

    def _teacher_arch(self) -> Arch:
        if self.options.teacher:
            return self.space.decode(self.options.teacher)
        rng = self.rng(TEACHER, 0)
        drawn = filter(self.space.is_valid, (self.space.sample(rng) for _ in range(100)))
        return max(drawn, key=lambda arch: self.space.cost(arch, self.data.image).madds)

    @classmethod
    def paths_per_step(cls, options: DNAOptions, space: SearchSpace) -> dict[str, float]:
        return {"forwards": 2 - options.teacher_share, "backwards": 1.0}

    def notes(self) -> list[str]:
        known = "the best of the ground truth, which other methods do not know; "
        return [
            f"the teacher is {known if self.options.teacher else ''}"
            f"{self.space.encode(self.teacher_arch)}"
        ]

    # Training -------------------------------------------------------------------------------

    @divisible
    def train_step(self, step: int) -> dict[str, torch.Tensor]:
        recipe = self.setting.recipe
        _, labels = batch = self.data.train_batch(step, recipe.batch_size, self.setting.seed)
        if step < self.teacher_steps:
            return {"loss": self._train_teacher(step, batch)}
        x, _ = self.processes.part(batch)
        (path,) = self.sample_paths(self.rng(TEACHER, step + 1))
        self.optimizer.zero_grad(set_to_none=True)
        states = self.teacher_states(x)
        loss = block_errors(self.supernet, path, states, self.processes.variance).sum()
        if loss.requires_grad:  # nothing reaches the output of a dead cell
            loss.backward()
        stages = replace(recipe, steps=recipe.steps - self.teacher_steps)
        self.update(step - self.teacher_steps, stages)
        self.count(2, 1, 2 * len(labels))
        return {"loss": self.processes.mean(loss.detach())}

    def _train_teacher(self, step: int, batch: Batch) -> torch.Tensor:
        x, y = self.processes.part(batch)
        recipe = replace(self.setting.recipe, steps=self.teacher_steps)
        set_learning_rate(self.teacher_optimizer, recipe, step)
        self.teacher_optimizer.zero_grad(set_to_none=True)
        loss = functional.cross_entropy(
            self.teacher.train()(x), y, label_smoothing=recipe.label_smoothing
        )
        loss.backward()
        self.processes.average(self.teacher.parameters())
        if recipe.clip:
            torch.nn.utils.clip_grad_norm_(self.teacher.parameters(), recipe.clip)
        self.teacher_optimizer.step()
        self.count(1, 1, len(batch[1]))
        self.costs["steps"] += 1
        return self.processes.mean(loss.detach())

    def teacher_states(self, x: torch.Tensor) -> list[State]:
        """The input of each stage, and the output of the last, in evaluation mode."""
        with torch.no_grad():
            states = [self.teacher.eval().begin(x)]
            for index in range(self.teacher.stages_number):
                states.append(self.teacher.stage(index, states[-1]))
        return states

    # Scoring --------------------------------------------------------------------------------

    def score(self, archs: Sequence[Arch]) -> np.ndarray:
        """Minus the mean relative error of the stages on the validation images, in percent."""
        scoring, scores = self.setting.scoring, []
        for arch in archs:
            subnet = self.supernet.subnet(arch)
            errors = partial(self._subnet_errors, subnet)
            if scoring.bn == "recalibrate":
                sizes = scoring.calibration_images, scoring.calibration_batch
                recalibrate(subnet, self.data, *sizes, run=errors)
            subnet.train(scoring.bn == "batchstat")
            total, images = torch.zeros((), device=self.setting.device), 0
            for x, _ in first_batches(self.data, "val", scoring.images, scoring.batch_size):
                total += errors(x).mean() * len(x)
                images += len(x)
            scores.append(-100 * total.item() / images)
            calibration = min(scoring.calibration_images, len(self.data.train))
            images += calibration * (scoring.bn == "recalibrate")
            self.costs["scoring_image_passes"] += 2 * images  # the teacher's too
        return np.array(scores)

    def _subnet_errors(self, subnet: Supernet, x: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            return block_errors(subnet, None, self.teacher_states(x))

    # State ------------------------------------------------------------------------------------

    def trained_state(self) -> dict[str, Any]:
        return super().trained_state() | {"teacher": self.teacher.state_dict()}

    def load_trained_state(self, state: dict[str, Any]) -> None:
        super().load_trained_state(state)
        self.teacher.load_state_dict(state["teacher"])

    def state_dict(self) -> dict[str, Any]:
        return (
            super().state_dict()
            | self.trained_state()
            | {"teacher_optimizer": self.teacher_optimizer.state_dict()}
        )

    def load_state_dict(self, state: dict[str, Any]) -> None:
        super().load_state_dict(state)
        self.load_trained_state(state)
        self.teacher_optimizer.load_state_dict(state["teacher_optimizer"])


def block_errors(
    network: Supernet,
    path: Path | None,
    states: list[State],
    variance: Callable[[torch.Tensor], torch.Tensor] | None = None,
) -> torch.Tensor:
    """Mean squared error of each stage over the variance of the teacher's output, ``[stages]``.

    ``states`` are the teacher's; each stage gets the teacher's input. ``variance`` tells that of
    a batch of which the outputs are a part; by default they are the whole.
    """
    errors = []
    for index, (before, after) in enumerate(zip(states, states[1:], strict=False)):
        target = after[-1]
        output = network.stage(index, before, path)[-1]
        spread = (variance or torch.var)(target).clamp(min=1e-12)
        errors.append(functional.mse_loss(output, target) / spread)
    return torch.stack(errors)
