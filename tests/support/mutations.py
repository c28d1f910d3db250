"""Damage: what hypothesis does to files that were whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from hypothesis import strategies as st

Edit = tuple[float, int, bytes]
EDITS = st.lists(
    st.tuples(st.floats(0, 1), st.integers(0, 12), st.binary(max_size=12)), min_size=1, max_size=5
)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-3, 2**70)
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["NaN", "1e999", "../..", "<script>", "\0", "=1+1", "nb201", "spos"])
)
JSON = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=6,
)


def edited(content: bytes, edits: list[Edit]) -> bytes:
    """``content`` with pieces cut out and others put in, each at a share of its length."""
    for place, length, new in edits:
        start = int(place * len(content))
        content = content[:start] + new + content[start + length :]
    return content


def replaced(tree: Any, place: float, new: Any) -> Any:
    """A copy of a JSON ``tree`` in which one node, at a share of all of them, is ``new``."""
    paths = list(_paths(tree, ()))
    path = paths[min(int(place * len(paths)), len(paths) - 1)]
    return _with(tree, path, new)


def _paths(tree: Any, path: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    yield path
    for key in _keys(tree):
        yield from _paths(tree[key], (*path, key))


def _keys(tree: Any) -> Iterable[Any]:
    if isinstance(tree, dict):
        return tree
    return range(len(tree)) if isinstance(tree, list) else ()


def _with(tree: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    copy = dict(tree) if isinstance(tree, dict) else list(tree)
    copy[path[0]] = _with(tree[path[0]], path[1:], new)
    return copy
