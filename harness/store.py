"""Atomic files: whoever reads a path sees the old whole or the new whole, never a part."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from searchspaces.errors import UsageError


@contextmanager
def atomic_path(path: Path | str) -> Iterator[Path]:
    """Yield a temporary path beside ``path`` and move it into place when the block succeeds.

    Raises :class:`UsageError` when the folder cannot be written (full disk, read-only); the
    previous content of ``path`` is then untouched.
    """
    path = Path(path)
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
        os.close(handle)
        temporary = Path(name)
        yield temporary
        with open(temporary, "rb") as written:
            os.fsync(written.fileno())
        temporary.chmod(0o644)
        os.replace(temporary, path)
    except OSError as error:
        raise UsageError(
            f"cannot write {path}: {error.strerror or error}; free some space or choose another "
            "folder, then run the same command again."
        ) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def write_json(path: Path | str, content: Any) -> None:
    """Write ``content`` as indented JSON, atomically; refuses NaN and infinity."""
    text = json.dumps(content, indent=2, allow_nan=False) + "\n"
    with atomic_path(path) as temporary:
        temporary.write_text(text)


def append_line(path: Path | str, row: Any) -> None:
    """Add ``row`` to ``path`` as one line of JSON and wait until it is on the disk.

    Raises :class:`UsageError` when it cannot be written.
    """
    try:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        with open(path, "a") as stream:
            stream.write(json.dumps(row) + "\n")
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        raise UsageError(
            f"cannot write {path}: {error.strerror or error}; free some space and run the same "
            "command again, what is finished is kept."
        ) from error


def read_lines(path: Path | str) -> list[Any]:
    """The rows that :func:`append_line` wrote; a line cut short by a kill is removed.

    Raises :class:`UsageError` for a damaged file.
    """
    path = Path(path)
    if not path.exists():
        return []
    try:
        content = path.read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            os.truncate(path, whole)
        return [json.loads(line) for line in content[:whole].splitlines()]
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot read {path}: {error}; delete it and run again.") from error


def read_json(path: Path | str) -> Any:
    """The JSON content of ``path``; raises :class:`UsageError` if it is missing or damaged."""
    try:
        return json.loads(Path(path).read_text())
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot read {path}: {error}; delete it and run again.") from error
