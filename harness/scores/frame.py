"""What every layout of a score file becomes: named columns, one row per architecture or more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from searchspaces.errors import UsageError

SHAPES = (
    'an object of architecture: score, a list of [architecture, score], or a list of {"arch": '
    '..., "score": ...}'
)


@dataclass(frozen=True)
class Frame:
    """``names`` of the columns, "" where nobody named one, and ``rows`` of as many values.

    ``named``: whether the names are from the file. ``ordered``: a single column of scores in the
    order of a table's rows.
    """

    names: list[str]
    rows: list[list[Any]]
    named: bool = True
    ordered: bool = False

    def column(self, name: str) -> list[Any]:
        place = self.names.index(name)
        return [row[place] for row in self.rows]

    def without(self, name: str) -> Frame:
        place = self.names.index(name)
        rows = [[*row[:place], *row[place + 1 :]] for row in self.rows]
        return replace(self, names=[n for n in self.names if n != name], rows=rows)

    def joined(self, parts: list[str], name: str) -> Frame:
        """With the columns ``parts`` as one of dicts, the first column, called ``name``."""
        places = [self.names.index(part) for part in parts]
        kept = [place for place in range(len(self.names)) if place not in places]
        rows = [
            [
                {part: row[place] for part, place in zip(parts, places, strict=True)},
                *(row[p] for p in kept),
            ]
            for row in self.rows
        ]
        return Frame([name, *(self.names[place] for place in kept)], rows)


class Members(list[tuple[Any, Any]]):
    """The members of a JSON object or a dict, repeated names kept."""

    def distinct(self) -> dict[Any, Any]:
        """As a dict; raises :class:`UsageError` where a name appears twice."""
        content = dict(self)
        if len(content) != len(self):
            names = [name for name, _ in self]
            twice = next(name for name in names if names.count(name) > 1)
            raise UsageError(f"an object has the member '{brief(twice)}' twice.")
        return content


def brief(value: Any) -> str:
    """``value`` as a part of a sentence."""
    text = " ".join(str(plain(value)).split())
    return text if len(text) <= 120 else f"{text[:120]}..."


def listing(names: Sequence[Any]) -> str:
    """The first of ``names`` as a part of a sentence."""
    shown = ", ".join(f"'{brief(name)[:40]}'" for name in names[:8])
    return f"{shown}, ..." if len(names) > 8 else shown


def plain(value: Any) -> Any:
    """``value`` with dicts for objects."""
    if isinstance(value, Members):
        return {name: plain(member) for name, member in value}
    return [plain(item) for item in value] if isinstance(value, list | tuple) else value


def is_number(value: Any) -> bool:
    """Whether ``value`` is a number or the text of one; NaN is, true and false are not."""
    if isinstance(value, bool | list | dict) or value is None:
        return False
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    except OverflowError:
        pass
    return True
