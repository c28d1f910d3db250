"""What a run was ranked against, and its scores beside that."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from harness.files.data_folders import home
from reports.runs.record import Record
from searchspaces.errors import UsageError

if TYPE_CHECKING:
    from harness.metrics.scored import Scored
    from harness.tabular.table import Table
    from searchspaces.base import SearchSpace


def scored(
    record: Record, what: str, data: Path | None = None, *, isomorphic: bool = False
) -> Scored:
    """The scores of a run beside their truths, in the order of its file of scores.

    ``isomorphic``: with the keys that tell which architectures are. Raises :class:`UsageError`
    where its scores or its ground truth, also looked for in the folder ``data``, are not to be
    had, with ``what`` needs them, and where they do not fit.
    """
    from harness.metrics.scored import Scored

    space, table = ground_truth_of(record, what, data)
    frame = record.scores()
    scores = dict(zip(frame["arch"], frame["score"].tolist(), strict=True))
    own = space if isomorphic else None
    try:
        return Scored.of(table, scores, "test", space=own, population=space.size)
    except UsageError as error:
        raise UsageError(f"{record.folder}: {error}") from error


def ground_truth_of(
    record: Record, what: str, data: Path | None = None
) -> tuple[SearchSpace, Table]:
    """The space and the table that a run was ranked against, also from the folder ``data``.

    Raises :class:`UsageError` where that is not to be had, with ``what`` needs it.
    """
    places = ("space", "task", "scale")
    where = [str(record.get("config", place) or "") for place in places]
    truth = str(record.get("ground_truth", "truth"))
    found = _ground_truth(*where, data, truth, home())
    if isinstance(found, UsageError):
        raise found
    space, table = found
    own = {key: record.get("ground_truth", key) for key in ("table", "version", "sha256")}
    here = {"table": table.meta.name, "version": table.meta.version, "sha256": table.meta.sha256}
    if own != here:
        raise UsageError(
            f"{record.folder} was ranked against another table {own['table']} than the one here, "
            f"and {what} needs it; name its folder by --data."
        )
    return space, table


@cache
def _ground_truth(
    space: str, task: str, scale: str, data: Path | None, truth: str, looked_in: Path
) -> tuple[SearchSpace, Table] | UsageError:
    from harness.tabular.ground_truth import space_with_table

    try:
        return space_with_table(space, task, scale, data, truth)
    except UsageError as error:  # looked for once, whoever asks
        return error
