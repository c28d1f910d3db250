"""The images of a stand-alone training: which are learned from, which are measured on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from harness.standalone.config import StandaloneConfig
from harness.tasks import load_task
from harness.tasks.augment import Augmentation
from harness.tasks.base import Split, Task
from searchspaces.errors import UsageError


def load_images(config: StandaloneConfig, data: Path | None) -> tuple[Task, str]:
    """The task with the parts that ``config`` asks for, and the SHA-256 of the whole data set.

    Raises :class:`UsageError` for a data set that is missing, and for more images than there are.
    """
    whole = load_task(config.task, data)
    train = joined(whole.train, whole.val) if config.train_on == "train+val" else whole.train
    for name, part in (("train", train), ("eval", whole.test)):
        asked = getattr(config, f"{name}_images")
        if asked > len(part):
            raise UsageError(f"--{name}-images {asked} is more than {whole.name} has: {len(part)}.")
    parts = {"train": first(train, config.train_images)}
    parts |= {part: first(getattr(whole, part), config.eval_images) for part in ("val", "test")}
    return replace(whole, **parts), whole.fingerprint()


def first(split: Split, number: int) -> Split:
    """The first ``number`` images; all if 0."""
    return Split(split.images[:number], split.labels[:number]) if number else split


def joined(one: Split, other: Split) -> Split:
    """The images of both."""
    return Split(_joined(one.images, other.images), torch.cat((one.labels, other.labels)))


def _joined(one: Any, other: Any) -> Any:
    if isinstance(one, torch.Tensor):
        return torch.cat((one, other))
    return replace(one, paths=np.concatenate((one.paths, other.paths)))  # Photos


def with_cutout(task: Task, side: int) -> Task:
    """``task`` with squares cut out of its training images; raises where that makes no sense."""
    if not side:
        return task
    if not isinstance(task.augmentation, Augmentation):
        raise UsageError(f"images of {task.name} cannot be cut out; use --train.cutout 0.")
    if side >= task.image.size:
        raise UsageError(
            f"--train.cutout {side} can cover images of {task.image.size}x{task.image.size} "
            "pixels; choose half a side at most."
        )
    return replace(task, augmentation=replace(task.augmentation, cutout=side))
