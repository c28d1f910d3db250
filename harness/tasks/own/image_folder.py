"""A tree of image files with a folder for each class, as torchvision's ``ImageFolder`` has it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from harness.files.sizes import read_bytes
from harness.tasks.own.given import Given, Part
from harness.tasks.own.place import Place
from searchspaces.errors import UsageError

TESTS = ("test", "val")
SUFFIXES = (".bmp", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")


class ImageFiles(Part):
    """Files and their labels."""

    threads = True

    def __init__(self, paths: Sequence[Path], labels: Sequence[int], name: str):
        self.paths, self.labels, self.name = paths, labels, name

    def __len__(self) -> int:
        return len(self.paths)

    def item(self, row: int) -> tuple[bytes, int]:
        try:
            return read_bytes(self.paths[row], "batch of images"), self.labels[row]
        except OSError as error:
            raise UsageError(f"cannot read {self.paths[row]}: {error.strerror}.") from error

    def where(self, row: int) -> str:
        return str(self.paths[row])


def given_in(place: Place) -> Given:
    """``PATH/train`` and ``PATH/test``, or ``PATH/val``, else one tree, of which a part is held out.

    Classes are the folders of the training images in alphabetical order; their files, at any depth,
    are in the order of their paths. Raises :class:`UsageError` for a class that has no images and
    for one of the test images alone.
    """
    place.check()
    notes: list[str] = []
    training = place.path / "train"
    if not training.is_dir():
        training, tests = place.path, []
    else:
        tests = [place.path / name for name in TESTS if (place.path / name).is_dir()]
        notes += [
            f"{path} was left out, since {tests[0]} has the test images" for path in tests[1:]
        ]
    classes = _folders(training)
    if not classes:
        raise UsageError(
            f"{training} has no folders, where one for each class is expected; sort the images."
        )
    train = _listed(training, classes, notes)
    sizes = [train.labels.count(label) for label in range(len(classes))]
    if not all(sizes):
        empty = training / classes[sizes.index(0)]
        raise UsageError(f"{empty} has no images; fill the class, or remove its folder.")
    if not tests:
        return Given(tuple(classes), train, None, notes=tuple(notes))
    if alone := sorted({*_folders(tests[0])} - {*classes}):
        raise UsageError(
            f"class {alone[0]} is in {tests[0]} alone; give it training images in {training}, or "
            "remove it."
        )
    return Given(tuple(classes), train, _listed(tests[0], classes, notes), notes=tuple(notes))


def _folders(root: Path) -> list[str]:
    return sorted(path.name for path in root.iterdir() if path.is_dir() and path.name[0] != ".")


def _listed(root: Path, classes: Sequence[str], notes: list[str]) -> ImageFiles:
    """All image files below ``root``; other files are left out, and counted in ``notes``."""
    paths: list[Path] = []
    labels: list[int] = []
    others = 0
    for label, name in enumerate(classes):
        found = sorted(
            Path(folder, file)
            for folder, _, files in os.walk(root / name)
            for file in files
            if file[0] != "."
        )
        images = [path for path in found if path.suffix.lower() in SUFFIXES]
        others += len(found) - len(images)
        paths += images
        labels += [label] * len(images)
    if others:
        notes.append(
            f"{others:,} files in {root} were left out, whose names do not end like an image's "
            f"({', '.join(SUFFIXES)})"
        )
    return ImageFiles(paths, labels, f"images in {root}")
