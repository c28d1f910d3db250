"""What a run is made of: space, ground truth, task and method, from a configuration."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from harness.config import Config
from harness.tabular.cost import analytic_cost, usual_scale
from harness.tabular.locate import find_table
from harness.tabular.table import Table
from harness.tasks import load_task
from harness.tasks.base import Split, Task
from harness.workspace import load_tensors
from methods.base import Method, Setting
from methods.registry import METHODS
from searchspaces.base import SearchSpace
from searchspaces.errors import UsageError
from searchspaces.registry import SPACES

SAMPLE_SEED = 2023


def prepare(config: Config, data: Path | None) -> tuple[SearchSpace, Table, Task]:
    """Space, ground truth and task; the cheap checks come before the long work."""
    space = SPACES[config.space](config.scale or usual_scale(config.task))
    METHODS[config.method]
    task = limited(load_task(config.task, data), config.train_images)
    table = find_table(config.space, space.scale, config.task, data, analytic_cost(space))
    return space, table, task


def limited(task: Task, train_images: int) -> Task:
    """The task with only its first training images (their order is shuffled by class)."""
    if not train_images:
        return task
    if train_images > len(task.train):
        raise UsageError(
            f"--train-images {train_images} is more than the {len(task.train)} of {task.name}."
        )
    kept = Split(task.train.images[:train_images], task.train.labels[:train_images])
    return replace(task, train=kept)


def make_method(config: Config, task: Task, device: torch.device) -> Method:
    """The method with a freshly initialised supernet, at the supernet's own scale."""
    scale = config.scale or usual_scale(config.task)
    space = SPACES[config.space](scale, config.supernet.width, config.supernet.cells)
    setting = Setting(
        space=space,
        data=task,
        recipe=config.train,
        scoring=config.score,
        search=config.search,
        seed=config.seed,
        device=device,
        affine=config.supernet.affine,
    )
    return METHODS[config.method](setting, config.options)


def revive_method(config: Config, data: Path | None, device: str, checkpoint: Path) -> Method:
    """The trained method of a run, from its checkpoint."""
    task = limited(load_task(config.task, data), config.train_images)
    method = make_method(config, task.to(device), torch.device(device))
    method.load_state_dict(load_tensors(checkpoint)["method"])
    return method


def sampled_rows(table: Table, number: int) -> np.ndarray:
    """Rows of the ground truth to rank: all, or the same random sample for every method."""
    if not number or number >= len(table):
        return np.arange(len(table))
    rng = np.random.default_rng(SAMPLE_SEED)
    return np.sort(rng.choice(len(table), number, replace=False))
