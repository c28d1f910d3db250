"""Which images are for training, validation and test; a function of their labels alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from harness.tasks.base import ranks_in_class, stratified_order
from searchspaces.errors import UsageError

HELD_OUT = 5  # one image of so many, of each class


@dataclass(frozen=True)
class Rows:
    """``train`` and ``val``, rows of the training images, and ``test``, int64.

    ``held_out``: test too is a part of the training images.
    """

    train: np.ndarray
    val: np.ndarray
    test: np.ndarray
    held_out: bool

    def of_training(self) -> Mapping[str, np.ndarray]:
        own = {"train": self.train, "val": self.val}
        return own | ({"test": self.test} if self.held_out else {})


def split(labels: np.ndarray, test: np.ndarray | None) -> Rows:
    """Hold out a fifth of each class for validation, and before that one for test if it is missing.

    ``labels`` of the training images and ``test``, int64 ``[N]``, have passed :func:`check_labels`.
    By :func:`ranks_in_class`, so that every class is in every part; in an order in which classes
    are spread evenly.
    """
    rest = np.arange(len(labels))
    if test is None:
        rest, tested = _held_out(labels, rest)
    else:
        tested = stratified_order(test)
    train, val = _held_out(labels, rest)
    return Rows(train, val, tested, test is None)


def _held_out(labels: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """``rows`` without a fifth of each class, and that fifth, one image at the least."""
    own = labels[rows]
    sizes = np.maximum(np.bincount(own) // HELD_OUT, 1)
    out = ranks_in_class(own) < sizes[own]
    kept, held = rows[~out], rows[out]
    return kept[stratified_order(labels[kept])], held[stratified_order(labels[held])]


def check_labels(
    labels: np.ndarray, test: np.ndarray | None, classes: Sequence[str], what: str
) -> int:
    """The number of classes, named or not, of the images ``what``.

    Raises :class:`UsageError` for a class without training images, for labels that are not 0 to
    C - 1, and for too few images to hold some out.
    """
    if not len(labels) or (test is not None and not len(test)):
        raise UsageError(f"{what} have no {'test' if len(labels) else 'training'} images.")
    low, high = int(labels.min()), int(labels.max())
    number = len(classes) or high + 1
    if low < 0 or high >= number or (low > 0 and not classes):
        raise UsageError(
            f"labels of {what} are from {low} to {high}; number the classes from 0"
            f"{f' to {number - 1}' if classes else ''}."
        )
    if number < 2:
        raise UsageError(f"{what} are all of one class; a network has to tell two or more apart.")
    sizes = np.bincount(labels, minlength=number)
    if not sizes.all():
        raise UsageError(
            f"{_class(int(sizes.argmin()), classes)} of {what} has no training images; leave the "
            "class out and number the others from 0."
        )
    if test is not None and ((test < 0) | (test >= number)).any():
        alone = int(test[(test < 0) | (test >= number)][0])
        raise UsageError(f"class {alone} of {what} is among the test images alone.")
    needed = 2 if test is not None else 3
    if sizes.min() < needed:
        has, parts = int(sizes.min()), "validation" + (" and test" if test is None else "")
        raise UsageError(
            f"{_class(int(sizes.argmin()), classes)} of {what} has {has} training "
            f"image{'s' * (has > 1)}; {needed} are needed, since {parts} hold images out of them."
        )
    return number


def missing_in_test(test: np.ndarray, classes: Sequence[str], number: int) -> list[str]:
    """A sentence on a class that no test image is of."""
    missing = np.flatnonzero(np.bincount(test, minlength=number) == 0)
    return [f"no test image is of {_class(int(missing[0]), classes)}"] if len(missing) else []


def _class(label: int, classes: Sequence[str]) -> str:
    return f"class {classes[label] if classes else label}"
