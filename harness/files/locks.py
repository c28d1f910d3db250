"""One process at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from searchspaces.errors import UsageError


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
