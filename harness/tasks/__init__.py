"""Image classification tasks by name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from searchspaces.architecture import ImageSpec
from searchspaces.registry import Registry

if TYPE_CHECKING:
    from harness.tasks.base import Task

TASKS = Registry(
    "task",
    "nas_harness.tasks",
    {
        "digits": "harness.tasks.digits:load_digits_task",
        "cifar10": "harness.tasks.cifar:load_cifar10",
        "cifar100": "harness.tasks.cifar:load_cifar100",
        "imagenet16-120": "harness.tasks.imagenet16:load_imagenet16",
        "imagenet": "harness.tasks.folder:load_imagenet",
    },
)
"""The tasks by name; third parties add theirs through the entry-point group."""

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
