"""Vectorised training augmentation: flip, random crop with padding, cutout."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch.nn import functional

from methods.transfer import constant, to_device


@dataclass(frozen=True)
class Augmentation:
    """Which augmentations a task's training batches get.

    ``flip``: mirror each image left-right with probability one half. ``crop``: pad by this many
    pixels of zeros and cut a random window of the original size (0: off). ``cutout``: side of a
    square set to ``fill`` at a random centre, clipped at the border (0: off). ``fill``: one pixel
    value per channel (empty: zeros).

    Images are not yet normalised here. Zeros are therefore black, as in NAS-Bench-201's and
    DARTS's crops; both cut out after normalisation, where zero is the mean pixel, so their
    cutout is ``fill`` = the task's mean.
    """

    flip: bool = False
    crop: int = 0
    cutout: int = 0
    fill: tuple[int, ...] = ()

    def __call__(self, images: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
        """Augmented uint8 ``images`` ``[B, C, H, W]``; the argument itself is left as it is.

        Every draw comes from ``rng``, the same number whatever is switched on: an image keeps
        its crop when cutout is added.
        """
        batch, _, height, width = images.shape
        offsets = 2 * self.crop + 1
        choices = np.array([1 + self.flip, offsets, offsets, height, width])
        draws = (rng.random((5, batch)) * choices[:, None]).astype(np.int64)
        mirror, top, left, row, column = to_device(draws, images.device)
        if self.flip or self.crop:
            images = self._window(images, mirror, top, left)
        if self.cutout:
            images = self._cut(images, row, column)
        return images

    def scaled(self, factor: float) -> Augmentation:
        """The same for images whose sides are so many times as long, in whole pixels."""
        return replace(self, crop=round(self.crop * factor), cutout=round(self.cutout * factor))

    def _window(
        self, images: torch.Tensor, mirror: torch.Tensor, top: torch.Tensor, left: torch.Tensor
    ) -> torch.Tensor:
        """The ``H`` x ``W`` window of each padded image at ``(top, left)``, mirrored where set."""
        _, channels, height, width = images.shape
        padded = functional.pad(images, (self.crop,) * 4)
        across = torch.arange(width, device=images.device)
        columns = left[:, None] + torch.where(mirror[:, None] > 0, width - 1 - across, across)
        rows = top[:, None] + torch.arange(height, device=images.device)
        index = rows[:, :, None] * padded.shape[3] + columns[:, None, :]
        index = index.flatten(1)[:, None].expand(-1, channels, -1)
        return padded.flatten(2).gather(2, index).view(images.shape)

    def _cut(self, images: torch.Tensor, row: torch.Tensor, column: torch.Tensor) -> torch.Tensor:
        """``images`` with the square centred on ``(row, column)`` filled."""
        _, channels, height, width = images.shape
        hole = self._covers(row, height)[:, :, None] & self._covers(column, width)[:, None, :]
        keep = (~hole)[:, None].to(torch.uint8)
        fill = constant(self.fill or (0,) * channels, torch.uint8, images.device).view(
            channels, 1, 1
        )
        return (images - fill) * keep + fill  # exact modulo 256, and far faster than torch.where

    def _covers(self, centre: torch.Tensor, size: int) -> torch.Tensor:
        """``[B, size]``: which positions along one axis the square reaches."""
        offset = torch.arange(size, device=centre.device) - (centre - self.cutout // 2)[:, None]
        return (offset >= 0) & (offset < self.cutout)
