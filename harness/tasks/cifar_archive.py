"""The official CIFAR python archives: tar files, or the folders in them, of pickled batches."""

from __future__ import annotations

import gzip
import io
import pickle
import tarfile
import zlib
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from searchspaces.errors import UsageError

ROW = 3 * 32 * 32


def _dtype(code: bytes, _align: int, _copy: int) -> np.dtype:
    return np.dtype(code)  # pickles made by Python 2 hold ints, which NumPy 2.4.0 warns about


_RECONSTRUCT = np.empty(0).__reduce__()[0]
_ALLOWED = {
    ("numpy.core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy._core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): _dtype,
}


class _ArrayUnpickler(pickle.Unpickler):
    """Builds NumPy arrays and plain containers; refuses every other global a pickle may name."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}")
        return _ALLOWED[module, name]


def read_batches(
    source: Path, names: Sequence[str], label: str
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """The batches ``names`` of ``source``, a ``.tar.gz`` or the folder extracted from it.

    Each is uint8 images ``[N, 3, 32, 32]`` and the int64 list stored under ``label``. Raises
    :class:`UsageError` naming the file when it is missing, damaged or not of that form.
    """
    read = _from_archive if source.is_file() else _from_folder
    contents = read(source, names)
    return {name: _parse(contents[name], source / name, label) for name in names}


def _from_folder(folder: Path, names: Sequence[str]) -> dict[str, bytes]:
    try:
        return {name: (folder / name).read_bytes() for name in names}
    except OSError as error:
        raise UsageError(
            f"cannot read {error.filename}: {error.strerror}; extract the archive again."
        ) from error


def _from_archive(archive: Path, names: Sequence[str]) -> dict[str, bytes]:
    contents = {}
    try:
        with gzip.open(archive) as stream:
            with tarfile.open(fileobj=stream, mode="r:") as tar:
                for member in tar:
                    name = PurePosixPath(member.name).name
                    if name in names and member.isfile():
                        contents[name] = tar.extractfile(member).read()
            while stream.read(1 << 20):  # gzip compares its checksum only at the very end
                pass
    except (OSError, EOFError, zlib.error, tarfile.TarError) as error:
        raise UsageError(f"{archive} is damaged: {error}; download it again.") from error
    if missing := sorted(set(names) - set(contents)):
        raise UsageError(f"{archive} lacks {', '.join(missing)}; download it again.")
    return contents


def _parse(content: bytes, where: Path, label: str) -> tuple[np.ndarray, np.ndarray]:
    try:
        batch = _ArrayUnpickler(io.BytesIO(content), encoding="bytes").load()
        data, labels = batch[b"data"], np.asarray(batch[label.encode()])
        if data.dtype != np.uint8 or data.shape != (len(labels), ROW) or labels.dtype.kind != "i":
            raise ValueError(f"data {data.dtype}{list(data.shape)}, {label} {labels.dtype}")
    except Exception as error:  # a damaged pickle can raise anything, says Python's manual
        raise UsageError(
            f"{where} is damaged or not a CIFAR batch ({type(error).__name__}: {error}); "
            "download the archive again."
        ) from error
    return data.reshape(-1, 3, 32, 32), labels.astype(np.int64)
