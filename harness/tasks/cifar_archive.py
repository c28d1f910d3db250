"""The official CIFAR python archives: tar files, or the folders in them, of pickled batches."""

from __future__ import annotations

import gzip
import tarfile
import zlib
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import BinaryIO

import numpy as np

from harness.files.sizes import check_file, check_size, read_bytes
from harness.tasks.pickled import parse_batch
from searchspaces.errors import UsageError

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
