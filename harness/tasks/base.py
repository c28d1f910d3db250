"""A task: an image classification data set with fixed, disjoint train / validation / test parts."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import torch

from harness.tasks.augment import Augmentation
from methods.transfer import constant, to_device
from searchspaces.base import ImageSpec
from searchspaces.errors import UsageError

SPLIT_SEED = 20_090_408  # changing it changes every train / validation split


def ranks_in_class(labels: np.ndarray) -> np.ndarray:
    """The place of each image in a fixed random order of its class, from 0; int64 ``[N]``.

    It depends on the labels alone, on every machine: NumPy promises never to change PCG64's raw
    stream.
    """
    keys = np.random.PCG64(SPLIT_SEED).random_raw(len(labels))
    by_class = np.lexsort((keys, labels))
    sizes = np.bincount(labels)
    ranks = np.empty(len(labels), np.int64)
    ranks[by_class] = np.arange(len(labels)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return ranks


def stratified_order(labels: np.ndarray) -> np.ndarray:
    """A fixed order of the images in which every class is spread evenly, int64 ``[N]``.

    Each class comes in the order of :func:`ranks_in_class`. Any run of consecutive images takes
    one share of every class, give or take an image of each; equally large classes take turns.
    """
    sizes = np.bincount(labels)[labels]
    return np.lexsort((labels, (2 * ranks_in_class(labels) + 1) / sizes))


@dataclass(frozen=True)
class Split:
    """``images`` uint8 ``[N, C, H, W]`` and ``labels`` int64 ``[N]``, on one device."""

    images: torch.Tensor
    labels: torch.Tensor

    def __len__(self) -> int:
        return len(self.labels)


def averaged(images: torch.Tensor, factor: int) -> torch.Tensor:
    """uint8 ``[N, C, H, W]`` to ``[N, C, H / factor, W / factor]``: means of squares, rounded."""
    area = factor * factor
    height, width = (side // factor for side in images.shape[2:])
    means = []
    for some in images.split(5000):  # sums take more bytes than pixels
        squares = some.reshape(*some.shape[:2], height, factor, width, factor)
        sums = squares.sum((3, 5), dtype=torch.int32)
        means.append(((sums + area // 2) // area).to(torch.uint8))
    return torch.cat(means)


@lru_cache(maxsize=2)
def _epoch_order(seed: int, epoch: int, images: int) -> np.ndarray:
    return np.random.default_rng([seed, 1, epoch]).permutation(images)


@dataclass(frozen=True)
class Task:
    """The whole data set in memory. ``mean`` and ``std`` are per channel, in 0-255 units.

    ``train``, ``val`` and ``test`` never share an image. ``train`` feeds gradient steps and BN
    calibration, ``val`` selects, ``test`` is ground truth only.
    """

    name: str
    image: ImageSpec
    train: Split
    val: Split
    test: Split
    mean: tuple[float, ...]
    std: tuple[float, ...]
    augmentation: Augmentation
    original: ImageSpec | None = None  # the images that were averaged to ``image``, if they were
    source: str = ""  # where images of the user's own are from, as they were named
    notes: tuple[str, ...] = ()  # on what became of these: sentences without an end

    @classmethod
    def unread(cls, name: str, image: ImageSpec) -> Task:
        """A task of which no image is read: for what depends on their shape alone."""
        images = torch.empty(0, image.channels, image.size, image.size, dtype=torch.uint8)
        none = Split(images, torch.empty(0, dtype=torch.int64))
        zeros, ones = (0.0,) * image.channels, (1.0,) * image.channels
        return cls(name, image, none, none, none, zeros, ones, Augmentation())

    def to(self, device: torch.device | str) -> Task:
        """The same task with every image and label on ``device``."""
        moved = {
            part: Split(split.images.to(device), split.labels.to(device))
            for part in ("train", "val", "test")
            for split in [getattr(self, part)]
        }
        return replace(self, **moved)

    def apart(self, every: int) -> tuple[Task, Task]:
        """Two tasks, without and with one of ``every`` training images of each class, the rest as here.

        Stored order does not matter, which may go through the classes in turn. Raises
        :class:`UsageError` where either has no image.
        """
        labels = self.train.labels.cpu().numpy()
        number = np.empty(len(labels), np.int64)
        number[np.lexsort((ranks_in_class(labels), labels))] = np.arange(len(labels)) % every
        chosen = number == every - 1
        return self.selected(np.flatnonzero(~chosen)), self.selected(np.flatnonzero(chosen))

    def selected(self, rows: np.ndarray) -> Task:
        """The task with the training images in ``rows``, each as often as it is named.

        Raises :class:`UsageError` where ``rows`` is empty.
        """
        if not len(rows):
            raise UsageError(
                f"of {len(self.train):,} training images, which the method divides, one part is "
                "empty; give it more (--train-images)."
            )
        images, labels = self.train.images, self.train.labels
        return replace(self, train=Split(images[rows], labels[rows]))

    def labelled(self, labels: np.ndarray) -> Task:
        """The task with other labels, int64 ``[N]``, of the training images in stored order."""
        given = to_device(labels, self.train.labels.device)
        return replace(self, train=Split(self.train.images, given))

    def averaged(self, side: int) -> Task:
        """The same images in ``side`` x ``side`` pixels, each the mean of a square of pixels.

        Crop and cutout shrink with them; ``mean`` and ``std`` stay. Raises :class:`UsageError`
        where squares do not fit, and for images that are not in memory.
        """
        if side == self.image.size:
            return self
        factor, rest = divmod(self.image.size, side)
        if rest or factor < 1:
            fitting = [str(n) for n in range(1, self.image.size + 1) if self.image.size % n == 0]
            raise UsageError(
                f"images of {self.name} cannot be averaged to {side}x{side} pixels; "
                f"--supernet.resolution takes a divisor of {self.image.size}: {', '.join(fitting)}."
            )
        if not isinstance(self.train.images, torch.Tensor):
            raise UsageError(
                f"images of {self.name} are read while they are used and cannot be averaged; take "
                "--supernet.scale truth and leave --supernet.resolution out."
            )
        parts = {
            part: Split(averaged(split.images, factor), split.labels)
            for part in ("train", "val", "test")
            for split in [getattr(self, part)]
        }
        return replace(
            self,
            image=replace(self.image, size=side),
            augmentation=self.augmentation.scaled(1 / factor),
            original=self.original or self.image,
            **parts,
        )

    def normalise(self, images: torch.Tensor) -> torch.Tensor:
        """uint8 ``[B, C, H, W]`` to float32 with zero mean and unit deviation per channel."""
        shape = (1, -1, 1, 1)
        mean, std = (
            constant(values, torch.float32, images.device).view(shape)
            for values in (self.mean, self.std)
        )
        return (images.float() - mean) / std

    def draw(self, step: int, batch_size: int, seed: int) -> tuple[np.ndarray, np.random.Generator]:
        """Which training images make batch number ``step``, and what to augment them with.

        An epoch is a fresh permutation of the training images; the remainder that does not fill
        a batch is left out of that epoch.
        """
        batch_size = min(batch_size, len(self.train))
        per_epoch = len(self.train) // batch_size
        epoch, position = divmod(step, per_epoch)
        order = _epoch_order(seed, epoch, len(self.train))
        chosen = order[position * batch_size : (position + 1) * batch_size]
        return chosen, np.random.default_rng([seed, 2, step])

    def train_batch(
        self, step: int, batch_size: int, seed: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Augmented training batch number ``step``; a function of its arguments alone."""
        chosen, rng = self.draw(step, batch_size, seed)
        index = to_device(chosen, self.train.labels.device)
        return self._augmented(index, rng), self.train.labels[index]

    def views(self, step: int, batch_size: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
        """The images of training batch number ``step`` as there, and once more, augmented anew."""
        chosen, rng = self.draw(step, batch_size, seed)
        index = to_device(chosen, self.train.labels.device)
        return self._augmented(index, rng), self._augmented(index, rng)

    def _augmented(self, index: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
        """The training images at ``index``, normalised; what is random of it comes from ``rng``."""
        return self.normalise(self.augmentation(self.train.images[index], rng))

    def batches(self, part: str, batch_size: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """All of ``part`` (``train``, ``val`` or ``test``) in stored order, not augmented."""
        split: Split = getattr(self, part)
        for start in range(0, len(split), batch_size):
            stop = start + batch_size
            yield self.normalise(split.images[start:stop]), split.labels[start:stop]

    def fingerprint(self) -> str:
        """SHA-256 over all images and labels: names the data a result was computed on."""
        digest = hashlib.sha256()
        for split in (self.train, self.val, self.test):
            digest.update(split.images.cpu().numpy().tobytes())
            digest.update(split.labels.cpu().numpy().tobytes())
        return digest.hexdigest()
