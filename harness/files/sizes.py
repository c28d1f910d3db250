"""How large an input may be: more than any real one of its kind, less than fills the memory.

A limit holds for a file and for what it unpacks to. ``$NAS_HARNESS_SIZE_FACTOR`` multiplies all.
"""

from __future__ import annotations

import math
import os
from pathlib import Path

from searchspaces.errors import UsageError

FACTOR = "NAS_HARNESS_SIZE_FACTOR"
LIMITS = {  # megabytes
    "description of an item": 1,
    "record": 16,
    "score file": 256,
    "log": 512,
    "table": 512,
    "batch of images": 512,
    "set of images": 1_000,
    "file of annotations": 2_000,
    "download": 4_000,
    "published benchmark": 8_000,
    "checkpoint": 16_000,
}


def limit(kind: str) -> int:
    """Bytes of ``kind``; raises :class:`UsageError` if the factor is no number."""
    factor = os.environ.get(FACTOR) or "1"
    try:
        return round(LIMITS[kind] * float(factor) * 10**6)
    except (ValueError, OverflowError):
        raise UsageError(f"{FACTOR} is '{factor}'; set it to a number such as 2.") from None


def check_size(size: int, kind: str, path: Path | str, takes: str = "has") -> None:
    """Raise :class:`UsageError` where ``size``, in bytes, is too large for a ``kind``."""
    most = limit(kind)
    if size > most:
        enough = math.ceil(size / LIMITS[kind] / 10**6)
        raise UsageError(
            f"{path} {takes} {size:,} bytes, where a {kind} may have {most:,}; get the right file, "
            f"or, if it is this one, set {FACTOR}={enough} and run again."
        )


def check_file(path: Path | str, kind: str) -> None:
    """Raise :class:`UsageError` for a file that is too large; one that is missing may pass."""
    if os.path.exists(path):
        check_size(os.path.getsize(path), kind, path)


def read_bytes(path: Path | str, kind: str) -> bytes:
    """The content of ``path``.

    Raises :class:`UsageError` where it is too large, before it is read, and ``OSError``.
    """
    with open(path, "rb") as stream:
        size = os.fstat(stream.fileno()).st_size
        check_size(size, kind, path)
        return stream.read(size)  # and no more, should it grow meanwhile
