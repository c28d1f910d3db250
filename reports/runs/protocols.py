"""Finished runs under another protocol, measured on their scores without any training."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reports.runs.record import Record
from searchspaces.errors import UsageError

if TYPE_CHECKING:
    from harness.tabular.table import Table
    from searchspaces.base import SearchSpace

USUAL = "all"


def under(records: Iterable[Record], name: str, data: Path | None = None) -> list[Record]:
    """``records`` with metrics, floors and ceiling under the protocol ``name``.

    Those that a record has are taken; others are measured with the ground truth that the run was
    ranked against, also from the folder ``data``. Subsets of the protocol's architectures are not
    measured. Raises :class:`UsageError` for an unknown protocol, and where that ground truth is
    not to be had.
    """
    from harness.metrics.protocols import protocol

    protocol(name)
    return [record if name == USUAL else _under(record, name, data) for record in records]


def _under(record: Record, name: str, data: Path | None) -> Record:
    found = record.get("protocols", name)
    if not isinstance(found, dict) or not {"n", "metrics", "floors", "ceiling"} <= found.keys():
        found = _measured(record, name, data)
    content = {key: found[key] for key in ("n", "floors", "ceiling")}
    content["over_floors"] = found.get("over_floors", {})
    content |= {"protocol": name, "metrics": {"all": found["metrics"]}}
    return replace(record, content=record.content | content)


def _measured(record: Record, name: str, data: Path | None) -> dict[str, Any]:
    from harness.metrics.scored import Scored

    space, table = ground_truth_of(record, f"the protocol {name}", data)
    frame = record.scores()
    scores = dict(zip(frame["arch"], frame["score"].tolist(), strict=True))
    try:
        return Scored.of(table, scores, "test", space=space, population=space.size).under(name)
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
    space, table = _ground_truth(*where, data, str(record.get("ground_truth", "truth")))
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
    space: str, task: str, scale: str, data: Path | None, truth: str
) -> tuple[SearchSpace, Table]:
    from harness.tabular.ground_truth import space_with_table

    return space_with_table(space, task, scale, data, truth)
