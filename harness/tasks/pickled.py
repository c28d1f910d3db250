"""Batches of small images as pickled dictionaries: CIFAR's and the downsampled ImageNet's."""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any

import numpy as np

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
