"""The cells of an item, filled from tables and recorded runs; nothing is trained.

The value of a cell is a number of a ground truth, a search on it, or a mean over runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from harness.config.config import Config
from reports.papers.definition.bold import judge
from reports.papers.definition.item import Column, Item, Row, Search, Statistic
from reports.papers.measured.measures import HOW_DETECTED, MEASURES, Retrainings, looked_up
from reports.papers.measured.percentiles import place
from reports.papers.measured.results import (
    NOT_MEASURED,
    PRINTED,
    TABLE,
    TRAINED_FULL,
    TRAINED_REDUCED,
    TRANSFERRED,
    Cell,
    Results,
    RowResults,
)
from reports.papers.measured.runs import Absent, find, shortfalls
from reports.papers.measured.truths import Missing, Truths
from reports.runs.record import Record
from reports.style.formatting import named_seeds

SEEN = {"val": "selection", "test": "test"}  # what a simulation calls these accuracies
RETRAINED: dict[str, Callable[[float], float]] = {
    "found_accuracy": lambda accuracy: accuracy,
    "found_error": lambda accuracy: 100 - accuracy,
}


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
            filler.cell(row, column),
            printed=printed,
            flags=row.flags.get(column.id, ()),
            bold=judge(filler.item, row, column),
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


class Filler:
    """Fills cells; what several of them share is looked up once."""

    def __init__(self, results: Results, runs: Path, truths: Truths, changes: Mapping[str, Any]):
        self.results, self.item, self.truths = results, results.item, truths
        self.folder, self.changes = runs, changes
        self.retrainings = Retrainings(runs)
        self._found: dict[tuple[str, str], tuple[dict[int, Record], dict[str, list[int]]]] = {}

    def cell(self, row: Row, column: Column) -> Cell:
        """Its value, tag and note, without what is printed."""
        try:
            if column.id in row.table:
                return self._statistic(row.table[column.id], column)
            if row.search is not None and row.search.fills(column):
                return self._simulation(row.search, column)
        except Missing as error:
            return Cell(note=str(error))
        if row.run is not None and column.measure:
            return self._measured(row, column)
        return self._nothing(row, column)

    def runs_of(self, row: Row) -> dict[str, dict[int, Record]]:
        """The finished runs that filled cells of ``row``, by task and seed."""
        return {task: runs for (name, task), (runs, _) in self._found.items() if name == row.id}

    # A number of a ground truth ----------------------------------------------------------------

    def _statistic(self, wanted: Statistic, column: Column) -> Cell:
        truth = wanted.truth
        accuracies = self.truths.accuracies(truth)
        value = column.flip(float(getattr(np, wanted.statistic)(accuracies)))
        table = self.truths.of(truth)
        note = f"{wanted.statistic} {truth.split} accuracy of {len(table):,} in {table.meta.name}"
        return Cell(tag=TABLE, value=value, n=1, task=truth.task, note=note)

    def _simulation(self, search: Search, column: Column) -> Cell:
        truth = column.truth
        self.truths.accuracies(truth)  # raises where the split is missing
        result = self.truths.simulation(search, truth)
        last, kind = result["curves"][search.method][-1], SEEN[truth.split]
        kind = truth.split if truth.split in last else kind  # where a search saw another training
        table = self.truths.of(truth)
        note = (
            f"{search.repeats} simulated searches of {search.queries} trainings in "
            f"{table.meta.name}, selected by {result['selection_split']} accuracy"
        )
        if seconds := search.seconds(truth.task):
            note = (
                f"{search.repeats} simulated searches of {seconds:,} seconds, estimated from "
                f"multiply-adds, in {table.meta.name}, selected by {search.signal}"
            )
        value, sd = column.flip(last[kind]), last[f"{kind}_sd"]
        return Cell(tag=TABLE, value=value, sd=sd, n=search.repeats, task=truth.task, note=note)

    # A mean over runs --------------------------------------------------------------------------

    def _measured(self, row: Row, column: Column) -> Cell:
        task = column.task or self.results.task
        records, absent = self._runs(row, task)
        if not records and column.searched and self._runs(row, column.searched)[0]:
            return self._transferred(row, column, task)
        if not records:
            note = (
                HOW_DETECTED
                if column.measure.startswith("detected")
                else self._absence(absent, task)
            )
            return Cell(task=task, note=note)
        values, retrained = self._values(column, records)
        cell = self._mean(row, column, records, values, task, retrained)
        return cell if cell.note or not absent else replace(cell, note=self._absence(absent, task))

    def _transferred(self, row: Row, column: Column, task: str) -> Cell:
        """What runs on another task found, as the ground truth of ``task`` has it."""
        records, absent = self._runs(row, column.searched)
        try:
            values = {seed: looked_up(run, column, self.truths) for seed, run in records.items()}
        except Missing as error:
            return Cell(task=task, note=str(error))
        cell = self._mean(row, column, records, values, task)
        if cell.value is None:
            return cell
        lacking = f"; {self._absence(absent, column.searched)}" if absent else ""
        return replace(cell, tag=TRANSFERRED, note=f"searched on {column.searched}{lacking}")

    def _mean(
        self,
        row: Row,
        column: Column,
        records: Mapping[int, Record],
        values: Mapping[int, float | None],
        task: str,
        retrained: bool = False,
    ) -> Cell:
        """Of ``values`` by seed, if all are known."""
        failed = [seed for seed, value in values.items() if value is None]
        if failed:
            why = _why_unknown(column, records[failed[0]])
            note = f"not known of {named_seeds(failed)}: {why}"
            return Cell(tag=NOT_MEASURED, task=task, note=note)
        scaled = {seed: value * column.scale for seed, value in values.items()}
        numbers = list(scaled.values())
        seed, record = next(iter(records.items()))
        config = self._config(row, seed, record.get("config", "task"))
        short = shortfalls(self.item, row, config, record, retrained)
        return Cell(
            tag=TRAINED_REDUCED if short else TRAINED_FULL,
            value=float(np.mean(numbers)),
            sd=float(np.std(numbers, ddof=1)) if len(numbers) > 1 else None,
            n=len(numbers),
            by_seed=scaled,
            task=task,
            shortfalls=short,
        )

    def _values(
        self, column: Column, records: Mapping[int, Record]
    ) -> tuple[dict[int, float | None], bool]:
        """Per seed, and whether they are of stand-alone trainings by a printed recipe.

        These stand in for accuracies of the ground truth where what each run found has one.
        """
        if column.measure in RETRAINED:
            accuracies = {s: self.retrainings.accuracy(run) for s, run in records.items()}
            if None not in accuracies.values():
                return {s: RETRAINED[column.measure](a) for s, a in accuracies.items()}, True
        measured = MEASURES[column.measure]
        return {seed: measured(record, self.truths) for seed, record in records.items()}, False

    def _runs(self, row: Row, task: str) -> tuple[dict[int, Record], dict[str, list[int]]]:
        """The runs found by seed, and the seeds that are not, by the reason."""
        if (row.id, task) not in self._found:
            records: dict[int, Record] = {}
            absent: dict[str, list[int]] = {}
            for seed in self.results.seeds:
                config = self._config(row, seed, task)
                try:
                    table, lacking = self.truths.table(config.space, task, config.scale), ""
                except Missing as error:
                    table, lacking = None, f"; {error}"
                try:
                    records[seed] = find(config, self.folder, table)
                except Absent as error:
                    absent.setdefault(f"{error}{lacking}", []).append(seed)
            self._found[row.id, task] = records, absent
        return self._found[row.id, task]

    def _config(self, row: Row, seed: int, task: str) -> Config:
        return self.item.config(row, seed, self.results.preset, task, self.changes)

    def _absence(self, absent: Mapping[str, list[int]], task: str) -> str:
        reasons = "; ".join(f"{named_seeds(seeds)}: {why}" for why, seeds in absent.items())
        command = f"nas-harness reproduce {self.item.paper} {self.item.name}"
        command += f" --preset {self.results.preset}"
        command += f" --task {task}" if task != self.item.task else ""
        return f"{reasons}; `{command}` runs what is missing"

    def _nothing(self, row: Row, column: Column) -> Cell:
        """Neither a table nor a run fills it."""
        if column.id not in row.printed:
            return Cell()
        if row.reason and column.measure:
            return Cell(note=row.reason)
        if self.item.demand in "IO" and self.item.needs and not column.words:
            return Cell(note=f"it needs what is not here: {self.item.needs}")
        return Cell(tag=PRINTED, note="only quoted from the paper")


def _why_unknown(column: Column, record: Record) -> str:
    if column.measure.startswith("detected"):
        return HOW_DETECTED
    if not column.measure.startswith(("found", "regret")):
        return "its record has no such number"
    if record.get("found", "truth") is None:
        return f"what it found is {record.get('found', 'how')}"
    return "the ground truth does not have what it found"
