"""Files that travel where a job and its starter see no folder in common."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from harness.files.store import atomic_path
from searchspaces.errors import UsageError

GROWING = (".jsonl", ".log")  # only ever appended to: of these what is new is sent


@dataclass(frozen=True)
class File:
    """``data`` from ``offset`` on to the end of the file at ``path``, relative to a root.

    None for ``data``: the file is gone.
    """

    path: str
    data: bytes | None
    offset: int = 0

    def store(self, root: Path) -> None:
        """Do the same below ``root``; raises :class:`UsageError` when that cannot be written."""
        path = root / self.path
        if self.data is None:
            path.unlink(missing_ok=True)
        elif self.offset:
            self._append(path, self.data)
        else:
            with atomic_path(path) as temporary:
                temporary.write_bytes(self.data)

    def _append(self, path: Path, data: bytes) -> None:
        try:
            with open(path, "r+b") as stream:
                stream.truncate(self.offset)
                stream.seek(self.offset)
                stream.write(data)
        except OSError as error:
            raise UsageError(
                f"cannot write {path}: {error.strerror or error}; run the same command again, "
                "what is finished is kept."
            ) from error


def read_files(root: Path, paths: Iterable[str]) -> list[File]:
    """The files at ``paths`` and in folders of that name; names that begin with a dot are not."""
    found = []
    for path in paths:
        for each in [root / path, *sorted((root / path).rglob("*"))]:
            if each.is_file() and not each.name.startswith("."):
                found.append(File(each.relative_to(root).as_posix(), each.read_bytes()))
    return found


class Mirror:
    """What has changed below ``root`` since it was last asked."""

    def __init__(self, root: Path, files: Iterable[File] = ()):
        """Puts ``files`` there, which count as known."""
        self.root = root
        for file in files:
            file.store(root)
        self._known = dict(self._stamps())

    def changes(self) -> Iterator[File]:
        """In the order of their last changes; at the end, what is gone."""
        now = dict(self._stamps())
        for path, (changed, size) in sorted(now.items(), key=lambda item: item[1]):
            before = self._known.get(path)
            if before == (changed, size):
                continue
            grown = before is not None and path.endswith(GROWING) and size >= before[1]
            offset = before[1] if grown else 0
            with suppress(FileNotFoundError), open(self.root / path, "rb") as stream:
                stream.seek(offset)
                data = stream.read(size - offset if path.endswith(GROWING) else -1)
                self._known[path] = changed, size
                yield File(path, data, offset)
        for path in self._known.keys() - now.keys():
            del self._known[path]
            yield File(path, None)

    def _stamps(self) -> Iterator[tuple[str, tuple[int, int]]]:
        """When each file was last changed, in ns, and its size."""
        for path in self.root.rglob("*"):
            with suppress(FileNotFoundError):
                status = path.stat()
                if path.is_file() and not path.name.startswith("."):
                    stamp = status.st_mtime_ns, status.st_size
                    yield path.relative_to(self.root).as_posix(), stamp
