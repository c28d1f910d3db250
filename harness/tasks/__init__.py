"""Image classification tasks by name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from harness.tasks.registry import TASKS
from searchspaces.base import ImageSpec

if TYPE_CHECKING:
    from harness.tasks.base import Task

IMAGES = {
    "digits": ImageSpec(1, 12, 10),
    "cifar10": ImageSpec(3, 32, 10),
    "cifar100": ImageSpec(3, 32, 100),
    "imagenet16-120": ImageSpec(3, 16, 120),
    "imagenet": ImageSpec(3, 224, 1000),
}
"""The images of each task, known without loading them."""


def load_task(name: str, data: Path | None = None) -> Task:
    """The task called ``name``; ``data`` is the folder where data sets of the user's lie.

    Raises :class:`UsageError` for an unknown name, and for a data set that is missing or damaged.
    """
    return TASKS[name](data)
