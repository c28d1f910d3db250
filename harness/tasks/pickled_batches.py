"""Batches of small images as pickled dictionaries: CIFAR's and the downsampled ImageNet's.

CIFAR's official python archives are tar files of them, or the folders in these.
"""

from __future__ import annotations

import gzip
import io
import pickle
import tarfile
import zlib
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

import numpy as np

from harness.files.sizes import check_file, check_size, read_bytes
from searchspaces.errors import UsageError


def _dtype(code: bytes | str, _align: int, _copy: int) -> np.dtype:
    return np.dtype(code)  # pickles made by Python 2 hold ints, which NumPy 2.4.0 warns about


_RECONSTRUCT = np.empty(0).__reduce__()[0]
_ALLOWED = {
    ("numpy.core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy._core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): _dtype,
}


class _ArrayUnpickler(pickle._Unpickler):
    """Builds NumPy arrays and plain containers; refuses every other global a pickle may name.

    It is the one in Python: that in C fills 16 bytes for each number up to those that a pickle
    gives to its objects, gigabytes for a pickle of ten bytes.
    """

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}")
        return _ALLOWED[module, name]


def parse_batch(
    content: bytes, where: Path, label: str, side: int
) -> tuple[np.ndarray, np.ndarray]:
    """uint8 images ``[N, 3, side, side]`` and the int64 list stored under ``label``.

    ``content`` is a pickle by Python 2 or 3 of a dictionary that holds flat images as ``data``.
    Nothing in it is executed. Raises :class:`UsageError` naming ``where`` when it is damaged or
    not of that form.
    """
    try:
        batch = _ArrayUnpickler(io.BytesIO(content), encoding="bytes").load()
        batch = {key.decode() if isinstance(key, bytes) else key: batch[key] for key in batch}
        data, labels = batch["data"], np.asarray(batch[label])
        if (
            data.dtype != np.uint8
            or data.shape != (len(labels), 3 * side * side)
            or labels.dtype.kind != "i"
        ):
            raise ValueError(f"data {data.dtype}{list(data.shape)}, {label} {labels.dtype}")
    except Exception as error:  # a damaged pickle can raise anything, says Python's manual
        raise UsageError(
            f"{where} is damaged or not a batch of {side}x{side} images "
            f"({type(error).__name__}: {error}); download the archive again."
        ) from error
    return data.reshape(-1, 3, side, side), labels.astype(np.int64)


SIDE = 32


def read_batches(
    source: Path, names: Sequence[str], label: str
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """The batches ``names`` of ``source``, a ``.tar.gz`` or the folder extracted from it.

    Each is uint8 images ``[N, 3, 32, 32]`` and the int64 list stored under ``label``. Raises
    :class:`UsageError` naming the file when it is missing, damaged, too large or not of that form.
    """
    read = _from_archive if source.is_file() else _from_folder
    contents = read(source, names)
    return {name: parse_batch(contents[name], source / name, label, SIDE) for name in names}


def _from_folder(folder: Path, names: Sequence[str]) -> dict[str, bytes]:
    try:
        return {name: read_bytes(folder / name, "batch of images") for name in names}
    except OSError as error:
        raise UsageError(
            f"cannot read {error.filename}: {error.strerror}; extract the archive again."
        ) from error


def _from_archive(archive: Path, names: Sequence[str]) -> dict[str, bytes]:
    contents = {}
    check_file(archive, "set of images")
    try:
        with gzip.open(archive) as unpacked:
            stream = _Bounded(unpacked, archive)
            with tarfile.open(fileobj=stream, mode="r|") as tar:
                for member in tar:
                    name = PurePosixPath(member.name).name
                    if name in names and member.isfile():
                        within = f"{name} in {archive}"
                        check_size(member.size, "batch of images", within, "unpacks to")
                        contents[name] = tar.extractfile(member).read()
            while stream.read(1 << 20):  # gzip compares its checksum only at the very end
                pass
    except (OSError, EOFError, zlib.error, tarfile.TarError) as error:
        raise UsageError(f"{archive} is damaged: {error}; download it again.") from error
    if missing := sorted(set(names) - set(contents)):
        raise UsageError(f"{archive} lacks {', '.join(missing)}; download it again.")
    return contents


class _Bounded:
    """The stream that ``archive`` unpacks to, refused where it becomes too long."""

    def __init__(self, stream: BinaryIO, archive: Path):
        self._stream, self._archive, self._passed = stream, archive, 0

    def read(self, size: int) -> bytes:
        block = self._stream.read(size)
        self._passed += len(block)
        check_size(self._passed, "set of images", self._archive, "unpacks to at least")
        return block
