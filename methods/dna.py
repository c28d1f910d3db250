"""DNA: block-wise supervision by a trained teacher (Li et al., CVPR 2020, arXiv:1911.13053).

A baseline. Each stage of the supernet learns by itself to turn the teacher's input of that stage
into the teacher's output. An architecture is as good as the teacher's features are near. Here the
teacher is a stand-alone network of the same space, so that all shapes agree.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from methods.base import Batch, Method, Setting, set_learning_rate, sgd
from methods.dna_options import DNAOptions
from methods.scoring import first_batches, recalibrate
from methods.team import divisible
from searchspaces.base import Arch, Path, SearchSpace
from searchspaces.supernet import State, Supernet

TEACHER = 62


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
        x, _ = self.team.part(batch)
        (path,) = self.sample_paths(self.rng(TEACHER, step + 1))
        self.optimizer.zero_grad(set_to_none=True)
        states = self.teacher_states(x)
        loss = block_errors(self.supernet, path, states, self.team.variance).sum()
        if loss.requires_grad:  # nothing reaches the output of a dead cell
            loss.backward()
        stages = replace(recipe, steps=recipe.steps - self.teacher_steps)
        self.update(step - self.teacher_steps, stages)
        self.count(2, 1, 2 * len(labels))
        return {"loss": self.team.mean(loss.detach())}

    def _train_teacher(self, step: int, batch: Batch) -> torch.Tensor:
        x, y = self.team.part(batch)
        recipe = replace(self.setting.recipe, steps=self.teacher_steps)
        set_learning_rate(self.teacher_optimizer, recipe, step)
        self.teacher_optimizer.zero_grad(set_to_none=True)
        loss = functional.cross_entropy(
            self.teacher.train()(x), y, label_smoothing=recipe.label_smoothing
        )
        loss.backward()
        self.team.average(self.teacher.parameters())
        if recipe.clip:
            torch.nn.utils.clip_grad_norm_(self.teacher.parameters(), recipe.clip)
        self.teacher_optimizer.step()
        self.count(1, 1, len(batch[1]))
        self.costs["steps"] += 1
        return self.team.mean(loss.detach())

    @torch.no_grad()
    def teacher_states(self, x: torch.Tensor) -> list[State]:
        """The input of each stage, and the output of the last, in evaluation mode."""
        states = [self.teacher.eval().begin(x)]
        for index in range(self.teacher.stages_number):
            states.append(self.teacher.stage(index, states[-1]))
        return states

    # Scoring --------------------------------------------------------------------------------

    @torch.no_grad()
    def score(self, archs: Sequence[Arch]) -> np.ndarray:
        """Minus the mean relative error of the stages on the validation images, in percent."""
        scoring, scores = self.setting.scoring, []
        for arch in archs:
            student = Student(self.supernet.subnet(arch), self.teacher_states)
            if scoring.bn == "recalibrate":
                recalibrate(student, self.data, scoring.calibration_images, scoring.batch_size)
            student.train(scoring.bn == "batchstat")
            total, images = torch.zeros((), device=self.setting.device), 0
            for x, _ in first_batches(self.data, "val", scoring.images, scoring.batch_size):
                total += student(x).mean() * len(x)
                images += len(x)
            scores.append(-100 * total.item() / images)
            calibration = min(scoring.calibration_images, len(self.data.train))
            images += calibration * (scoring.bn == "recalibrate")
            self.costs["scoring_image_passes"] += 2 * images  # the teacher's too
        return np.array(scores)

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


class Student(nn.Module):
    """A subnet under the teacher: its errors instead of its logits."""

    def __init__(self, subnet: Supernet, teacher_states: Callable[[torch.Tensor], list[State]]):
        super().__init__()
        self.subnet, self.teacher_states = subnet, teacher_states

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return block_errors(self.subnet, None, self.teacher_states(x))


def block_errors(
    network: Supernet,
    path: Path | None,
    states: list[State],
    variance: Callable[[torch.Tensor], torch.Tensor] = torch.Tensor.var,
) -> torch.Tensor:
    """Mean squared error of each stage over the variance of the teacher's output, ``[stages]``.

    ``states`` are the teacher's; each stage gets the teacher's input.
    """
    errors = []
    for index, (before, after) in enumerate(zip(states, states[1:], strict=False)):
        target = after[-1]
        output = network.stage(index, before, path)[-1]
        errors.append(functional.mse_loss(output, target) / variance(target).clamp(min=1e-12))
    return torch.stack(errors)
