"""A space together with what is known of its architectures."""

from __future__ import annotations

from pathlib import Path

from harness.tabular.cost import analytic_cost, usual_scale
from harness.tabular.locate import find_table
from harness.tabular.table import Table
from searchspaces.base import SearchSpace
from searchspaces.registry import SPACES


def space_with_table(
    name: str, task: str, scale: str = "", data: Path | None = None
) -> tuple[SearchSpace, Table]:
    """The space at ``scale`` (empty: the task's usual one) and its ground truth on ``task``.

    Raises :class:`UsageError` where there is none.
    """
    space = SPACES[name](scale or usual_scale(name, task))
    return space, find_table(name, space.scale, task, data, analytic_cost(space))
