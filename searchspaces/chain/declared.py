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
    if not isinstance(skeletons, dict) or not _all(skeletons.values(), Skeleton):
        raise UsageError(f"skeletons of {name} are {SOME['skeletons']}, not {_short(skeletons)}.")
    if not isinstance(operators, tuple | list) or not _all(operators, Operator):
        raise UsageError(f"operators of {name} are {SOME['operators']}, not {_short(operators)}.")
    for operator, times in Counter(operator.name for operator in operators).items():
        if times > 1:
            raise UsageError(f"{name} has the operator {operator} {times} times; once is enough.")


def _all(values: Any, kind: type) -> bool:
    return bool(values) and all(isinstance(value, kind) for value in values)


def _short(value: Any) -> str:
    return f"{str(value)[:80]}…" if len(str(value)) > 80 else str(value)
