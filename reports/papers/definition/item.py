"""One printed table or figure: what the paper says, and which runs can be set beside it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from harness.config.config import Config, with_values
from harness.config.options import typed
from reports.papers.definition.printed import Printed

STATISTICS = ("max", "mean", "median", "min")
# How a run can fill a column; :mod:`reports.papers.measured.measures` says of each what it is.
MEASURES = (
    "tau", "unique_tau", "top10_tau", "weighted_tau", "spearman", "pearson", "precision_at_top",
    "found_accuracy", "found_error", "found_val_accuracy", "found_params", "found_madds",
    "teacher_end", "teacher_mean", "teacher_gain",
    "detected_map", "detected_ap50", "detected_ap75", "detected_params", "detected_madds",
    "regret", "search_seconds", "search_days", "image_passes",
)  # fmt: skip

LOOKED_UP = ("found_accuracy", "found_val_accuracy", "found_error")  # of what was found, in tables


@dataclass(frozen=True)
class Truth:
    """The accuracies of one split of a ground truth; an empty scale is the task's usual one."""

    space: str
    task: str
    split: str = "test"
    scale: str = ""


@dataclass(frozen=True)
class Statistic:
    """One number of a ground truth's accuracies, by a name of :data:`STATISTICS`."""

    truth: Truth
    statistic: str


@dataclass(frozen=True)
class Search:
    """A search simulated on tables; fills the columns whose truth is of its space and task.

    An empty space or task leaves the choice to the column's truth. On a task of ``budgets``, pairs
    of task and seconds, it ends when its trainings have taken so long and sees ``signal``;
    elsewhere after ``queries`` trainings by the table's own validation accuracy.
    """

    method: str
    space: str = ""
    task: str = ""
    queries: int = 300
    repeats: int = 100
    signal: str = ""
    budgets: tuple[tuple[str, int], ...] = ()

    def seconds(self, task: str) -> int:
        """The budget on ``task``; 0 where trainings are counted."""
        return dict(self.budgets).get(task, 0)

    def fills(self, column: Column) -> bool:
        truth = column.truth
        return (
            truth is not None
            and truth.split in ("val", "test")
            and self.space in ("", truth.space)
            and self.task in ("", truth.task)
        )


@dataclass(frozen=True)
class Column:
    """``measure`` of :data:`MEASURES` says how a run fills it, multiplied by
    ``scale``; an empty one can only be printed. An empty ``task`` is the study's. Where no run is
    on its task, those on the task ``searched`` fill it: what they found is looked up in ``truth``.
    ``words`` are printed instead of numbers."""

    id: str
    head: str
    unit: str = ""
    group: str = ""
    measure: str = ""
    scale: float = 1.0
    digits: int = 2
    better: str = ""
    task: str = ""
    searched: str = ""
    truth: Truth | None = None
    words: bool = False

    @property
    def name(self) -> str:
        """Group, head and unit."""
        return " ".join(filter(None, (self.group, self.head, self.unit)))

    def flip(self, accuracy: float) -> float:
        """An accuracy in percent as the column has it, or back: errors where less is better."""
        return 100 - accuracy if self.better == "lower" else accuracy


@dataclass(frozen=True)
class Row:
    """``run`` are dotted options of ``nas-harness run``; None where no run fills the row, for the
    ``reason`` if one is given.

    ``bold`` are the columns whose printed value is set in bold.
    """

    id: str
    label: str
    group: str = ""
    space: str = ""
    run: Mapping[str, Any] | None = None
    reason: str = ""
    x: float | None = None
    table: Mapping[str, Statistic] = field(default_factory=dict)
    search: Search | None = None
    printed: Mapping[str, Printed] = field(default_factory=dict)
    flags: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    bold: tuple[str, ...] = ()


@dataclass(frozen=True)
class Bold:
    """How it is known what a print sets in bold (``source``), and what must be best for it.

    A number in bold competes with those of its column: ``among`` all rows (``column``) or those
    of its group (``group``), always ``without`` some rows.
    """

    source: str
    among: str
    without: tuple[str, ...] = ()


@dataclass(frozen=True)
class Claim:
    """``text`` says that row ``better`` beats row ``worse`` in ``column``.

    Without a ``worse`` row the value itself is on the better side of zero. ``by`` is by how much
    the text has it, in the column's own scale; None where it does not say.
    """

    text: str
    better: str
    worse: str
    column: str
    by: float | None = None


@dataclass(frozen=True)
class Step:
    """A box of a diagram: ``at`` is its (column, row) on a grid, from the upper left corner."""

    id: str
    text: str
    at: tuple[int, int]


@dataclass(frozen=True)
class Arrow:
    """From one step of a diagram to another; one with a bend goes ``bend`` first."""

    start: str
    end: str
    text: str = ""
    bend: str = "level"

    def passes(self, start: tuple[int, int], end: tuple[int, int]) -> set[tuple[int, int]]:
        """The places between those of its two steps that it runs through."""
        corner = (end[0], start[1]) if self.bend == "level" else (start[0], end[1])
        legs = ((start, corner), (corner, end))
        spans = [
            [range(min(a, b), max(a, b) + 1) for a, b in zip(*leg, strict=True)] for leg in legs
        ]
        return {at for span in spans for at in product(*span)} - {start, end}


@dataclass(frozen=True)
class Item:
    """A table or figure of ``paper``; ``demand`` is what it takes to measure it.

    T a table alone, N a supernet and a table, F full stand-alone training, I ImageNet, O object
    detection. ``study`` are dotted options that the runs of all rows share.
    """

    paper: str
    name: str
    title: str
    kind: str
    demand: str
    caption: str
    reduced: str
    needs: str
    defects: tuple[str, ...]
    study: Mapping[str, Any]
    seeds: tuple[int, ...]
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    claims: tuple[Claim, ...]
    axis: str = ""
    series: str = ""
    steps: tuple[Step, ...] = ()
    arrows: tuple[Arrow, ...] = ()
    bold: Bold | None = None

    @property
    def preset(self) -> str:
        return self.study.get("preset", Config.preset)

    @property
    def task(self) -> str:
        return self.study.get("task", Config.task)

    def column(self, name: str) -> Column:
        return next(column for column in self.columns if column.id == name)

    def row(self, name: str) -> Row:
        return next(row for row in self.rows if row.id == name)

    def label(self, name: str) -> str:
        """What a reader calls a row: its label, with its group where others are labelled alike."""
        row = self.row(name)
        alike = [other for other in self.rows if other.label == row.label]
        return f"{row.group} {row.label}" if len(alike) > 1 and row.group else row.label

    def configs(
        self,
        preset: str | None = None,
        task: str | None = None,
        seeds: Iterable[int] | None = None,
        changes: Mapping[str, Any] | None = None,
    ) -> list[tuple[Row, Config]]:
        """The runs that fill rows on one task, row by row, seed by seed.

        What is None is the study's own. Later ones win: preset, study, row, ``changes`` (dotted
        options). Raises :class:`UsageError` for options that the method does not have.
        """
        seeds = self.seeds if seeds is None else tuple(seeds)
        return [
            (row, self.config(row, seed, preset, task, changes))
            for row in self.rows
            if row.run is not None
            for seed in seeds
        ]

    def config(
        self,
        row: Row,
        seed: int,
        preset: str | None = None,
        task: str | None = None,
        changes: Mapping[str, Any] | None = None,
    ) -> Config:
        """The run of one row that can be run, as :meth:`configs` has it."""
        given = {**self.study, **({"space": row.space} if row.space else {})}
        given |= {**(row.run or {}), **(changes or {})}
        preset, task = preset or self.preset, task or self.task
        named = {name: given[name] for name in ("method", "space") if name in given}
        base = Config.from_preset(preset, task=task, **named)
        own = {"preset": preset, "task": task, "seed": seed}
        return with_values(base, typed(base, given) | own)
