"""Passes over all images of a part: what they contain, what they are like, and their pixels."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import numpy as np

from harness.files.progress import bar, patience
from harness.files.sizes import limit
from harness.tasks.own.given import Part, Raw
from harness.tasks.own.pixels import Form, Look, look
from searchspaces.errors import UsageError

T = TypeVar("T")
CHUNK = 250  # images that a thread reads at a time


@dataclass(frozen=True)
class Contents:
    """SHA-256 of each image, and the labels, int64 ``[N]``."""

    digests: list[bytes]
    labels: np.ndarray


def contents_of(part: Part) -> Contents:
    """What ``part`` contains; every image is read."""

    def one(row: int) -> tuple[bytes, int]:
        raw, label = part.item(row)
        return _digest(raw), label

    with patience(f"reading {part}"):
        pairs = list(_each(part, one))
    labels = np.array([label for _, label in pairs], np.int64)
    return Contents([digest for digest, _ in pairs], labels)


def looks_of(part: Part, contents: Contents) -> list[Look]:
    """What each image is like; raises :class:`UsageError` for other images than before."""

    def one(row: int) -> Look:
        return look(_again(part, row, contents), part.where(row))

    with patience(f"measuring {part}"):
        return list(_each(part, one))


def pixels_of(part: Part, contents: Contents, form: Form) -> np.ndarray:
    """uint8 ``[N, C, side, side]``; raises :class:`UsageError` as :func:`looks_of` does."""
    images = np.empty((len(part), form.channels, form.side, form.side), np.uint8)

    def one(row: int) -> None:
        images[row] = form.pixels(_again(part, row, contents), part.where(row))

    with bar(len(part), "decode images", "image") as progress:
        for _ in _each(part, one):
            progress.update()
    return images


def check_memory(number: int, form: Form, smaller: str) -> None:
    """Raises :class:`UsageError`, naming the ``smaller`` images, where all would take too much."""
    size = number * form.channels * form.side**2
    if size > limit("task"):
        raise UsageError(
            f"{number:,} images of {form.side}x{form.side} pixels take {size / 1e9:.0f} GB of memory; "
            f"name a smaller side, as in --task {smaller}."
        )


def _again(part: Part, row: int, contents: Contents) -> Raw:
    """An image that was read before."""
    raw, label = part.item(row)
    if _digest(raw) != contents.digests[row] or label != contents.labels[row]:
        raise UsageError(
            f"{part.where(row)} is another one each time it is read; leave random transforms and "
            "unseeded draws out: the harness splits and augments."
        )
    return raw


def _digest(raw: Raw) -> bytes:
    digest = hashlib.sha256()
    if isinstance(raw, np.ndarray):
        digest.update(f"{raw.dtype}{raw.shape}".encode())
        raw = np.ascontiguousarray(raw).tobytes()
    digest.update(raw)
    return digest.digest()


def _each(part: Part, one: Callable[[int], T]) -> Iterator[T]:
    """``one`` of every row, in order; in several threads where the part allows it."""
    if not part.threads:
        yield from map(one, range(len(part)))
        return
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        starts = range(0, len(part), CHUNK)
        for some in pool.map(partial(_some, one, len(part)), starts):
            yield from some


def _some(one: Callable[[int], T], number: int, start: int) -> list[T]:
    return [one(row) for row in range(start, min(start + CHUNK, number))]
