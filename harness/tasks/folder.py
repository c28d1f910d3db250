"""ImageNet (ILSVRC 2012), or any folder of its form, decoded while it is used."""

from __future__ import annotations

import hashlib
import os
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from harness.files.data_folders import data_folders, either
from harness.tasks.base import Split, Task, ranks_in_class, stratified_order
from harness.tasks.photos import SIZE, Decoding, Photos, RandomResizedCrop, central_view
from methods.transfer import to_device
from searchspaces.base import ImageSpec
from searchspaces.errors import UsageError

MEAN, STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
AHEAD = 2  # batches that are decoded before they are asked for: no thread waits for a batch's last
SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".webp")

Begun = tuple[Decoding, torch.Tensor]


@dataclass(frozen=True)
class FolderTask(Task):
    """A task that does not fit in memory: ``images`` of its splits are :class:`Photos`.

    Threads decode the next batches while the caller works with the one it got.
    """

    augmentation: RandomResizedCrop
    _begun: dict[tuple[int, int, int], Begun] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def train_batch(
        self, step: int, batch_size: int, seed: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Augmented training batch number ``step``; a function of its arguments alone.

        Raises :class:`UsageError` for an image that cannot be decoded.
        """
        wanted = [(number, batch_size, seed) for number in range(step, step + 1 + AHEAD)]
        for unwanted in self._begun.keys() - wanted:
            self._begun.pop(unwanted)[0].cancel()
        for batch in wanted:
            if batch not in self._begun:
                self._begun[batch] = self._begin(*batch)
        return self._finish(self._begun.pop(wanted[0]))

    def batches(self, part: str, batch_size: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """All of ``part`` (``train``, ``val`` or ``test``) in stored order, not augmented.

        Raises :class:`UsageError` for an image that cannot be decoded.
        """
        split: Split = getattr(self, part)
        begun: deque[Begun] = deque()
        try:
            for start in range(0, len(split), batch_size):
                rows = slice(start, start + batch_size)
                photos = split.images[rows]
                begun.append((photos.decode([central_view] * len(photos)), split.labels[rows]))
                if len(begun) > AHEAD:
                    yield self._finish(begun.popleft())
            while begun:
                yield self._finish(begun.popleft())
        finally:
            for unwanted, _ in begun:
                unwanted.cancel()

    def fingerprint(self) -> str:
        """SHA-256 over the names, sizes and labels of all images; contents are not read."""
        digest = hashlib.sha256()
        for split in (self.train, self.val, self.test):
            root = os.fsencode(split.images.root)
            for path in split.images.paths:
                size = os.stat(os.path.join(root, path)).st_size
                digest.update(b"%s\0%d\n" % (path, size))
            digest.update(split.labels.cpu().numpy().tobytes())
        return digest.hexdigest()

    def views(self, step: int, batch_size: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Raises :class:`UsageError` for an image that cannot be decoded."""
        chosen, rng = self.draw(step, batch_size, seed)
        first, second = (self._decode(chosen, rng) for _ in range(2))
        return self.normalise(first.result()), self.normalise(second.result())

    def _begin(self, step: int, batch_size: int, seed: int) -> Begun:
        chosen, rng = self.draw(step, batch_size, seed)
        labels = self.train.labels
        return self._decode(chosen, rng), labels[to_device(chosen, labels.device)]

    def _decode(self, chosen: np.ndarray, rng: np.random.Generator) -> Decoding:
        photos = self.train.images[chosen]
        return photos.decode(self.augmentation.views(len(photos), rng))

    def _finish(self, begun: Begun) -> tuple[torch.Tensor, torch.Tensor]:
        decoding, labels = begun
        return self.normalise(decoding.result()), labels


def load_imagenet(data: Path | None = None, val_per_class: int = 50) -> FolderTask:
    """The task from ``train/<class>/*`` and ``val/<class>/*``, classes in alphabetical order.

    They lie in the folder ``data`` (default: ``$NAS_HARNESS_DATA``) or in a folder ``imagenet``
    of it. Test is the official validation part. Validation is held out of the official training part:
    the first ``val_per_class`` images of each class by :func:`ranks_in_class`, file names in
    alphabetical order; train is the rest.

    Raises :class:`UsageError` when the folder is not found, is not of that form, or has a class
    of too few images.
    """
    root = _locate(data)
    classes = _classes(root / "train")
    if different := sorted({*classes} ^ {*_classes(root / "val")}):
        raise UsageError(
            f"train and val in {root} have different classes, {different[0]} is in one of them "
            "only; unpack both again."
        )
    paths, labels = _listing(root, "train", classes)
    sizes = np.bincount(labels, minlength=len(classes))
    if not 0 < val_per_class < sizes.min():
        raise UsageError(
            f"{val_per_class} validation images per class cannot be held out of the training "
            f"images in {root}: class {classes[sizes.argmin()]} has {sizes.min()}."
        )
    held_out = ranks_in_class(labels) < val_per_class
    return FolderTask(
        name="imagenet",
        image=ImageSpec(channels=3, size=SIZE, classes=len(classes)),
        train=_split(root, paths[~held_out], labels[~held_out]),
        val=_split(root, paths[held_out], labels[held_out]),
        test=_split(root, *_listing(root, "val", classes)),
        mean=MEAN,
        std=STD,
        augmentation=RandomResizedCrop(),
    )


def _split(root: Path, paths: np.ndarray, labels: np.ndarray) -> Split:
    order = stratified_order(labels)
    return Split(Photos(root, paths[order]), torch.from_numpy(labels[order]))


def _locate(data: Path | None) -> Path:
    roots = data_folders(data)
    for place in (root / folder for root in roots for folder in ("", "imagenet")):
        if (place / "train").is_dir() and (place / "val").is_dir():
            return place
    raise UsageError(
        f"ImageNet is not found in {either(roots)}; get the training and validation images of "
        "ILSVRC 2012 (https://image-net.org/download-images, after registration) and pass --data "
        "DIR with train/<class>/ and val/<class>/."
    )


def _classes(folder: Path) -> list[str]:
    with os.scandir(folder) as entries:
        names = sorted(entry.name for entry in entries if entry.is_dir() and entry.name[0] != ".")
    if not names:
        raise UsageError(f"{folder} has no folders, where one per class is expected; sort it.")
    return names


def _listing(root: Path, part: str, classes: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Paths relative to ``root``, as bytes, and labels of all images of a part."""
    paths, labels = [], []
    for label, name in enumerate(classes):
        files = [file for file in os.listdir(root / part / name) if _is_image(file)]
        if not files:
            raise UsageError(f"{root / part / name} has no images; unpack it again.")
        paths += [os.fsencode(os.path.join(part, name, file)) for file in sorted(files)]
        labels += [label] * len(files)
    return np.array(paths), np.array(labels)


def _is_image(name: str) -> bool:
    return name.lower().endswith(SUFFIXES) and name[0] != "."
