"""What a chain space gives as its operators and skeletons, looked at when its class is defined."""

from __future__ import annotations

from collections import Counter
from typing import Any

from searchspaces.chain.blocks import Operator
from searchspaces.chain.skeleton import Skeleton
from searchspaces.errors import UsageError

SOME = {
    "operators": "a tuple of operators, such as (Identity(project=True), MBConv(3, 2))",
    "skeletons": 'a dict of a Skeleton by scale, such as {"compact": Skeleton(...)}',
}


def check_declared(kind: Any) -> None:
    """Raise :class:`UsageError` where ``kind`` gives something else, or an operator twice."""
    name = kind.__name__
    for what, due in SOME.items():
        if not hasattr(kind, what):
            raise UsageError(f"{name} gives no {what}; they are {due}.")
    operators, skeletons = kind.operators, kind.skeletons
    for what, values, fine, wrong in (
        ("skeletons", skeletons, isinstance(skeletons, dict), _others(skeletons, Skeleton)),
        ("operators", operators, isinstance(operators, tuple | list), _others(operators, Operator)),
    ):
        if not fine or not values or wrong:
            what_not = _short(wrong[0] if wrong else values)
            raise UsageError(f"{what} of {name} are {SOME[what]}, not {what_not}.")
    for operator, times in Counter(operator.name for operator in operators).items():
        if times > 1:
            raise UsageError(f"{name} has the operator {operator} {times} times; once is enough.")


def _others(values: Any, kind: type) -> list[Any]:
    """Those of a collection that are not of ``kind``; a value that is none is itself the other."""
    if not isinstance(values, dict | tuple | list):
        return [values]
    each = values.values() if isinstance(values, dict) else values
    return [value for value in each if not isinstance(value, kind)]


def _short(value: Any) -> str:
    return f"{str(value)[:80]}…" if len(str(value)) > 80 else str(value)
