"""What a function of the user's returns: two data sets of (image, label), or arrays of them."""

from __future__ import annotations

import inspect
import operator
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from harness.files.data_folders import named_folder
from harness.tasks.augment import Augmentation
from harness.tasks.own.given import Given, Part, Raw
from harness.tasks.own.pixels import as_pixels
from harness.tasks.own.place import Place
from searchspaces.errors import UsageError, first_line
from searchspaces.registry import line_in

FORM = (
    "a pair (train, test), each a data set of (image, label) or a pair of arrays (images, labels), "
    "is due, perhaps with an Augmentation behind them"
)
_NAMES = ("training", "test")


def given_by(place: Place, function: Callable[..., Any], data: Path | None) -> Given:
    """What ``function`` returns, called with the folder ``data`` if it takes an argument.

    ``data`` is by default ``$NAS_HARNESS_DATA``, else None. Raises :class:`UsageError` for an error
    in the function, with its line, and for anything else than :data:`FORM`.
    """
    if not callable(function):
        raise UsageError(f"{place.given} is no function but {_said(function)}; {FORM} of one.")
    with _located(place):
        answer = function(*([named_folder(data)] if _takes_one(function) else []))
    augmentation = Augmentation()
    if (
        isinstance(answer, tuple | list)
        and len(answer) == 3
        and isinstance(answer[2], Augmentation)
    ):
        *answer, augmentation = answer
    if not isinstance(answer, tuple | list) or len(answer) != 2:
        raise UsageError(f"{place.given} returns {_said(answer)}; {FORM}.")
    train, test = (_part(place, part, name) for part, name in zip(answer, _NAMES, strict=True))
    classes = getattr(answer[0], "classes", None)
    named = isinstance(classes, tuple | list) and len(classes) > 0
    return Given(tuple(map(str, classes)) if named else (), train, test, augmentation)


def _takes_one(function: Callable[..., Any]) -> bool:
    try:
        inspect.signature(function).bind()
    except TypeError:
        return True
    except ValueError:  # of a builtin, which has none
        return False
    return False


def _part(place: Place, part: Any, name: str) -> Part:
    name = f"{name} images of {place.given}"
    if isinstance(part, tuple | list) and len(part) == 2 and _ndim(part[0]) > 2:
        images, labels = part
        if _ndim(labels) != 1 or len(labels) != len(images):
            raise UsageError(
                f"the {name} are {len(images):,} with labels of shape {_shape(labels)}; one number "
                "for each image is due."
            )
        return DataSet(place, Pairs(images, labels), name)
    if (
        hasattr(part, "__len__")
        and hasattr(part, "__getitem__")
        and not isinstance(part, str | dict)
    ):
        return DataSet(place, part, name)
    raise UsageError(f"the {name} are {_said(part)}; {FORM}.")


class Pairs:
    """Arrays of images and labels as a data set."""

    def __init__(self, images: Any, labels: Any):
        self.images, self.labels = images, labels

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, row: int) -> tuple[Any, Any]:
        return self.images[row], self.labels[row]


class DataSet(Part):
    """Whatever has a length and gives pairs (image, label), as torchvision's data sets do."""

    def __init__(self, place: Place, pairs: Any, name: str):
        self.place, self.pairs, self.name = place, pairs, name

    def __len__(self) -> int:
        return len(self.pairs)

    def item(self, row: int) -> tuple[Raw, int]:
        with _located(self.place):
            pair = self.pairs[row]
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise UsageError(f"{self.where(row)} is {_said(pair)}, no pair (image, label).")
        image, label = pair
        try:
            number = operator.index(label)
        except TypeError:
            raise UsageError(
                f"the label of {self.where(row)} is {str(label)[:40]}, no whole number; number the "
                "classes from 0."
            ) from None
        return as_pixels(image, self.where(row)), number

    def where(self, row: int) -> str:
        return f"image {row} of the {self.name}"


@contextmanager
def _located(place: Place) -> Iterator[None]:
    """Within, an error of the user's code is a :class:`UsageError` with its line in the file."""
    try:
        yield
    except (UsageError, MemoryError):
        raise
    except (Exception, SystemExit) as error:
        raise UsageError(
            f"{place.given} raises {type(error).__name__}{line_in(error, place.path)}: "
            f"{first_line(error) or 'without a message'}."
        ) from error


def _ndim(found: Any) -> int:
    return len(_shape(found)) if hasattr(found, "shape") else -1


def _shape(found: Any) -> tuple[int, ...]:
    return tuple(getattr(found, "shape", np.shape(found)))


def _said(found: Any) -> str:
    """What it is, in a few words."""
    kind = type(found).__name__
    if isinstance(found, tuple | list):
        return f"a {kind} of {len(found)}"
    return f"{kind} of shape {_shape(found)}" if hasattr(found, "shape") else f"{kind}"
