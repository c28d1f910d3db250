"""The cells of an item, filled from tables and recorded runs; nothing is trained."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from reports.papers.definition.item import Column, Item, Row
from reports.papers.measured.filling import Filler
from reports.papers.measured.places import place
from reports.papers.measured.results import (
    NOT_RUN,
    PRINTED,
    TABLE,
    TAGS,
    TRAINED_FULL,
    TRAINED_REDUCED,
    Cell,
    Results,
    RowResults,
)
from reports.papers.measured.truths import Missing, Truths

__all__ = [
    "NOT_RUN", "PRINTED", "TABLE", "TAGS", "TRAINED_FULL", "TRAINED_REDUCED", "Cell", "Results",
    "RowResults", "measure",
]  # fmt: skip


def measure(
    item: Item,
    runs: Path,
    preset: str | None = None,
    task: str | None = None,
    seeds: Iterable[int] | None = None,
    changes: Mapping[str, Any] | None = None,
    truths: Truths | None = None,
) -> Results:
    """What the folder ``runs`` and the ground truths ``truths`` tell.

    ``preset``, ``task``, ``seeds`` and ``changes`` choose among the recorded runs, as in
    :meth:`reports.papers.definition.item.Item.configs`. Raises :class:`UsageError` for damaged files.
    """
    results = Results(
        item=item,
        preset=preset or item.preset,
        task=task or item.task,
        seeds=item.seeds if seeds is None else tuple(seeds),
        rows=(),
    )
    truths = truths or Truths()
    filler = Filler(results, runs, truths, changes or {})
    return replace(results, rows=tuple(_row(filler, row, truths) for row in item.rows))


def _row(filler: Filler, row: Row, truths: Truths) -> RowResults:
    cells = {}
    for column in filler.item.columns:
        printed = row.printed.get(column.id)
        cell = replace(
            filler.cell(row, column), printed=printed, flags=row.flags.get(column.id, ())
        )
        cells[column.id] = _placed(cell, column, truths)
    return RowResults(row, cells, filler.runs_of(row))


def _placed(cell: Cell, column: Column, truths: Truths) -> Cell:
    if cell.printed is None:
        return cell
    try:
        return replace(cell, place=place(cell.printed, column, truths))
    except Missing as error:
        return replace(cell, place_note=str(error))
