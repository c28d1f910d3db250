"""A TOML table read key by key, so that every mistake in it names its file and key."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from typing import Any

from searchspaces.errors import UsageError
from searchspaces.registry import nearest

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]*")
_REQUIRED: Any = object()


class Fields:
    """The keys of one table; :meth:`close` refuses those that nobody has taken.

    ``where`` is how errors name it: the file, then the path of keys. A default makes a key
    optional. Every method raises :class:`UsageError`.
    """

    def __init__(self, file: str, content: Any, path: str = ""):
        self.file, self.path = file, path
        if not isinstance(content, dict):
            raise self.error("", "is not a table of keys")
        self.left = dict(content)
        self.known: set[str] = set()

    def error(self, key: str, problem: str) -> UsageError:
        name = ".".join(filter(None, (self.path, key)))
        end = "" if problem.endswith((".", "?")) else "."
        return UsageError(f"{self.file}: {name or 'the file'}: {problem}{end}")

    def take(self, key: str, kinds: type | tuple[type, ...], what: str, default: Any) -> Any:
        self.known.add(key)
        if key not in self.left:
            if default is _REQUIRED:
                raise self.error(key, "is missing")
            return default
        value = self.left.pop(key)
        if not isinstance(value, kinds) or (isinstance(value, bool) and kinds is not bool):
            raise self.error(key, f"is not {what}")
        return value

    def text(self, key: str, default: Any = _REQUIRED, among: Collection[str] | None = None) -> str:
        value = self.take(key, str, "text in quotes", default)
        if among is not None and value not in among and value != default:
            raise self.error(key, f"unknown '{value}'{nearest(value, among)}")
        return value

    def name(self, key: str) -> str:
        """A text of letters, digits and ``_.+-``."""
        value = self.text(key)
        if not _ID.fullmatch(value):
            raise self.error(key, f"'{value}' has other characters than letters, digits and _.+-")
        return value

    def number(self, key: str, default: Any = _REQUIRED) -> Any:
        value = self.take(key, (int, float), "a number", default)
        return float(value) if isinstance(value, int) else value

    def whole(self, key: str, least: int, default: Any = _REQUIRED) -> int:
        value = self.take(key, int, "a whole number", default)
        if value < least:
            raise self.error(key, f"{value} is less than {least}")
        return value

    def flag(self, key: str) -> bool:
        return self.take(key, bool, "true or false", False)

    def several(self, key: str, kind: type, what: str, default: Any = _REQUIRED) -> tuple[Any, ...]:
        values = self.take(key, list, f"a list of {what}", default)
        if any(not isinstance(v, kind) or isinstance(v, bool) for v in values):
            raise self.error(key, f"is not a list of {what}")
        return tuple(values)

    def table(self, key: str, default: Any = _REQUIRED) -> Fields | None:
        content = self.take(key, dict, "a table", default)
        return None if content is None else self._inner(key, content)

    def tables(self, key: str) -> list[Fields]:
        """The tables of an array of tables, none if the key is absent."""
        found = self.several(key, dict, "tables", [])
        return [self._inner(f"{key}[{i}]", content) for i, content in enumerate(found, 1)]

    def by_key(self, key: str, known: Collection[str], read: Callable[[Fields, str], Any]) -> dict:
        """A table whose keys are among ``known``; ``read`` takes a value of it by its key."""
        inner = self.table(key, {})
        names = list(inner.left)
        for name in names:
            if name not in known:
                raise inner.error(name, f"there is no such column{nearest(name, known)}")
        return {name: read(inner, name) for name in names}

    def close(self) -> None:
        for key in self.left:
            raise self.error(key, f"unknown key{nearest(key, self.known)}")

    def _inner(self, key: str, content: Any) -> Fields:
        return Fields(self.file, content, ".".join(filter(None, (self.path, key))))
