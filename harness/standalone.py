"""Stand-alone training: one architecture with weights of its own, to the end of its recipe."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn import functional

from harness.tasks.base import Task
from methods.base import set_learning_rate
from methods.options import Recipe, Scoring, option
from methods.scoring import accuracy
from searchspaces.base import Arch, SearchSpace
from searchspaces.errors import UsageError


@dataclass(frozen=True)
class StandaloneRecipe:
    """The NAS-Bench-201 recipe (SGD with Nesterov momentum, cosine to zero), its length free."""

    epochs: int = option(4, "passes over the training images")
    batch_size: int = option(64, "images per step")
    lr: float = option(0.1, "initial learning rate, cosine to zero")
    momentum: float = option(0.9, "Nesterov momentum")
    weight_decay: float = option(5e-4, "L2 penalty on all parameters")

    def steps(self, task: Task) -> int:
        return self.epochs * (len(task.train) // min(self.batch_size, len(task.train)))


def train_standalone(
    space: SearchSpace, arch: Arch, task: Task, recipe: StandaloneRecipe, seed: int
) -> dict[str, float]:
    """Final accuracy in percent on ``val`` and ``test``; a function of its arguments alone.

    Raises :class:`UsageError` when the loss diverges.
    """
    torch.manual_seed(seed)
    network = space.standalone(arch, task.image).to(task.train.labels.device)
    schedule = Recipe(steps=recipe.steps(task), lr=recipe.lr)
    optimizer = torch.optim.SGD(
        network.parameters(),
        recipe.lr,
        recipe.momentum,
        weight_decay=recipe.weight_decay,
        nesterov=True,
    )
    network.train()
    for step in range(schedule.steps):
        x, y = task.train_batch(step, recipe.batch_size, seed)
        set_learning_rate(optimizer, schedule, step)
        optimizer.zero_grad(set_to_none=True)
        loss = functional.cross_entropy(network(x), y)
        loss.backward()
        optimizer.step()
    if not loss.isfinite():
        raise UsageError(
            f"training {space.encode(arch)} stand-alone diverged; lower its learning rate."
        )
    running = Scoring(bn="running", batch_size=500)
    return {part: accuracy(network, task, running, part) for part in ("val", "test")}
