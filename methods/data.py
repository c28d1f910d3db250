"""What a method sees of a task."""

from __future__ import annotations

from collections.abc import Iterator, Sized
from typing import TYPE_CHECKING, Protocol, TypeAlias

from searchspaces.base import ImageSpec

if TYPE_CHECKING:
    import numpy as np
    import torch

# Images ``[B, C, H, W]`` and integer labels ``[B]``.
Batch: TypeAlias = "tuple[torch.Tensor, torch.Tensor]"


class Data(Protocol):
    """Training and validation images, never test images."""

    image: ImageSpec
    train: Sized
    val: Sized

    def train_batch(self, step: int, batch_size: int, seed: int) -> Batch:
        """Augmented training batch number ``step``."""

    def views(self, step: int, batch_size: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
        """The images of training batch number ``step``, augmented twice."""

    def batches(self, part: str, batch_size: int) -> Iterator[Batch]:
        """All of ``train`` or ``val`` in stored order."""

    def apart(self, every: int) -> tuple[Data, Data]:
        """The same without and with one of ``every`` training images of each class."""

    def selected(self, rows: np.ndarray) -> Data:
        """The same with the training images in ``rows``, each as often as it is named."""

    def labelled(self, labels: np.ndarray) -> Data:
        """The same with other labels, int64 ``[N]``, of the training images in stored order."""


def first_batches(data: Data, part: str, images: int, batch_size: int) -> Iterator[Batch]:
    """Batches of the first ``images`` of ``part`` in stored order; of all if 0."""
    left = images
    for x, y in data.batches(part, batch_size):
        yield (x[:left], y[:left]) if images else (x, y)
        left -= len(y)
        if images and left <= 0:
            return
