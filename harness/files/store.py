"""Files that several processes share: written whole or not at all, and by one at a time.

Whoever reads a path sees the old content or the new one, never a part.
"""

from __future__ import annotations

import fcntl
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path
from typing import Any

from harness.files.sizes import read_bytes
from searchspaces.errors import UsageError


@contextmanager
def atomic_path(path: Path | str) -> Iterator[Path]:
    """Yield a temporary path beside ``path`` and move it into place when the block succeeds.

    What killed writers of ``path`` left beside it is removed. Raises :class:`UsageError` when the
    folder cannot be written (full disk, read-only); the previous content of ``path`` is then
    untouched.
    """
    path = Path(path)
    handle = temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        remove_left_behind(path.parent, path.name)
        handle, temporary = _claimed(path)
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
        if handle is not None:
            os.close(handle)


def _claimed(path: Path) -> tuple[int, Path]:
    """A new temporary file for ``path``, and its descriptor, which locks it until it is closed."""
    while True:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
        with suppress(OSError):  # a file system without locks
            fcntl.flock(handle, fcntl.LOCK_EX)
        if os.fstat(handle).st_nlink:
            return handle, Path(name)
        os.close(handle)  # taken for left behind before it was locked


def remove_left_behind(folder: Path, name: str = "") -> None:
    """Remove the temporary files in ``folder``, of ``name`` alone or of all, that no one locks.

    The system unlocks those of a process that dies.
    """
    for left in folder.glob(f".{escape(name)}.*.part" if name else ".*.part"):
        with suppress(OSError), open(left, "rb+") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            left.unlink()


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

    Raises :class:`UsageError` for a damaged file and for one that is too large.
    """
    path = Path(path)
    if not path.exists():
        return []
    try:
        content = read_bytes(path, "log")
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            os.truncate(path, whole)
        return [json.loads(line) for line in content[:whole].splitlines()]
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"cannot read {path}: {error}; delete it and run again.") from error


def read_json(path: Path | str) -> Any:
    """The JSON content of ``path``; raises :class:`UsageError` if missing, damaged or too large."""
    try:
        return json.loads(read_bytes(path, "record").decode())
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"cannot read {path}: {error}; delete it and run again.") from error


@contextmanager
def held(path: Path, busy: str, flag: str, seconds: float = 0.0) -> Iterator[None]:
    """Hold the lock file ``path`` for the block; the file stays, the lock goes with its holder.

    Negative ``seconds`` wait for ever. Raises :class:`UsageError`, with the ``flag`` that chooses
    another place, if another process holds it for longer, with what this is ``busy`` with, and
    for a folder that cannot be written.
    """
    from filelock import FileLock, Timeout

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path, timeout=seconds)
        lock.acquire()
    except Timeout:
        raise UsageError(
            f"another process {busy}; wait for it, or choose another place with {flag}."
        ) from None
    except OSError as error:
        raise UsageError(
            f"cannot write to {path.parent}: {error.strerror or error}; choose another place with "
            f"{flag}."
        ) from error
    try:
        yield
    finally:
        lock.release()
