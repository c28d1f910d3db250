"""CIFAR-10 and CIFAR-100 (Krizhevsky, 2009) from the official archive or from parquet files."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch

from harness.files.data_folders import data_folders, either
from harness.tasks.augment import Augmentation
from harness.tasks.base import Split, Task, stratified_order
from harness.tasks.cifar_parquet import read_parquet
from harness.tasks.pickled_batches import read_batches
from searchspaces.base import ImageSpec
from searchspaces.errors import UsageError
from searchspaces.registry import nearest

Part = tuple[np.ndarray, np.ndarray]  # uint8 images [N, 3, 32, 32] and int64 labels [N]


@dataclass(frozen=True)
class CifarSpec:
    """Where one data set's parts are, how many images they have, and its pixel statistics."""

    title: str
    classes: int
    archive: str
    folder: str
    train_batches: tuple[str, ...]
    test_batch: str
    archive_label: str
    parquet_label: str
    mean: tuple[float, ...]
    std: tuple[float, ...]
    train_images: int = 50_000
    test_images: int = 10_000


SPECS = {
    "cifar10": CifarSpec(
        title="CIFAR-10",
        classes=10,
        archive="cifar-10-python.tar.gz",
        folder="cifar-10-batches-py",
        train_batches=tuple(f"data_batch_{number}" for number in range(1, 6)),
        test_batch="test_batch",
        archive_label="labels",
        parquet_label="label",
        mean=(125.3, 123.0, 113.9),
        std=(63.0, 62.1, 66.7),
    ),
    "cifar100": CifarSpec(
        title="CIFAR-100",
        classes=100,
        archive="cifar-100-python.tar.gz",
        folder="cifar-100-python",
        train_batches=("train",),
        test_batch="test",
        archive_label="fine_labels",
        parquet_label="fine_label",
        mean=(129.3, 124.1, 112.4),
        std=(68.2, 65.4, 70.4),
    ),
}


def load_cifar(
    name: str, data: Path | None, *, val_size: int = 25_000, train_size: int | None = None
) -> Task:
    """The task ``name`` (``cifar10`` or ``cifar100``) from the folder ``data``.

    ``data`` (default: ``$NAS_HARNESS_DATA``) holds the official archive, the folder extracted
    from it, or ``train.parquet`` and ``test.parquet``; or it holds a folder ``name`` that does.
    What ``nas-harness fetch`` brought is found without it.

    Test is the official test part. Train and validation share out the official training part
    by :func:`stratified_order`: validation is the last ``val_size`` images of that order, train
    is the rest, or its first ``train_size`` images. Sizes therefore nest: a smaller part is the
    beginning or the end of a larger one. The default halves have the size of those of
    NAS-Bench-201's ``cifar10-valid`` (Dong and Yang, 2020), but not the same images.

    Raises :class:`UsageError` when the data are not found or damaged, or the sizes impossible.
    """
    if name not in SPECS:
        raise UsageError(f"unknown CIFAR task '{name}'{nearest(name, SPECS)}")
    spec = SPECS[name]
    rest = spec.train_images - val_size
    if not 0 < val_size < spec.train_images:
        raise UsageError(
            f"{val_size} validation images are not possible with {spec.title}; "
            f"choose 1 to {spec.train_images - 1} of its {spec.train_images} training images."
        )
    if train_size is not None and not 0 < train_size <= rest:
        raise UsageError(
            f"{train_size} training images are not possible beside {val_size} validation images "
            f"of {spec.title}; choose 1 to {rest}."
        )
    (images, labels), test = _read(name, spec, data)
    order = stratified_order(labels)
    train, val = order[:rest][:train_size], order[rest:]
    return Task(
        name=name,
        image=ImageSpec(channels=3, size=32, classes=spec.classes),
        train=_split(images[train], labels[train]),
        val=_split(images[val], labels[val]),
        test=_split(*test),
        mean=spec.mean,
        std=spec.std,
        augmentation=Augmentation(
            flip=True, crop=4, fill=tuple(round(value) for value in spec.mean)
        ),
    )


def _split(images: np.ndarray, labels: np.ndarray) -> Split:
    return Split(torch.from_numpy(images), torch.from_numpy(labels))


def _read(name: str, spec: CifarSpec, data: Path | None) -> tuple[Part, Part]:
    """Checked training and test parts."""
    source = _locate(name, spec, data)
    train, test = source / "train.parquet", source / "test.parquet"
    if train.exists():
        parts = read_parquet(train, spec.parquet_label), read_parquet(test, spec.parquet_label)
    else:
        train, test = source, source
        batches = read_batches(source, (*spec.train_batches, spec.test_batch), spec.archive_label)
        images, labels = zip(*(batches[batch] for batch in spec.train_batches), strict=True)
        parts = (np.concatenate(images), np.concatenate(labels)), batches[spec.test_batch]
    _check(parts[0], train, spec.train_images, spec)
    _check(parts[1], test, spec.test_images, spec)
    return parts


def _locate(name: str, spec: CifarSpec, data: Path | None) -> Path:
    """The archive, the folder of batches, or the folder of parquet files; originals first."""
    roots = data_folders(data)
    for place in (root / folder for root in roots for folder in ("", name)):
        if (place / spec.train_batches[0]).is_file():
            return place
        if (place / spec.folder).is_dir():
            return place / spec.folder
        if (place / spec.archive).is_file():
            return place / spec.archive
        if (place / "train.parquet").is_file():
            return place
    raise UsageError(
        f"{spec.title} is not found in {either(roots)}; `nas-harness fetch {name}` brings it, or "
        f"pass --data DIR with {spec.archive} (https://www.cs.toronto.edu/~kriz/{spec.archive}) "
        "or with train.parquet and test.parquet of the Hugging Face data set."
    )


def _check(part: Part, source: Path, count: int, spec: CifarSpec) -> None:
    """Raise :class:`UsageError` unless ``part`` has ``count`` images, equally many per class."""
    labels = part[1]
    if len(labels) != count:
        raise UsageError(
            f"{source} has {len(labels)} images where {spec.title} has {count}; download it again."
        )
    classes, sizes = np.unique(labels, return_counts=True)
    if not np.array_equal(classes, np.arange(spec.classes)) or sizes.min() != sizes.max():
        raise UsageError(
            f"{source} does not hold {count // spec.classes} images of each of {spec.title}'s "
            f"{spec.classes} classes; download it again."
        )


load_cifar10 = partial(load_cifar, "cifar10")
load_cifar100 = partial(load_cifar, "cifar100")
