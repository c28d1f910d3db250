"""Images of the user's own as a task: made once, and kept as arrays under the hash of their content.

Whatever was given (images, labels, names of classes, their order, the side that is asked for) is in
the hash, and the hash is in the name: changed images are another task, with tables and runs of its own.
"""

from __future__ import annotations

import hashlib
import json
import sys
import zipfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from harness.config.config import digest
from harness.files.store import atomic_path
from harness.tasks.augment import Augmentation
from harness.tasks.base import Split, Task
from harness.tasks.own.given import Given
from harness.tasks.own.measuring import check_range, duplicates, measured, notes_on, statistics
from harness.tasks.own.parts import check_labels, missing_in_test, split
from harness.tasks.own.place import FORMS, Place, kept_path
from harness.tasks.own.reading import Contents, check_memory, contents_of, looks_of, pixels_of
from searchspaces.architecture import ImageSpec
from searchspaces.errors import UsageError

MADE = 1  # raised when the same images are made into another task
PARTS = ("train", "val", "test")
_DAMAGED = (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile)


def settled(place: Place, function: Callable[..., Any] | None, data: Path | None) -> str:
    """The name that the images at ``place`` are kept as; they are made and kept first if need be.

    ``function`` is the one in a file, ``data`` the folder it is called with. Raises
    :class:`UsageError` for images that make no task, and where nothing can be written.
    """
    given = _given(place, function, data)
    train = contents_of(given.train)
    test = None if given.test is None else contents_of(given.test)
    name = f"{place.stem}-{_digest(place, given, train, test)}"
    if _header(kept_path(name)) is None:
        _keep(name, place, given, train, test)
    return name


def _given(place: Place, function: Callable[..., Any] | None, data: Path | None) -> Given:
    if function is not None:
        from harness.tasks.own.function import given_by

        return given_by(place, function, data)
    if place.kind == "hf":
        from harness.tasks.own import hugging_face as source
    else:
        from harness.tasks.own import image_folder as source
    return source.given_in(place)


def _digest(place: Place, given: Given, train: Contents, test: Contents | None) -> str:
    content = hashlib.sha256()
    for part in (train, test):
        for image in part.digests if part else ():
            content.update(image)
        content.update(part.labels.tobytes() if part else b"none")
    return digest(
        {
            "made": MADE,
            "side": place.side,
            "classes": given.classes,
            "augmentation": asdict(given.augmentation),
            "content": content.hexdigest(),
        }
    )


def _keep(name: str, place: Place, given: Given, train: Contents, test: Contents | None) -> None:
    """Split, measure, decode and write the images."""
    tested = None if test is None else test.labels
    number = check_labels(train.labels, tested, given.classes, f"the images of {place.given}")
    rows = split(train.labels, tested)
    looks = looks_of(given.train, train)
    form = measured(place, [looks[row] for row in rows.train])
    others = [] if given.test is None or test is None else looks_of(given.test, test)
    check_range(place, form, looks + others)
    total = len(train.labels) + len(others)
    check_memory(total, form, place.sided(max(form.side // 2, 1)))
    pixels = pixels_of(given.train, train, form)
    arrays, digests = {}, {}
    for part, own in rows.of_training().items():
        arrays |= {f"{part}_images": pixels[own], f"{part}_labels": train.labels[own]}
        digests[part] = [train.digests[row] for row in own]
    if given.test is not None and test is not None:
        arrays["test_images"] = pixels_of(given.test, test, form)[rows.test]
        arrays["test_labels"] = test.labels[rows.test]
        digests["test"] = test.digests
    mean, std = statistics(arrays["train_images"])
    notes = [
        *given.notes,
        *(
            []
            if test is not None
            else ["a fifth of each class was held out of the images for test"]
        ),
        *notes_on(place, form, looks + others),
        *duplicates(digests),
        *missing_in_test(arrays["test_labels"], given.classes, number),
    ]
    header = {
        "made": MADE,
        "source": place.given,
        "classes": given.classes or [str(label) for label in range(number)],
        "side": form.side,
        "channels": form.channels,
        "mean": mean,
        "std": std,
        "augmentation": asdict(given.augmentation),
        "notes": notes,
    }
    with atomic_path(kept_path(name)) as temporary, open(temporary, "wb") as file:
        np.savez(file, header=np.array(json.dumps(header)), **arrays)
    sizes = " / ".join(f"{len(arrays[f'{part}_labels']):,}" for part in PARTS)
    print(
        f"{place.given} is kept as {name}: {sizes} images of {form.side}x{form.side} pixels for "
        f"training, validation and test, in {number:,} classes.",
        *(f"{note[0].upper()}{note[1:]}." for note in notes),
        sep="\n",
        file=sys.stderr,
    )


def _header(path: Path) -> dict[str, Any] | None:
    """What is known of kept images without reading them; None where they are not, or damaged."""
    try:
        with np.load(path) as stored:
            header: dict[str, Any] = json.loads(str(stored["header"]))
    except _DAMAGED:
        return None
    return header if header.get("made") == MADE else None


def image_kept(name: str) -> ImageSpec | None:
    """The images that are kept as ``name``; None where they are not."""
    header = _header(kept_path(name))
    if header is None:
        return None
    return ImageSpec(header["channels"], header["side"], len(header["classes"]))


def load_kept(name: str) -> Task:
    """The task whose images are kept as ``name``; raises :class:`UsageError` where they are damaged."""
    path = kept_path(name)
    header, image = _header(path), image_kept(name)
    try:
        if header is None or image is None:
            raise ValueError("it has no header of this version")
        with np.load(path) as stored:
            parts = {
                part: Split(
                    torch.from_numpy(stored[f"{part}_images"]),
                    torch.from_numpy(stored[f"{part}_labels"]),
                )
                for part in PARTS
            }
        for part in parts.values():
            if part.images.shape[1:] != (image.channels, image.size, image.size):
                raise ValueError("its images are of other sizes than it says")
        made = header["augmentation"]
        return Task(
            name=name,
            image=image,
            mean=tuple(header["mean"]),
            std=tuple(header["std"]),
            augmentation=Augmentation(**made | {"fill": tuple(made["fill"])}),
            source=header["source"],
            notes=tuple(header["notes"]),
            **parts,
        )
    except _DAMAGED as error:
        raise UsageError(
            f"{path} is damaged ({error}); delete it and name the images by where they are again "
            f"({FORMS})."
        ) from error
