"""Scores of several data sets in one file: those of the task, or of the only data set."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness.scores.frame import Frame, listing
from searchspaces.errors import UsageError

_DATA_SETS = {"cifar10", "cifar100", "imagenet16120", "imagenet", "cifar10valid", "digits"}
_COLUMNS = {"dataset", "datasetname", "task"}


def are_data_sets(names: Sequence[Any]) -> bool:
    """Whether each of ``names`` is that of a usual data set, in any spelling."""
    return all(_bare(name) in _DATA_SETS for name in names)


def place_of(names: Sequence[Any], task: str) -> tuple[int, str]:
    """Which of ``names`` is ``task``, or the only one, and a note where that is another data set.

    Raises :class:`UsageError` where there are several and none is the task.
    """
    of_task = [place for place, name in enumerate(names) if _bare(name) == _bare(task)]
    if len(of_task) == 1:
        return of_task[0], ""
    if len(names) == 1:
        note = f"The scores are of '{names[0]}', the only data set in the file; none are of {task}."
        return 0, note if are_data_sets(names) else ""
    raise UsageError(
        f"it has scores of {listing(names)}, none called {task} as the task; write one of them to a "
        "file of its own, or choose another --task."
    )


def rows_of_task(frame: Frame, task: str) -> tuple[Frame, list[str]]:
    """Without the column that names data sets, the rows of ``task`` or of the only one; notes.

    A column is taken for that by its name, and only where it holds names of data sets or the task.
    Raises :class:`UsageError` as :func:`place_of` does.
    """
    called = [name for name in frame.names if _bare(name) in _COLUMNS]
    if len(called) != 1:
        return frame, []
    values = [str(value).strip() for value in frame.column(called[0])]
    names = list(dict.fromkeys(values))
    if not names or not (are_data_sets(names) or _bare(task) in map(_bare, names)):
        return frame, []
    place, note = place_of(names, task)
    kept = [row for row, value in zip(frame.rows, values, strict=True) if value == names[place]]
    return Frame(frame.names, kept).without(called[0]), [note] if note else []


def _bare(name: Any) -> str:
    return "".join(letter for letter in str(name).lower() if letter.isalnum())
