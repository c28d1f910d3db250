"""A mistake: a text of one file replaced by another."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

OWN = Path(__file__).parents[1] / "mistakes"
EQUIVALENT = Path(__file__).parents[1] / "equivalent.toml"


@dataclass(frozen=True)
class Mistake:
    """``old``, which begins at character ``start`` of ``file``, becomes ``new``.

    ``tests`` are those that should see it, files or tests in them as pytest names them; empty
    ones are looked for.
    """

    file: str
    start: int
    old: str
    new: str
    tests: tuple[str, ...] = ()

    def applied(self, text: str) -> str:
        end = self.start + len(self.old)
        assert text[self.start : end] == self.old, self
        return text[: self.start] + self.new + text[end:]

    def lines(self, text: str) -> tuple[str, str]:
        """The lines of ``text`` that change, as they were and as they are then, in one each."""
        first = text.rfind("\n", 0, self.start) + 1
        last = (text + "\n").find("\n", self.start + len(self.old))
        changed = self.applied(text)[first : last + len(self.new) - len(self.old)]
        return _joined(text[first:last]), _joined(changed)

    def number(self, text: str) -> int:
        """Of the line in which it begins."""
        return text.count("\n", 0, self.start) + 1


def own(root: Path, folder: Path = OWN) -> list[Mistake]:
    """The project's lists of mistakes, those of all files in ``folder``.

    Raises ``ValueError`` where the text that one replaces is not, or not once, in its file.
    """
    found = []
    for path in sorted(folder.glob("*.toml")):
        for entry in tomllib.loads(path.read_text(encoding="utf-8"))["mistake"]:
            file, old, new = entry["file"], entry["old"], entry["new"]
            text = (root / file).read_text(encoding="utf-8")
            if text.count(old) != 1:
                raise ValueError(f"{path.name}: {old!r} is {text.count(old)} times in {file}")
            found.append(Mistake(file, text.index(old), old, new, tuple(entry.get("tests", ()))))
    return found


def equivalents(path: Path = EQUIVALENT) -> dict[tuple[str, str, str], str]:
    """Why no test can see a mistake, by its file, the line as it is and as it would be."""
    entries = tomllib.loads(path.read_text(encoding="utf-8")).get("equivalent", [])
    return {
        (entry["file"], _joined(entry["old"]), _joined(entry["new"])): entry["reason"]
        for entry in entries
    }


def _joined(text: str) -> str:
    return " ".join(text.split())
