"""The same scores against the ground truth of every data set, side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.metrics.evaluate import evaluate_scores
from harness.metrics.intervals import Interval, measure
from harness.tabular.table import Table
from searchspaces.base import SearchSpace
from searchspaces.errors import UsageError


def require_several(tables: Mapping[str, Table]) -> None:
    """Raise :class:`UsageError` for fewer than two tables (task → table)."""
    if len(tables) < 2:
        raise UsageError(
            f"there is ground truth of {' and '.join(tables) or 'no data set'} only, and a "
            "transfer needs two data sets; evaluate on one instead, or give another --scale."
        )


def having_all(tables: Mapping[str, Table], archs: list[str]) -> tuple[dict[str, Table], list[str]]:
    """The tables that have all of ``archs``, and notes on the others."""
    absent = {task: int((table.index(archs) < 0).sum()) for task, table in tables.items()}
    notes = [
        f"Left out: {task}, whose table {tables[task].meta.name} lacks {count:,} of the "
        f"{len(archs):,} scored architectures."
        for task, count in absent.items()
        if count
    ]
    return {task: table for task, table in tables.items() if not absent[task]}, notes


def evaluate_transfer(
    tables: Mapping[str, Table],
    scores: Mapping[str, float],
    split: str,
    *,
    space: SearchSpace | None = None,
    seed: int = 0,
    lower_is_better: bool = False,
) -> dict[str, Any]:
    """:func:`harness.metrics.evaluate.evaluate_scores` on each of ``tables`` (task → table).

    The result has ``space``, ``split``, ``n``, ``tasks`` (task → all that the evaluation on it
    has, but its notes), ``between`` (task → other task → Kendall's τ-b of the two truths, over the
    scored architectures: how far one data set tells the order on another) and ``notes``. Raises
    :class:`UsageError` for fewer than two tables, and as the evaluation does.
    """
    require_several(tables)
    tasks = {
        task: evaluate_scores(
            table, scores, split, space=space, seed=seed, lower_is_better=lower_is_better
        )
        for task, table in tables.items()
    }
    population = None if space is None else space.size
    fraction = len(scores) / population if population and population >= len(scores) else 0.0
    notes = _together({task: result.pop("notes") for task, result in tasks.items()})
    first = next(iter(tasks.values()))
    return {
        "space": first["space"],
        "split": split,
        "n": first["n"],
        "tasks": tasks,
        "between": _between(tables, list(scores), split, fraction, seed),
        "notes": notes,
    }


def _between(
    tables: Mapping[str, Table], archs: list[str], split: str, fraction: float, seed: int
) -> dict[str, dict[str, Interval]]:
    truths = {task: table.truth(split)[table.index(archs)] for task, table in tables.items()}
    return {
        task: {
            other: measure("kendall_tau", score, truth, fraction=fraction, seed=seed)
            for other, truth in truths.items()
            if other != task
        }
        for task, score in truths.items()
    }


def _together(notes: Mapping[str, list[str]]) -> list[str]:
    """Each note once, after the data sets that it is of unless it is of all."""
    of: dict[str, list[str]] = {}
    for task, several in notes.items():
        for note in several:
            of.setdefault(note, []).append(task)
    return [
        note if len(tasks) == len(notes) else f"{' and '.join(tasks)}: {note}"
        for note, tasks in of.items()
    ]
