"""What a user gives: classes, training images, perhaps test images; read one image at a time."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

from harness.tasks.augment import Augmentation

Raw: TypeAlias = bytes | np.ndarray
"""The content of an image file, or pixels ``[H, W]`` or ``[H, W, C]`` of any numbers."""


class Part(ABC):
    """Images with labels, in a fixed order, called ``name``.

    ``threads``: whether several may be read at once.
    """

    name: str
    threads = False

    def __str__(self) -> str:
        return f"the {len(self):,} {self.name}"

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def item(self, row: int) -> tuple[Raw, int]:
        """An image and its label; raises :class:`UsageError` for what is neither."""

    @abstractmethod
    def where(self, row: int) -> str:
        """The image, as a part of a sentence."""


@dataclass(frozen=True)
class Given:
    """All that was given. ``classes``: their names, empty where nobody named them.

    ``test`` None: a part of ``train`` is to be held out. ``notes``: sentences on what was left out.
    """

    classes: tuple[str, ...]
    train: Part
    test: Part | None
    augmentation: Augmentation = field(default_factory=Augmentation)
    notes: tuple[str, ...] = ()
