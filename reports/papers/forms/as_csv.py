"""An item as rows of plain values, one per cell: as CSV, and for JSON."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict
from typing import Any

from reports.papers.definition.item import Column, Row
from reports.papers.measured.claims import outcomes
from reports.papers.measured.results import Cell, Results

COLUMNS = ("row", "column", "printed", "bold", "mean", "sd", "n", "tag", "task", "note")


def rows(results: Results) -> list[dict[str, Any]]:
    """One per cell that says anything, keyed by :data:`COLUMNS`; None is what there is not.

    Of a printed value in bold, ``bold`` says whether it is ``best``, ``shared`` or ``beaten``.
    """
    return [_values(row, column, cell) for row, column, cell in results.filled()]


def _values(row: Row, column: Column, cell: Cell) -> dict[str, Any]:
    printed = cell.printed.text if cell.printed else None
    bold = cell.bold.word if cell.bold else None
    values = (row.id, column.id, printed, bold, cell.value, cell.sd, cell.n, cell.tag)
    return dict(zip(COLUMNS, (*values, cell.task or None, cell.note or None), strict=True))


def render(results: Results) -> str:
    """CSV with a line of names; full precision."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows(results))
    return stream.getvalue()


def as_json(results: Results) -> dict[str, Any]:
    """Everything that the other forms say in words, for JSON without NaN."""
    item = results.item
    return {
        "paper": item.paper,
        "item": item.name,
        "preset": results.preset,
        "task": results.task,
        "seeds": list(results.seeds),
        "cells": [
            _values(row, column, cell)
            | {
                "by_seed": cell.by_seed,
                "shortfalls": list(cell.shortfalls),
                "defects": [item.defects[flag - 1] for flag in cell.flags],
                "bold_note": cell.bold.sentence if cell.bold else None,
                "place": None if cell.place is None else asdict(cell.place),
            }
            for row, column, cell in results.filled()
        ],
        "claims": [
            {
                "text": outcome.claim.text,
                "verdict": outcome.verdict,
                "difference": outcome.difference,
                "printed": outcome.printed,
                "sentence": outcome.sentence,
            }
            for outcome in outcomes(results)
        ],
    }
