"""CIFAR in the layout of the Hugging Face data sets: encoded images in parquet files."""

from __future__ import annotations

import hashlib
import io
import os
import warnings
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow
from PIL import Image
from pyarrow import compute, parquet

from harness.files.data_folders import home
from harness.files.progress import bar
from harness.files.sizes import check_file, check_parquet
from harness.files.store import atomic_path
from searchspaces.errors import UsageError

SIDE = 32
CHUNK = 250  # images one thread decodes at a time


def read_parquet(path: Path, label: str) -> tuple[np.ndarray, np.ndarray]:
    """uint8 images ``[N, 3, 32, 32]`` from ``img.bytes`` and int64 labels from column ``label``.

    Decoded once; the arrays are then kept in ``cache`` in the harness's own home, under the
    SHA-256 of the file. Raises :class:`UsageError` naming the file when it is missing, damaged,
    too large or not of that form.
    """
    check_file(path, "set of images")
    try:
        with open(path, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}; download it again.") from error
    cached = home() / "cache" / f"images-{digest}-{label}.npz"
    try:
        with np.load(cached) as arrays:
            return arrays["images"], arrays["labels"]
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile):
        pass  # never written, or damaged: decode again
    encoded, labels = _columns(path, label)
    images = _decode(encoded, path)
    try:
        with atomic_path(cached) as temporary, open(temporary, "wb") as file:
            np.savez(file, images=images, labels=labels)
    except UsageError as error:
        warnings.warn(
            f"cannot keep decoded images in {cached.parent} ({error.__cause__}); every run decodes "
            "them again unless NAS_HARNESS_HOME names a folder that can be written.",
            stacklevel=2,
        )
    return images, labels


def _columns(path: Path, label: str) -> tuple[list[bytes], np.ndarray]:
    """The encoded images and the labels of the parquet file ``path``."""
    try:
        check_parquet(path, "set of images")
        table = parquet.read_table(path, columns=["img", label])
        encoded = compute.struct_field(table["img"], "bytes").to_pylist()
        labels = table[label].to_numpy()
    except (OSError, KeyError, pyarrow.ArrowException) as error:
        raise UsageError(
            f"{path} is damaged or lacks the columns img.bytes and {label} "
            f"({' '.join(str(error).split())}); download it again."
        ) from error
    if labels.dtype.kind not in "iu":
        raise UsageError(f"column {label} of {path} holds {labels.dtype}, not whole numbers.")
    return encoded, labels.astype(np.int64)


def _decode(encoded: list[bytes], path: Path) -> np.ndarray:
    """Decode all images in a pool of threads, with a progress bar on standard error."""
    images = np.empty((len(encoded), 3, SIDE, SIDE), np.uint8)

    def decode(start: int) -> int:
        part = encoded[start : start + CHUNK]
        for row, content in enumerate(part, start):
            images[row] = _pixels(content, row, path).transpose(2, 0, 1)
        return len(part)

    shown = bar(len(encoded), f"decode {path.name}", "image")
    with shown as progress, ThreadPoolExecutor(os.cpu_count()) as pool:
        for done in pool.map(decode, range(0, len(encoded), CHUNK)):
            progress.update(done)
    return images


def _pixels(content: bytes, row: int, path: Path) -> np.ndarray:
    """uint8 ``[32, 32, 3]`` from one PNG or JPEG file."""
    try:
        with Image.open(io.BytesIO(content)) as image:
            if image.size == (SIDE, SIDE) and image.mode == "RGB":
                return np.asarray(image)
            problem = f"is {image.mode} {image.size[0]}x{image.size[1]}, not RGB {SIDE}x{SIDE}"
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        problem = f"cannot be decoded ({error})"
    raise UsageError(f"image {row} of {path} {problem}; download the file again.")
