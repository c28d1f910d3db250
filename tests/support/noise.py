"""Random images with random labels, as :class:`methods.base.Data` demands."""

from __future__ import annotations

import numpy as np
import torch

from searchspaces.base import ImageSpec


class Noise:
    """64 of them, the same for training and validation."""

    def __init__(self, image: ImageSpec | None = None):
        generator = torch.Generator().manual_seed(0)
        self.image = image = image or ImageSpec(1, 8, 4)
        self.x = torch.randn(64, image.channels, image.size, image.size, generator=generator)
        self.y = torch.randint(image.classes, (64,), generator=generator)
        self.train = self.val = self.y

    def train_batch(self, step, batch_size, seed):
        index = np.random.default_rng([seed, step]).integers(len(self.y), size=batch_size)
        return self.x[index], self.y[index]

    def halves(self):
        return self, self

    def batches(self, part, batch_size):
        yield from zip(self.x.split(batch_size), self.y.split(batch_size), strict=True)
