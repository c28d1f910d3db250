"""Architectures as Python prints them: nested lists, tuples and calls as text, never evaluated."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Sequence
from typing import Any

from searchspaces.errors import UnknownOperator
from searchspaces.registry import nearest

LONGEST = 4_000  # characters; a genotype has about 700
_WRAPPERS = {"array", "list", "tuple", "dict", "OrderedDict"}  # that print what is in them
_NUMBER = re.compile(r"u?int\d*|float\d*|str_?")  # of NumPy: np.int64(2)
_ARRAY = re.compile(r"\[\s*\d+(?:\s+\d+)+\s*\]")  # [2 0 1]


def literal(text: str) -> Any:
    """Numbers, strings, lists (also for tuples, ranges and NumPy's arrays) and dicts in ``text``.

    A call with keywords, such as ``Genotype(normal=..., reduce=...)``, is a dict of them, one
    without is the list of its arguments. Raises ``ValueError`` for anything else.
    """
    if len(text) > LONGEST:
        raise ValueError("too long for an architecture")
    text = text.strip()
    if _ARRAY.fullmatch(text):
        return [int(number) for number in text[1:-1].split()]
    try:
        return _value(ast.parse(text, mode="eval").body)
    except (SyntaxError, TypeError, RecursionError, MemoryError) as error:
        raise ValueError("no lists of operators") from error


def _value(node: ast.AST) -> Any:
    match node:
        case ast.Constant(value=str() | int() | float()):
            return node.value
        case ast.List(elts=items) | ast.Tuple(elts=items):
            return [_value(item) for item in items]
        case ast.Dict(keys=keys, values=values):
            return {_value(k): _value(v) for k, v in zip(keys, values, strict=True) if k}
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)):
            return _called(name, [_value(given) for given in node.args], node.keywords)
    raise ValueError("no lists of operators")


def _called(name: str, given: list[Any], keywords: list[ast.keyword]) -> Any:
    if keywords:
        named = {keyword.arg: _value(keyword.value) for keyword in keywords}
        if given or None in named:
            raise ValueError("a call with and without names")
        return named
    if name == "range":
        if not all(type(bound) is int and abs(bound) < 100 for bound in given):
            raise ValueError("a long range")
        return list(range(*given))
    if len(given) == 1 and (name in _WRAPPERS or _NUMBER.fullmatch(name)):
        return given[0]
    return given


def check_operators(names: Iterable[str], known: Sequence[str], what: str) -> None:
    """Raise :class:`UnknownOperator` for the first of ``names``, in ``what``, that is not known."""
    for name in names:
        if name not in known:
            raise UnknownOperator(f"unknown operator '{name[:40]}' in {what}{nearest(name, known)}")
