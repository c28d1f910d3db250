"""What there is to know of one run, in words."""

from __future__ import annotations

from reports.page.row import COLUMNS, Row
from reports.runs.floors_and_ceiling import ceiling, floors
from reports.runs.record import Record
from reports.style.style import bracketed

SHOWN = ("Kendall τ", "over floor", "τ top 10 %", "image passes", "seconds")


def facts(record: Record, row: Row) -> list[tuple[str, str]]:
    """Pairs of a name and a text; what is not known is left out."""
    cells = {column.head: column.text(row) for column in COLUMNS}
    above = ceiling(record)
    bounds = [(f"floor: {bound.label}", bound) for bound in floors(record)]
    bounds += [(above.label, above)] if above else []
    versions = record.get("versions")
    versions = versions if isinstance(versions, dict) else {}
    notes = record.get("notes")
    pairs = [
        *((name, cells[name]) for name in SHOWN[:3]),
        *((label, bracketed(bound.tau, ".3f")) for label, bound in bounds),
        *((name, cells[name]) for name in SHOWN[3:]),
        ("options", _options(record)),
        ("device", record.get("costs", "device")),
        ("found", record.get("found", "how")),
        ("truth", record.get("ground_truth", "version")),
        ("ceiling measured", record.get("ceiling", "how")),
        ("versions", ", ".join(f"{name} {versions[name]}" for name in versions)),
        *(("note", note) for note in (notes if isinstance(notes, list) else [])),
    ]
    return [(name, str(text)) for name, text in pairs if text]


def _options(record: Record) -> str:
    options = record.get("config", "options")
    if not isinstance(options, dict):
        return ""
    return ", ".join(f"{name} {value}" for name, value in options.items() if value != "")
