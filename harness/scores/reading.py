"""Scores that somebody else computed, in whatever file or dict they are, by a table's names."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.config.options import TYPE_NAMES
from harness.scores.columns import OPTIONS, Chosen, choose
from harness.scores.combining import Scores, combined, without_nan
from harness.scores.data_sets import rows_of_task
from harness.scores.delimited import headed
from harness.scores.file_formats import Content, read_content, tree_of
from harness.scores.frame import Frame
from harness.scores.naming import Naming
from harness.scores.trees import TreeReader
from harness.tabular.table import Table
from searchspaces.base import SearchSpace
from searchspaces.errors import UsageError
from searchspaces.registry import SPACES


@dataclass(frozen=True)
class Choice:
    """What the user says of a score file: its columns, and whether to leave out NaN.

    ``options`` are those that name the columns.
    """

    arch_column: str = ""
    score_column: str = ""
    drop_nan: bool = False
    options: tuple[str, ...] = OPTIONS


USUAL = Choice()
_KINDS = {type(None): "None", list: "a list", tuple: "a tuple"} | TYPE_NAMES


@dataclass(frozen=True)
class Given:
    """Scores as they were given: ``content`` and, in front of messages, the name of a file."""

    content: Content
    name: str = ""

    @classmethod
    def of(cls, scores: Any) -> Given:
        """A path, a dict, a pandas Series or a pandas DataFrame.

        Files are read here, before any table is opened. Raises :class:`UsageError` for other
        objects and for files that cannot be read.
        """
        if isinstance(scores, str | os.PathLike):
            return cls(read_content(Path(scores)), str(scores))
        if hasattr(scores, "itertuples"):
            index = [scores.index.name or "", *map(str, scores.columns)]
            return cls(Frame(index, [list(row) for row in scores.itertuples()]))
        if hasattr(scores, "items"):
            return cls(tree_of(scores))
        raise UsageError(
            "scores are a dict, a pandas Series or DataFrame of architecture and score, or the path "
            f"of a file, not {_KINDS.get(type(scores), f'of type {type(scores).__name__}')}."
        )

    @contextmanager
    def _named(self) -> Iterator[None]:
        try:
            yield
        except UsageError as error:
            if not self.name:
                raise
            raise UsageError(f"{self.name}: {error}") from error

    def scores(
        self,
        table: Table | None,
        space: SearchSpace | None,
        choice: Choice = USUAL,
        task: str = "",
    ) -> Scores:
        """By the names of ``table``, or where that is None by those of ``space``.

        ``task`` chooses among data sets in one file. Raises :class:`UsageError`, naming the first
        offender.
        """
        with self._named():
            naming = Naming(table, space)
            frame, tree = self.content, TreeReader(naming.genuine, task)
            if not isinstance(frame, Frame):
                frame = tree.frame(frame)
            if frame.rows and not frame.named and not any(frame.names):
                frame = headed(frame, naming.tells)
            frame, of_data_set = rows_of_task(frame, task)
            chosen = choose(frame, naming, choice.arch_column, choice.score_column, choice.options)
            if chosen.ordered:
                names, notes = _in_order(chosen, table, space)
            else:
                names, notes = naming.names(chosen.archs)
            scores = combined(names, chosen)
            scores.notes += tree.notes + of_data_set + notes
            return without_nan(scores, names, chosen, choice.drop_nan, space)


def read_scores(
    path: Path | str, table: Table, space: SearchSpace | None = None, choice: Choice = USUAL
) -> Scores:
    """Score of each architecture in a file, by its string in ``table``, in file order.

    ``space`` is by default the one that the table names. Raises :class:`UsageError` for a file
    that is missing, damaged, empty, too large or of no known layout, an architecture that the
    table does not have, one with two different scores, and a score that is no finite number.
    """
    return Given.of(path).scores(table, space or space_of(table), choice, table.meta.task)


def space_of(table: Table) -> SearchSpace | None:
    """The space of a table at its usual scale, None for one that is not registered."""
    name, scale = table.meta.space, table.meta.scale
    if name not in SPACES:
        return None
    make = SPACES[name]
    return make(scale) if scale in make.scales else make()


def _in_order(
    chosen: Chosen, table: Table | None, space: SearchSpace | None
) -> tuple[list[str], list[str]]:
    """The rows of ``table`` for scores without architectures, and a note."""
    if table is None or (space is not None and space.name.startswith("nb101")):
        raise UsageError("scores without architectures need an order that everybody knows.")
    if len(chosen.scores) != len(table):
        raise UsageError(
            f"it has {len(chosen.scores):,} scores without architectures, and the table "
            f"{table.meta.name} {len(table):,} rows; write an object of architecture: score, or "
            "a list of [architecture, score]."
        )
    note = (
        "Scores came without architectures and were taken in the order of the table's rows, which "
        f"begin with '{table.archs[0]}'."
    )
    return list(table.archs), [note]
