"""Analytic params and multiply-adds for tables whose source does not tell them."""

from __future__ import annotations

from harness.tabular.importer import Cost
from harness.tasks import IMAGES, TASKS
from searchspaces.base import SearchSpace
from searchspaces.errors import UsageError
from searchspaces.registry import nearest


def usual_scale(task: str) -> str:
    """The scale of the networks that ground truth on ``task`` is about.

    Raises :class:`UsageError` for a task that is not known.
    """
    known = {*IMAGES, *TASKS}
    if task not in known:
        raise UsageError(f"unknown task '{task}'{nearest(task, known)}")
    return "compact" if task == "digits" else "benchmark"


def analytic_cost(space: SearchSpace) -> Cost:
    """The cost model of ``space`` in terms of encoded architectures and task names."""

    def cost(arch: str, task: str) -> tuple[int, int]:
        found = space.cost(space.decode(arch), IMAGES[task])
        return found.params, found.madds

    return cost
