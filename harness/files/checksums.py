"""SHA-256 of files: kept in records, remembered for large ones, sealed into the table it covers.

Parquet readers decode whatever bytes they are given, so a table is checked as a whole before
any of it is decoded. Its metadata holds ``BLANK``; sealing replaces the zeros by the SHA-256 of
the file as it was with the zeros.
"""

from __future__ import annotations

import hashlib
import os
import re
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from harness.files.store import read_json, write_json
from searchspaces.errors import UsageError

SETTLED = 2 * 10**9  # nanoseconds: the coarsest clock of a file system, which hides a change

_MARK = b"nas-harness sha256 "
BLANK = _MARK + b"0" * 64


def sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file; raises :class:`UsageError` if it cannot be read."""
    try:
        with open(path, "rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}.") from error


def remembered_sha256(path: Path, folder: Path) -> str:
    """:func:`sha256` of ``path``, remembered in ``folder``.

    A damaged memory is ignored, and so is a folder that cannot be written. Raises
    :class:`UsageError` if ``path`` cannot be read.
    """
    try:
        path, stat = path.resolve(strict=True), path.stat()
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}.") from error
    memory = folder / f"{hashlib.sha256(os.fsencode(path)).hexdigest()[:16]}.json"
    file = {"path": str(path), "size": stat.st_size, "mtime_ns": stat.st_mtime_ns}
    with suppress(UsageError):
        remembered = read_json(memory)
        digest = remembered.pop("sha256", "") if isinstance(remembered, dict) else ""
        if remembered == file and re.fullmatch("[0-9a-f]{64}", str(digest)):
            return digest
    digest = sha256(path)
    if time.time_ns() - stat.st_mtime_ns > SETTLED:
        with suppress(UsageError):
            write_json(memory, file | {"sha256": digest})
    return digest


def check_unchanged(folder: Path, sums: Any) -> None:
    """Raise :class:`UsageError` where a file of ``folder`` is gone or is not what ``sums`` says.

    ``sums`` is a dict of SHA-256 by name, of a record; older records have none.
    """
    for name, digest in sums.items() if isinstance(sums, dict) else ():
        path = folder / str(name)
        if not path.exists():
            raise UsageError(
                f"{path} is missing, which its run wrote; put it back, or delete the folder and "
                "run again."
            )
        if sha256(path) != digest:
            raise UsageError(
                f"{path} is damaged: it is not what its run wrote; delete the folder and run again."
            )


def is_sealed(content: bytes) -> bool:
    """Whether ``content`` carries a seal at all, intact or not."""
    return _MARK in content


def seal(content: bytes) -> bytes:
    """``content``, which holds :data:`BLANK`, with its checksum in the place of the zeros."""
    before, _, after = content.rpartition(BLANK)
    return before + _MARK + hashlib.sha256(content).hexdigest().encode() + after


def is_intact(content: bytes) -> bool:
    """Whether every byte of ``content`` is as it was when it was sealed."""
    start = content.rfind(_MARK) + len(_MARK)
    stored, view = content[start : start + 64], memoryview(content)
    digest = hashlib.sha256(view[:start])
    digest.update(b"0" * len(stored))
    digest.update(view[start + 64 :])
    return stored == digest.hexdigest().encode()
