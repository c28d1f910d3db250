"""A folder that Hugging Face's ``datasets`` saved: a data set, or one for each of its splits."""

from __future__ import annotations

import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from harness.files.sizes import read_bytes
from harness.tasks.own.given import Given, Part
from harness.tasks.own.place import Place
from searchspaces.errors import UsageError, first_line

TRAIN, TESTS = "train", ("test", "validation", "val")


class EncodedRows(Part):
    """Rows of a data set, whose images are files within it."""

    def __init__(self, rows: Any, image: str, label: str, name: str):
        self.rows, self.image, self.label, self.name = rows, image, label, name

    def __len__(self) -> int:
        return len(self.rows)

    def item(self, row: int) -> tuple[bytes, int]:
        found = self.rows[row]
        image, label = found[self.image], found[self.label]
        if image is None or label is None:
            raise UsageError(
                f"{self.where(row)} has no {'label' if image else 'image'}; remove it."
            )
        if image["bytes"] is not None:
            return image["bytes"], int(label)
        try:
            return read_bytes(Path(image["path"]), "batch of images"), int(label)
        except (OSError, TypeError) as error:
            raise UsageError(
                f"{self.where(row)} names the file {image['path']}, which is not there."
            ) from error

    def where(self, row: int) -> str:
        return f"row {row} of the {self.name}"


def given_in(place: Place) -> Given:
    """The split ``train``, and ``test`` or ``validation``; of a single data set a part is held out.

    Each has one column of images and one of classes, or else a column of whole numbers called label
    or labels. Raises :class:`UsageError` where it is otherwise, and where ``datasets`` is missing.
    """
    place.check()
    if find_spec("datasets") is None:
        raise UsageError(
            f"--task {place.given} needs datasets, which is not installed: `pip install datasets`."
        )
    import datasets

    try:
        found = datasets.load_from_disk(str(place.path))
    except Exception as error:  # whatever its readers raise for a folder of something else
        raise UsageError(
            f"{place.path} is no folder that datasets saved (save_to_disk): {first_line(error)}."
        ) from error
    notes = []
    train, test = found, None
    if isinstance(found, dict):
        if TRAIN not in found:
            raise UsageError(f"{place.path} has no split train; it has {', '.join(found)}.")
        tests = [name for name in TESTS if name in found]
        train, test = found[TRAIN], found[tests[0]] if tests else None
        left = sorted(found.keys() - {TRAIN, *tests[:1]})
        notes += [f"the split {name} of {place.path} was left out" for name in left]
    image, label = _columns(train, place.path)
    classes = tuple(getattr(train.features[label], "names", None) or ())
    parts: list[Part | None] = []
    for name, rows in (("train", train), ("test", test)):
        if rows is not None and not {image, label} <= {*rows.column_names}:
            raise UsageError(f"the {name} split of {place.path} has no {image} or no {label}.")
        parts.append(rows and _part(rows, image, label, f"{name} images in {place.path}"))
    if parts[0] is None:
        raise UsageError(f"{place.path} has no training images.")
    return Given(classes, parts[0], parts[1], notes=tuple(notes))


def _part(rows: Any, image: str, label: str, name: str) -> EncodedRows:
    import datasets

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        plain = rows.select_columns([image, label]).cast_column(image, datasets.Image(decode=False))
    return EncodedRows(plain, image, label, name)


def _columns(rows: Any, path: Path) -> tuple[str, str]:
    """The names of the columns of images and of labels."""
    import datasets

    features = rows.features
    images = [name for name, kind in features.items() if isinstance(kind, datasets.Image)]
    labels = [name for name, kind in features.items() if isinstance(kind, datasets.ClassLabel)]
    whole = (
        name for name in ("label", "labels") if "int" in getattr(features.get(name), "dtype", "")
    )
    labels = labels or list(whole)
    for what, found in (("images (datasets.Image)", images), ("labels (ClassLabel)", labels)):
        if len(found) != 1:
            has = ", ".join(found) or f"none among {', '.join(features)}"
            raise UsageError(
                f"{path} needs one column of {what} and has {has}; remove or cast columns, and save "
                "it again."
            )
    return images[0], labels[0]
