"""Scores of architectures that a table lacks: which task or space may have been meant."""

from __future__ import annotations

from pathlib import Path

from harness.scores.combining import Scores
from harness.scores.reading import Choice, Given
from harness.tabular import ground_truth, locate
from harness.tabular.table import Table
from searchspaces.base import SearchSpace
from searchspaces.errors import UsageError
from searchspaces.registry import SPACES


def scores_or_hint(
    given: Given,
    table: Table,
    space: SearchSpace | None,
    choice: Choice,
    task: str,
    data: Path | None = None,
) -> Scores:
    """As :meth:`Given.scores`; where that fails and another task or space reads them, it says so.

    ``data``: folder with published tables.
    """
    try:
        return given.scores(table, space, choice, task)
    except UsageError as error:
        if space is None:
            raise
        hint = _of_another_task(given, table, space, choice, data) or _of_another_space(
            given, space, choice, task
        )
        if not hint:
            raise
        file = f"{given.name}: " if given.name else ""
        raise UsageError(f"{file}{hint} Else {str(error).removeprefix(file)}") from error


def _of_another_task(
    given: Given, table: Table, space: SearchSpace, choice: Choice, data: Path | None
) -> str:
    for task in _tasks(space, data):
        if task == table.meta.task:
            continue
        try:
            chosen, other = ground_truth.known_table(space.name, task, "", data)
            given.scores(other, chosen, choice, task)
        except UsageError:
            continue
        return (
            f"{table.meta.name} is a table of {len(table):,} architectures; all of these are in "
            f"{other.meta.name}, of {len(other):,}: did you mean --task {task}?"
        )
    return ""


def _tasks(space: SearchSpace, data: Path | None) -> list[str]:
    """Of all tables of the space, in the order in which they are looked for."""
    names = dict.fromkeys(listed.name for listed in locate.list_tables(data) if not listed.problem)
    begins = tuple(f"{space.name}-{scale}-" for scale in type(space).scales)
    found = (
        name.removeprefix(begin) for name in names for begin in begins if name.startswith(begin)
    )
    return list(dict.fromkeys(found))


def _of_another_space(given: Given, space: SearchSpace, choice: Choice, task: str) -> str:
    """Nothing where only numbers tell architectures apart: they fit every space."""
    for name in SPACES:
        if name == space.name:
            continue
        try:
            made = SPACES[name]
            given.scores(None, made(made.scales[0]), choice, task)
        except Exception:  # whatever is wrong with a plug-in is not what is asked about
            continue
        return f"These are architectures of {name}: did you mean --space {name}?"
    return ""
