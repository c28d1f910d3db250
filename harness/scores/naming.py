"""Which architecture of a table a name means: its own string, another writing of it, a row."""

from __future__ import annotations

import re
from collections.abc import Sequence
from numbers import Integral
from typing import Any

from harness.scores.frame import brief, is_number
from harness.tabular.nasbench101_hashes import cells_of_hashes
from harness.tabular.table import Table
from searchspaces.base import SearchSpace
from searchspaces.errors import AmbiguousWriting, UnknownOperator, UsageError

_HASH = re.compile("[0-9a-f]{32}")


class Naming:
    """Names in a ``table`` of ``space``; without a table any architecture of the space has one.

    ``space`` is None where nobody knows it: architectures are then what the table calls them, and
    without a table any text that is no number.
    """

    def __init__(self, table: Table | None, space: SearchSpace | None):
        self.table, self.space = table, space
        self.hashed = space is not None and space.name == "nb101"

    def genuine(self, value: Any) -> bool:
        """Whether ``value`` is an architecture, whatever its writing; a row number is none."""
        if value is None or isinstance(value, bool | float):
            return False
        text = _text(value)
        if self.table is not None and text and self.table.index([text])[0] >= 0:
            return True
        if self.space is None and self.table is None:
            return bool(text) and not is_number(text)
        if self.space is None or isinstance(value, Integral):
            return False
        if self.hashed and _HASH.fullmatch(text):
            return True
        try:
            self.space.read(text or value)
        except AmbiguousWriting:
            return not text.isdecimal()
        except UsageError:
            return False
        return True

    def tells(self, value: Any) -> bool:
        """Whether ``value`` cannot be the name of a column: any text is an architecture of a space
        that has only names.
        """
        return not (self.space is None and self.table is None) and self.genuine(value)

    def names(self, values: Sequence[Any]) -> tuple[list[str], list[str]]:
        """The table's name of each value, and notes.

        Raises :class:`UsageError`, naming the first offender, for what is no architecture or not
        in the table, what codes read differently, and numbers that may be no row numbers.
        """
        texts = [_text(value) for value in values]
        rows = [-1] * len(texts) if self.table is None else self.table.index(texts).tolist()
        found = [text if row >= 0 else "" for text, row in zip(texts, rows, strict=True)]
        unknown = [place for place, name in enumerate(found) if not name]
        numbers = [
            place for place in unknown if texts[place].isascii() and texts[place].isdecimal()
        ]
        if self.table is None and self.space is not None:
            numbers = []  # there are no rows: they are codes or nothing
        if numbers and len(numbers) == len(values):
            return self._by_row(texts)
        self._add_hashed(found, texts, unknown)
        read: dict[str, str] = {}
        decimal = set(numbers)
        for place in unknown:
            if not found[place] and place not in decimal:
                key = texts[place] or repr(values[place])
                if key not in read:
                    read[key] = self._read(texts[place] or values[place])
                found[place] = read[key]
        if numbers:
            raise UsageError(
                f"{self._absent(texts[numbers[0]])} Row numbers are read only where all names are "
                "row numbers."
            )
        return found, []

    def _add_hashed(self, found: list[str], texts: list[str], unknown: list[int]) -> None:
        places = [place for place in unknown if self.hashed and _HASH.fullmatch(texts[place])]
        if not places:
            return
        for place, cell in zip(places, cells_of_hashes([texts[p] for p in places]), strict=True):
            if not cell:
                raise UsageError(f"'{texts[place]}' is the module hash of no cell.")
            if self.table is not None and self.table.index([cell])[0] < 0:
                raise UsageError(self._missing(texts[place]))
            found[place] = cell

    def _read(self, value: Any) -> str:
        if self.space is None:
            if self.table is None and isinstance(value, str):
                return value
            raise UsageError(self._absent(value))
        try:
            name = self.space.encode(self.space.read(value))
        except (AmbiguousWriting, UnknownOperator):
            raise
        except UsageError as error:
            if self.table is None:
                raise
            raise UsageError(self._absent(value)) from error
        if self.table is not None and self.table.index([name])[0] < 0:
            raise UsageError(self._missing(value))
        return name

    def _absent(self, value: Any) -> str:
        if self.table is None:
            return f"'{brief(value)}' is no architecture's name."
        other = "module hashes" if self.hashed else f"row numbers below {len(self.table)}"
        return (
            f"'{brief(value)}' is not in the table {self.table.meta.name}; write architectures as "
            f"'{self.table.archs[0]}', or as {other}."
        )

    def _missing(self, value: Any) -> str:
        assert self.table is not None and self.space is not None
        return (
            f"'{brief(value)}' is an architecture of {self.space.name}, but is not in the table "
            f"{self.table.meta.name} of {len(self.table):,}; leave it out."
        )

    def _by_row(self, texts: list[str]) -> tuple[list[str], list[str]]:
        """Names of row numbers, where they cannot be anything else."""
        for text in texts:
            padded = len(text) > 1 and text.startswith("0")
            number = -1 if padded or len(text) > 9 else int(text)
            if self.table is None or not 0 <= number < len(self.table):
                if self.space is not None and len(text) <= 100:
                    try:
                        self.space.read(text)
                    except AmbiguousWriting:
                        raise
                    except UsageError:
                        pass
                    else:
                        raise UsageError(self._missing(text))
                zeros = " Row numbers have no leading zeros." if padded else ""
                raise UsageError(self._absent(text) + zeros)
        assert self.table is not None
        if self.hashed:
            raise UsageError(
                f"'{texts[0]}' would be a row number, and cells of NAS-Bench-101 have no order that "
                "everybody knows; write module hashes."
            )
        if self._may_be_digits(texts):
            raise UsageError(
                f"'{texts[0]}' may be a row number, or digits of operators without their leading "
                f"zeros, {texts[0].zfill(self._sites())}; write architectures as text, as "
                f"'{self.table.archs[0]}'."
            )
        rows = [int(text) for text in texts]
        note = (
            f"Architectures were given as row numbers of the table ({min(rows)} to {max(rows)}): "
            f"0 is '{brief(self.table.archs[0])}'."
        )
        return [self.table.archs[row] for row in rows], [note]

    def _sites(self) -> int:
        return 0 if self.space is None else len(self.space.sites)

    def _may_be_digits(self, texts: list[str]) -> bool:
        """Whether all could be codes of operators, one digit a site, that were read as numbers.

        The first n rows in a row are taken for rows where the table's own names are no digits.
        """
        assert self.table is not None
        if self.space is None or hasattr(self.space, "topology"):
            return False
        distinct = set(map(int, texts))
        if distinct == set(range(len(distinct))) and not self.table.archs[0].isdecimal():
            return False
        options = [len(site.operators) for site in self.space.sites]
        return all(
            len(text) <= len(options)
            and all(int(d) < n for d, n in zip(reversed(text), reversed(options), strict=False))
            for text in set(texts)
        )


def _text(value: Any) -> str:
    """``value`` as a name: "" for nested lists and dicts."""
    if isinstance(value, list | tuple | dict):
        return ""
    text = str(value).strip()
    while len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        text = text[1:-1].strip()
    return text
