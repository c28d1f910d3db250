"""ImageNet16-120: the first 120 classes of ImageNet at 16x16 pixels, as NAS-Bench-201 uses them.

Chrabaszcz et al., 2017, arXiv:1707.08819; Dong and Yang, ICLR 2020, arXiv:2001.00326.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from harness.files.data_folders import data_folders, either
from harness.files.sizes import read_bytes
from harness.tasks.augment import Augmentation
from harness.tasks.base import Split, Task, ranks_in_class, stratified_order
from harness.tasks.pickled_batches import parse_batch
from searchspaces.base import ImageSpec
from searchspaces.errors import UsageError

SIDE = 16
MEAN, STD = (122.68, 116.66, 104.01), (63.22, 61.26, 65.09)
TRAIN_BATCHES = tuple(f"train_data_batch_{number}" for number in range(1, 11))
VAL_BATCH = "val_data"
FOLDERS = ("", "imagenet16-120", "ImageNet16")


@dataclass(frozen=True)
class ImageNet16Spec:
    """How many of the official classes are taken, and how many images those have."""

    classes: int = 120
    train_images: int = 151_700
    val_images: int = 6_000


SPEC = ImageNet16Spec()


def load_imagenet16(data: Path | None = None) -> Task:
    """The task from the official pickles in the folder ``data`` (default: ``$NAS_HARNESS_DATA``).

    They may also lie in a folder ``imagenet16-120`` or ``ImageNet16`` of it.

    Train is the official training part of the first 120 classes, 151,700 images. The 50 official
    validation images of each class are shared out by :func:`ranks_in_class`: the first 25 are
    validation, the others are test; 3,000 images each. These are the sizes of NAS-Bench-201's
    parts, and its training images, but not its choice of 3,000.

    Raises :class:`UsageError` when the data are not found, damaged or incomplete.
    """
    folder = _locate(data)
    batches = [_first_classes(folder / name) for name in TRAIN_BATCHES]
    images, labels = (np.concatenate(arrays) for arrays in zip(*batches, strict=True))
    held_images, held_labels = _first_classes(folder / VAL_BATCH)
    _check(labels, SPEC.train_images, f"the training batches in {folder}")
    _check(held_labels, SPEC.val_images, f"{folder / VAL_BATCH}")

    early = 2 * ranks_in_class(held_labels) < np.bincount(held_labels)[held_labels]
    return Task(
        name="imagenet16-120",
        image=ImageSpec(channels=3, size=SIDE, classes=SPEC.classes),
        train=_split(images, labels),
        val=_split(held_images[early], held_labels[early]),
        test=_split(held_images[~early], held_labels[~early]),
        mean=MEAN,
        std=STD,
        augmentation=Augmentation(flip=True, crop=2, fill=tuple(round(value) for value in MEAN)),
    )


def _split(images: np.ndarray, labels: np.ndarray) -> Split:
    order = stratified_order(labels)
    return Split(torch.from_numpy(images[order]), torch.from_numpy(labels[order]))


def _locate(data: Path | None) -> Path:
    roots = data_folders(data)
    for place in (root / folder for root in roots for folder in FOLDERS):
        if (place / VAL_BATCH).is_file():
            return place
    raise UsageError(
        f"ImageNet16-120 is not found in {either(roots)}; get the 16x16 images of the downsampled "
        "ImageNet (https://image-net.org/download-images, after registration) and pass --data DIR "
        f"with {TRAIN_BATCHES[0]} to {TRAIN_BATCHES[-1]} and {VAL_BATCH} unpacked."
    )


def _first_classes(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """The images of a batch that are of the first classes; the labels of the file count from 1."""
    try:
        content = read_bytes(path, "batch of images")
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}; unpack it again.") from error
    images, labels = parse_batch(content, path, "labels", SIDE)
    taken = (labels >= 1) & (labels <= SPEC.classes)
    return images[taken], labels[taken] - 1


def _check(labels: np.ndarray, count: int, where: str) -> None:
    """Raise :class:`UsageError` unless there are ``count`` images, of every class."""
    if len(labels) != count or len(np.unique(labels)) != SPEC.classes:
        raise UsageError(
            f"{where}: {len(labels)} images of {len(np.unique(labels))} of the first "
            f"{SPEC.classes} classes, where ImageNet16-120 has {count} of all; download it again."
        )
