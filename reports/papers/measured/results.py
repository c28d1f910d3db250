"""What is known of each cell of an item."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from reports.papers.definition.bold import Verdict
from reports.papers.definition.item import Column, Item, Row
from reports.papers.definition.printed import Printed
from reports.papers.measured.percentiles import Place
from reports.runs.record import Record

PRINTED, TABLE = "printed", "table"
TRAINED_FULL, TRAINED_REDUCED, NOT_RUN = "trained-full", "trained-reduced", "not run"
TRANSFERRED = "transferred"
NOT_MEASURED = "not measured"
MEANINGS = {
    PRINTED: "as the paper has it",
    TABLE: "computed from a table of stand-alone accuracies",
    TRAINED_FULL: "our runs with the printed hyper-parameters at full scale",
    TRAINED_REDUCED: "our runs at the reduced scale that the caption states",
    TRANSFERRED: "what our runs on another task found, as the table of this one has it",
    NOT_RUN: "no finished run; the letter says what is missing",
    NOT_MEASURED: "of finished runs; the letter says why",
}
UNKNOWN = (NOT_RUN, NOT_MEASURED)
TAGS = tuple(MEANINGS)


@dataclass(frozen=True)
class Cell:
    """The printed value, and beside it the one value of ``tag`` in the column's own scale.

    ``value`` is the mean and ``sd`` the sample standard deviation over ``n`` values: those of
    ``by_seed``, or simulated searches. The tag is ``printed`` where nothing is to be set beside
    the print, and ``not run`` where something could be, or ``not measured`` where runs are
    finished and lack it; ``note`` then says what is missing. A cell with neither a print nor a note belongs to no one.
    ``shortfalls`` are the reasons for ``trained-reduced``, or of transferred ones. ``flags`` number the item's defects
    that touch the printed value, ``bold`` judges one in bold, ``place`` is where it lies on a
    real table; if that is not here, ``place_note`` says so.
    """

    printed: Printed | None = None
    flags: tuple[int, ...] = ()
    tag: str = NOT_RUN
    value: float | None = None
    sd: float | None = None
    n: int = 0
    by_seed: Mapping[int, float] = field(default_factory=dict)
    task: str = ""
    note: str = ""
    shortfalls: tuple[str, ...] = ()
    place: Place | None = None
    place_note: str = ""
    bold: Verdict | None = None

    @property
    def empty(self) -> bool:
        """Whether there is nothing to say, because the row has no such number."""
        return self.printed is None and self.value is None and not self.note

    @property
    def trained(self) -> bool:
        return self.tag in (TRAINED_FULL, TRAINED_REDUCED, TRANSFERRED)


@dataclass(frozen=True)
class RowResults:
    """A row with its cells by column id and its finished runs by task, then seed."""

    row: Row
    cells: Mapping[str, Cell]
    runs: Mapping[str, Mapping[int, Record]]


@dataclass(frozen=True)
class Results:
    """An item with what was found for it; ``task`` is that of columns that name none."""

    item: Item
    preset: str
    task: str
    seeds: tuple[int, ...]
    rows: tuple[RowResults, ...]

    def records(self, row: str, task: str = "") -> Mapping[int, Record]:
        """The finished runs of a row by seed, on ``task`` or else on the study's."""
        found = next(results for results in self.rows if results.row.id == row)
        return found.runs.get(task or self.task, {})

    def first(self, row: str) -> tuple[int, Record]:
        """The lowest seed of a row that was run on the study's task, and its run."""
        return min(self.records(row).items())

    def ran(self) -> list[RowResults]:
        """The rows that were run on the study's task."""
        return [results for results in self.rows if results.runs.get(self.task)]

    def cell(self, row: str, column: str) -> Cell:
        return next(results for results in self.rows if results.row.id == row).cells[column]

    def cells(self) -> Iterator[tuple[Row, Column, Cell]]:
        """Row by row, column by column."""
        for results in self.rows:
            for column in self.item.columns:
                yield results.row, column, results.cells[column.id]

    def filled(self) -> list[tuple[Row, Column, Cell]]:
        """The cells that say anything."""
        return [found for found in self.cells() if not found[2].empty]

    def tagged(self, tags: Collection[str]) -> list[Cell]:
        return [cell for _, _, cell in self.cells() if cell.tag in tags]
