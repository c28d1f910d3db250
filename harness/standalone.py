"""Stand-alone training: one architecture with weights of its own, to the end of its recipe."""

from __future__ import annotations

import torch
from torch.nn import functional

from harness.recipe import StandaloneRecipe
from harness.tasks.base import Task
from methods.base import set_learning_rate
from methods.options import Recipe, Scoring
from methods.scoring import accuracy
from searchspaces.base import Arch, SearchSpace
from searchspaces.errors import UsageError


def train_standalone(
    space: SearchSpace, arch: Arch, task: Task, recipe: StandaloneRecipe, seed: int
) -> dict[str, float]:
    """Final accuracy in percent on ``val`` and ``test``; a function of its arguments alone.

    Raises :class:`UsageError` when the loss diverges.
    """
    torch.manual_seed(seed)
    network = space.standalone(arch, task.image).to(task.train.labels.device)
    schedule = Recipe(steps=recipe.steps(len(task.train)), lr=recipe.lr)
    optimizer = torch.optim.SGD(
        network.parameters(),
        recipe.lr,
        recipe.momentum,
        weight_decay=recipe.weight_decay,
        nesterov=recipe.momentum > 0,
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
