"""How images of the user's own are named: by where they are, then by what they are kept as."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from harness.files.data_folders import home
from searchspaces.errors import UsageError
from searchspaces.registry import file_of

FORMS = "folder:PATH, hf:PATH or FILE.py:FUNCTION"
FOLDERS = ("folder", "hf")
_SIDED = re.compile(r"(?P<rest>.+)@(?P<side>[1-9][0-9]{0,3})")
_KEPT = re.compile(r"(?P<stem>[a-z0-9][a-z0-9-]*)-[0-9a-f]{8}")


@dataclass(frozen=True)
class Place:
    """Where images are, as ``given`` by the user: ``kind`` is ``folder``, ``hf`` or ``file``.

    ``path`` is the folder, or the file with ``function``. ``side``: in pixels, that all images are
    brought to; 0 is as measured.
    """

    given: str
    kind: str
    path: Path
    function: str = ""
    side: int = 0

    @property
    def stem(self) -> str:
        """The name that images from here are kept under, but for their content."""
        words = f"{self.path.stem}-{self.function}" if self.function else self.path.name
        return re.sub("[^a-z0-9]+", "-", words.lower()).strip("-") or "own"

    @property
    def target(self) -> str:
        """The function as registries take it."""
        return f"{self.path}:{self.function}"

    def sided(self, side: int) -> str:
        """How to name them at another ``side``."""
        plain = self.given.removesuffix(f"@{self.side}") if self.side else self.given
        return f"{plain}@{side}"

    def check(self) -> None:
        """Raises :class:`UsageError` where the folder is none; files are looked at on import."""
        if self.kind in FOLDERS and not self.path.is_dir():
            raise UsageError(f"there is no folder {self.path}, as --task {self.given} names it.")


def place_of(name: str) -> Place | None:
    """What ``name`` says of where images are; None for a name that is no place.

    Forms are :data:`FORMS`, each perhaps with ``@SIDE`` behind it. A folder whose own name ends so is
    meant as it stands. Raises :class:`UsageError` for what is no text and for a place without a path.
    """
    if file := file_of(name):
        function, side = _without_side(name.rpartition(":")[2])
        return Place(name, "file", file, function, side)
    kind, _, rest = name.partition(":")
    if kind not in FOLDERS or name == kind:
        return None
    if not rest:
        raise UsageError(f"--task {name} names no folder; write {kind}:PATH.")
    literal = Path(rest).expanduser()
    path, side = (rest, 0) if literal.is_dir() else _without_side(rest)
    return Place(name, kind, Path(path).expanduser().resolve(), side=side)


def _without_side(text: str) -> tuple[str, int]:
    found = _SIDED.fullmatch(text)
    return (found["rest"], int(found["side"])) if found else (text, 0)


def kept_folder() -> Path:
    """Where images are kept as arrays; each file can be made again from where they came from."""
    return home() / "cache" / "images"


def kept_path(name: str) -> Path:
    """The file of the images that are kept as ``name``."""
    return kept_folder() / f"{name}.npz"


def stem_of(name: str) -> str:
    """What of a name that images are kept as is not their content; empty for any other name."""
    found = _KEPT.fullmatch(name)
    return found["stem"] if found else ""


def is_own(name: str) -> bool:
    """Whether ``name`` is of images of the user's own: where they are, or what they are kept as."""
    return bool(stem_of(name)) or place_of(name) is not None


def is_kept(name: str) -> bool:
    """Whether ``name`` is what images are kept as, and they are there."""
    return bool(stem_of(name)) and kept_path(name).is_file()
