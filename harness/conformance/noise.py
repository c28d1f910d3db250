"""Random images with random labels, as :class:`methods.base.Data` demands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from harness.conformance.findings import NotDue
from searchspaces.base import ImageSpec

Batch = tuple[torch.Tensor, torch.Tensor]


@dataclass(frozen=True)
class Part:
    """Images ``[n, C, H, W]`` and labels ``[n]``."""

    images: torch.Tensor
    labels: torch.Tensor

    def __len__(self) -> int:
        return len(self.labels)


class Noise:
    """``size`` for training and as many others for validation, which never meet.

    ``asked``: step, size and seed of the training batches that were asked for, in their order;
    ``looks``: how often images for validation were.
    """

    def __init__(self, image: ImageSpec | None = None, size: int = 64):
        self.image = image or ImageSpec(1, 8, 4)
        self.train, self._val = self._draw(size, 0), self._draw(size - size // 4, 1)
        self.asked: list[tuple[int, int, int]] = []
        self.looks = 0

    def _draw(self, size: int, seed: int) -> Part:
        image, generator = self.image, torch.Generator().manual_seed(seed)
        x = torch.randn(size, image.channels, image.size, image.size, generator=generator)
        return Part(x, torch.randint(image.classes, (size,), generator=generator))

    def train_batch(self, step: int, batch_size: int, seed: int) -> Batch:
        self.asked.append((step, batch_size, seed))
        index = np.random.default_rng([seed, step]).integers(len(self.train), size=batch_size)
        return self.train.images[index], self.train.labels[index]

    def views(self, step: int, batch_size: int, seed: int) -> Batch:
        """The images of ``train_batch``, and these mirrored."""
        x, _ = self.train_batch(step, batch_size, seed)
        return x, x.flip(-1)

    @property
    def val(self) -> Part:
        self.looks += 1
        return self._val

    @property
    def test(self) -> Part:
        raise NotDue(
            "it asks for self.data.test; no method sees test images: score on self.data.val."
        )

    def apart(self, every: int) -> tuple[Noise, Noise]:
        """With different training images; each remembers what it is asked for by itself."""
        chosen = torch.arange(len(self.train)) % every == every - 1
        return self.selected(~chosen), self.selected(chosen)

    def relabelled(self) -> Noise:
        """The same data with another label at each training image."""
        return self.labelled((self.train.labels + 1) % self.image.classes)

    def labelled(self, labels: np.ndarray | torch.Tensor) -> Noise:
        """The same data with these labels of the training images."""
        return self._with(Part(self.train.images, torch.as_tensor(labels)))

    def selected(self, rows: slice | np.ndarray | torch.Tensor) -> Noise:
        """The same data with these of the training images."""
        return self._with(Part(self.train.images[rows], self.train.labels[rows]))

    def _with(self, train: Part) -> Noise:
        made = object.__new__(type(self))
        vars(made).update(vars(self))
        made.train, made.asked = train, []
        return made

    def batches(self, part: str, batch_size: int) -> Iterator[Batch]:
        chosen = getattr(self, part)
        yield from zip(
            chosen.images.split(batch_size), chosen.labels.split(batch_size), strict=True
        )
