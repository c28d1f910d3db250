"""From results to a document: what columns and cells say, the sentences above and below them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from itertools import product
from pathlib import Path
from string import ascii_lowercase

from harness.measured.packaged import is_packaged
from reports.papers.definition.item import Column, Item
from reports.papers.definition.loading import load_paper
from reports.papers.definition.printed import DASH
from reports.papers.forms.document import Document, Grid, Head, Line, Text
from reports.papers.measured.claims import NOT_TESTED, VERDICTS, outcomes
from reports.papers.measured.percentiles import MOST_DRAWS, Place
from reports.papers.measured.results import (
    MEANINGS,
    PRINTED,
    TAGS,
    TRAINED_FULL,
    TRAINED_REDUCED,
    TRANSFERRED,
    UNKNOWN,
    Cell,
    Results,
)
from reports.style.formatting import decimal, named_seeds

ARROWS = {"higher": " ↑", "lower": " ↓", "": ""}


def compose(results: Results, pictures: Mapping[str, Path] | None = None) -> Document:
    """``pictures`` are files of the item's figure by suffix, such as ``.png``."""
    item, paper = results.item, load_paper(results.item.paper)
    notes = _Notes()
    parts = {column.id: _parts(results, column) for column in item.columns}
    lines = tuple(
        Line(
            found.row.group,
            found.row.label,
            tuple(
                text
                for column in item.columns
                for text in _texts(found.cells[column.id], column, parts[column.id], notes)
            ),
        )
        for found in results.rows
    )
    cells = [cell for _, _, cell in results.cells()]
    defects = [(str(number), sentence) for number, sentence in enumerate(item.defects, 1)]
    return Document(
        results=results,
        title=item.title,
        paper=paper.title,
        source=", ".join(filter(None, (paper.authors, paper.venue))),
        caption=caption(results),
        heads=tuple(
            Head(column.name + ARROWS[column.better], _titles(parts[column.id]))
            for column in item.columns
        ),
        lines=lines,
        legend=(
            *(f"{tag}: {MEANINGS[tag]}" for tag in TAGS if any(_bears(c, tag) for c in cells)),
            *_of_bold(item),
        ),
        notes=(*defects, *notes.by_mark()),
        outcomes=tuple(outcomes(results)),
        places=places(results),
        place_notes=place_notes(results),
        pictures=pictures or {},
    )


class _Notes:
    """Letters for sentences, in the order in which they are first asked for."""

    def __init__(self) -> None:
        self.sentences: list[str] = []

    def mark(self, sentence: str) -> str:
        if sentence not in self.sentences:
            self.sentences.append(sentence)
        return _letters(self.sentences.index(sentence))

    def by_mark(self) -> list[tuple[str, str]]:
        return [(_letters(i), sentence) for i, sentence in enumerate(self.sentences)]


def _letters(number: int) -> str:
    """a, b, ..., z, aa, ab, ..."""
    last = ascii_lowercase[number % 26]
    return last if number < 26 else _letters(number // 26 - 1) + last


def _bears(cell: Cell, tag: str) -> bool:
    if tag == PRINTED:
        return cell.printed is not None
    return cell.tag == tag and not cell.empty


def _of_bold(item: Item) -> list[str]:
    """What bold means, if anything is in bold."""
    if item.bold is None:
        return []
    whole = "column" if item.bold.among == "column" else "column within its group of rows"
    aside = " and ".join(item.label(name) for name in item.bold.without)
    whole += f" ({aside} aside)" if aside else ""
    return [
        f"bold: set in bold in print, known from {item.bold.source}; a letter says where such a number is not, "
        f"or not alone, the best of its {whole}"
    ]


def _parts(results: Results, column: Column) -> dict[str, tuple[str, ...]]:
    """What the titles of a column's parts say: of the measured one what all values share."""
    cells = [found.cells[column.id] for found in results.rows]
    parts: dict[str, tuple[str, ...]] = {}
    if any(cell.printed for cell in cells):
        parts["printed"] = (PRINTED,)
    if any(cell.tag != PRINTED and not cell.empty for cell in cells):
        kinds = [_kind(cell) for cell in cells if cell.value is not None]
        first = kinds[0] if kinds else ()
        parts["measured"] = tuple(word for word in first if all(word in kind for kind in kinds))
    return parts


def _titles(parts: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(
        ", ".join(words if set(words) & set(TAGS) else (part, *words))
        for part, words in parts.items()
    )


def _kind(cell: Cell) -> tuple[str, ...]:
    """What a value is, on what, and of how many runs."""
    kind = (cell.tag, cell.task)
    return (*kind, f"n={cell.n}") if cell.trained else kind


def _texts(
    cell: Cell, column: Column, parts: Mapping[str, tuple[str, ...]], notes: _Notes
) -> list[Text]:
    texts = []
    if "printed" in parts:
        marks = [str(flag) for flag in cell.flags]
        if cell.bold and cell.bold.sentence:
            marks.append(notes.mark(cell.bold.sentence))
        texts.append(Text(_as_printed(cell), tuple(marks), PRINTED, strong=cell.bold is not None))
    if "measured" in parts:
        texts.append(_measured(cell, column, parts["measured"], notes))
    return texts


def _as_printed(cell: Cell) -> str:
    """Word for word, but for typography."""
    if cell.printed is None:
        return ""
    if cell.printed.text == DASH:
        return "–"
    number = cell.printed.number is not None
    return cell.printed.text.replace("-", "−") if number else cell.printed.text


def _measured(cell: Cell, column: Column, said: tuple[str, ...], notes: _Notes) -> Text:
    """The value with what its column's title has not ``said`` of it."""
    if cell.tag == PRINTED or cell.empty:
        return Text("")
    marks = (notes.mark(cell.note),) if cell.note else ()
    if cell.value is None:
        return Text(cell.tag, marks, cell.tag)
    shown = decimal(cell.value, f".{column.digits}f")
    if cell.sd is not None:
        shown += f" ± {cell.sd:.{column.digits}f}"
    unsaid = [word for word in _kind(cell) if word not in said]
    if unsaid:
        shown += f" ({', '.join(unsaid)})"
    return Text(shown, marks, cell.tag)


def caption(results: Results) -> tuple[str, ...]:
    """What the item shows, what was measured on what, what that lacks, and what held."""
    item = results.item
    sentences = [item.caption]
    if results.tagged([TRAINED_REDUCED]):
        sentences.append(item.reduced)
    tags = (TRAINED_FULL, TRAINED_REDUCED, TRANSFERRED)
    for tag, task in product(tags, sorted({cell.task for cell in results.tagged(tags)})):
        cells = [cell for cell in results.tagged([tag]) if cell.task == task]
        if cells:
            sentences.append(_measurement(cells, tag, task, results.preset))
    records = [run for row in results.rows for runs in row.runs.values() for run in runs.values()]
    shipped = {run.folder for run in records if is_packaged(run.folder)}
    if shipped:
        sentences.append(f"Of these runs, {len(shipped)} came with the package.")
    if item.needs and results.tagged([TRAINED_REDUCED, *UNKNOWN]):
        sentences.append(f"Needed for a full measurement: {item.needs}")
    found = outcomes(results)
    verdicts = Counter(outcome.verdict for outcome in found)
    if verdicts:
        counts = ", ".join(f"{verdicts[kind]} {kind}" for kind in VERDICTS if verdicts[kind])
        sentences.append(f"Claims on our runs: {counts}.")
    tested = [outcome for outcome in found if outcome.verdict != NOT_TESTED]
    intervals = sum(outcome.difference["low"] is not None for outcome in tested)
    if intervals > 1:
        sentences.append(
            f"Of {intervals} intervals of 95 %, one or another may miss the truth by chance."
        )
    return tuple(filter(None, sentences))


def _measurement(cells: list[Cell], tag: str, task: str, preset: str) -> str:
    numbers, seeds = {cell.n for cell in cells}, {seed for cell in cells for seed in cell.by_seed}
    spread = " to ".join(str(n) for n in sorted({min(numbers), max(numbers)}))
    text = f"Measured ({tag}): task {task}, preset {preset}, n = {spread} ({named_seeds(seeds)})"
    text += ", mean ± sample standard deviation" if max(numbers) > 1 else ""
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
        rows.append(
            (results.item.label(row.id), *(_place(found) if found else "" for found in cells))
        )
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
                f"{results.item.label(row.id)}, {column.name}: {decimal(number, form)} is beyond the "
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
