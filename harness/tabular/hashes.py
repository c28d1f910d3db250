"""SHA-256 of large files, remembered while their size and their time of change stay the same."""

from __future__ import annotations

import hashlib
import os
import re
import time
from contextlib import suppress
from pathlib import Path

from harness.files.store import read_json, write_json
from harness.tabular.importer import sha256
from searchspaces.errors import UsageError

SETTLED = 2 * 10**9  # nanoseconds: the coarsest clock of a file system, which hides a change


def remembered_sha256(path: Path, folder: Path) -> str:
    """:func:`~harness.tabular.importer.sha256` of ``path``, remembered in ``folder``.

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
