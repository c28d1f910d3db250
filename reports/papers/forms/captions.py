"""What stands above and below an item's table in sentences, and where its print lies."""

from __future__ import annotations

from collections import Counter
from itertools import product

from reports.papers.forms.document import Grid
from reports.papers.measured.claims import NOT_TESTED, VERDICTS, outcomes
from reports.papers.measured.places import MOST_DRAWS, Place
from reports.papers.measured.results import NOT_RUN, TRAINED_FULL, TRAINED_REDUCED, Cell, Results
from reports.style.words import decimal


def caption(results: Results) -> tuple[str, ...]:
    """What the item shows, what was measured on what, what that lacks, and what held."""
    item = results.item
    sentences = [item.caption]
    if results.tagged([TRAINED_REDUCED]):
        sentences.append(item.reduced)
    tasks = sorted({cell.task for cell in results.tagged([TRAINED_FULL, TRAINED_REDUCED])})
    for tag, task in product((TRAINED_FULL, TRAINED_REDUCED), tasks):
        cells = [cell for cell in results.tagged([tag]) if cell.task == task]
        if cells:
            sentences.append(_measurement(cells, tag, task, results.preset))
    if item.needs and results.tagged([TRAINED_REDUCED, NOT_RUN]):
        sentences.append(f"Needed for a full measurement: {item.needs}")
    verdicts = Counter(outcome.verdict for outcome in outcomes(results))
    if verdicts:
        counts = ", ".join(f"{verdicts[kind]} {kind}" for kind in VERDICTS if verdicts[kind])
        sentences.append(f"Claims on our runs: {counts}.")
    tested = verdicts.total() - verdicts[NOT_TESTED]
    if tested > 1:
        sentences.append(
            f"Of {tested} intervals of 95 %, one or another may miss the truth by chance."
        )
    return tuple(filter(None, sentences))


def _measurement(cells: list[Cell], tag: str, task: str, preset: str) -> str:
    numbers, seeds = {cell.n for cell in cells}, {seed for cell in cells for seed in cell.by_seed}
    spread = " to ".join(str(n) for n in sorted({min(numbers), max(numbers)}))
    text = (
        f"Measured ({tag}): task {task}, preset {preset}, n = {spread} "
        f"(seeds {', '.join(map(str, sorted(seeds)))}), mean ± sample standard deviation"
    )
    reasons = Counter(reason for cell in cells for reason in cell.shortfalls)
    return text + (f"; reduced by: {', '.join(reasons)}." if reasons else ".")


def places(results: Results) -> Grid | None:
    """Rows and columns as in the item, as far as they have places."""
    placed = [(row, column) for row, column, cell in results.cells() if cell.place]
    if not placed:
        return None
    columns = [column for column in results.item.columns if column in [c for _, c in placed]]
    rows = []
    for row in (row for row in results.item.rows if row in [r for r, _ in placed]):
        cells = (results.cell(row.id, column.id).place for column in columns)
        rows.append((results.label(row.id), *(_place(found) if found else "" for found in cells)))
    return Grid(("", *(column.name for column in columns)), tuple(rows), left=1)


def _place(found: Place) -> str:
    draws = f"> {MOST_DRAWS:,}" if found.draws is None else f"{found.draws:,}"
    return f"{found.percentile:.2f} % / {draws}"


def place_notes(results: Results) -> tuple[str, ...]:
    """How to read the places, which prints are impossible, and which tables are missing."""
    tables, impossible = {}, []
    lacking: dict[str, dict[str, None]] = {}
    for row, column, cell in results.cells():
        if cell.place_note:
            lacking.setdefault(cell.place_note, {})[column.name] = None
        if cell.place is None:
            continue
        tables[cell.place.table] = cell.place
        form = f".{cell.printed.decimals}f"
        for number in cell.place.beyond:
            impossible.append(
                f"{results.label(row.id)}, {column.name}: {decimal(number, form)} is beyond the "
                f"best of the table, {decimal(cell.place.best, form)}."
            )
    notes = [
        f"Among the {found.architectures:,} architectures of {name}, so many are worse / the best "
        f"of so many random trainings, selected by {found.selected_by} accuracy, is expected to "
        "reach the printed value."
        for name, found in tables.items()
    ]
    missing = (f"{', '.join(columns)}: {why}." for why, columns in lacking.items())
    return (*notes, *impossible, *missing)
