"""A table of accuracies of one's own: a CSV of architectures, with a column or more of accuracies.

The space may be one of the harness, or one that has only names: then nothing is known of its
architectures but what the file says, and their strings are compared as they are written.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from harness.files.checksums import sha256
from harness.files.sizes import read_bytes
from harness.tabular.importer import Cost
from harness.tabular.table import Table, TableMeta
from searchspaces.base import SearchSpace
from searchspaces.errors import UsageError
from searchspaces.registry import SPACES, nearest

NAMES = "names"
"""The scale of tables of spaces without networks."""
SPLITS = ("test", "val", "train")
_ARCH_COLUMNS = ("arch", "architecture", "arch str", "arch_str")
_COSTS = ("params", "madds")
_EXACT = 1e-6  # percent: the resolution where the number of images is not known
_NAME = re.compile(r"[a-z0-9][a-z0-9-]*")


@dataclass(frozen=True)
class OwnTable:
    """What the file does not say of itself.

    ``columns`` are ``COLUMN`` (test accuracies) or ``SPLIT=COLUMN``; several of one split are its
    trainings, of which the mean counts. ``arch_column`` empty is the one called arch or
    architecture, else the first. ``epochs`` and ``images`` (of the test split) 0 are not known.
    ``truth`` names the training, by default as the task. ``fractions``: accuracies are from 0 to 1.
    ``cost_columns`` are of other costs than params and madds, in any unit.
    """

    space: str
    task: str
    columns: tuple[str, ...]
    arch_column: str = ""
    scale: str = NAMES
    epochs: int = 0
    images: int = 0
    truth: str = ""
    fractions: bool = False
    cost_columns: tuple[str, ...] = ()

    def read(self, path: Path, space: SearchSpace | None, cost: Cost | None = None) -> Table:
        """The table of the CSV at ``path``.

        Architectures are written as ``space`` writes them, or left as they are without one.
        Columns called params and madds are taken over; else ``cost`` tells them. Raises
        :class:`UsageError`, naming line and column, for whatever is missing, repeated, or no
        percentage.
        """
        for name in (self.space, self.task, *([self.truth] if self.truth else [])):
            if not _NAME.fullmatch(name):
                raise UsageError(
                    f"'{name}' is no name of a space, task or training: take small letters, "
                    "digits and hyphens."
                )
        header, lines = _rows(path)
        wanted = [_split_of(column) for column in self.columns]
        arch_column = self.arch_column or next(
            (name for name in _ARCH_COLUMNS if name in header), header[0]
        )
        for name in (arch_column, *(column for _, column in wanted), *self.cost_columns):
            if name not in header:
                raise UsageError(
                    f"{path} has no column '{name}'; it has {', '.join(header)}"
                    f"{nearest(name, header).partition('; known')[0]}."
                )
        archs = self._archs(path, header.index(arch_column), lines, space)
        trainings: dict[str, list[np.ndarray]] = {}
        for split, column in wanted:
            values = self._percent(path, column, header.index(column), lines)
            trainings.setdefault(split, []).append(values)
        if "test" not in trainings:
            raise UsageError(
                "a table needs test accuracies: give --truth-columns a column for them."
            )
        accuracies = self._columns(path, trainings)
        others = {
            name: np.array([_number(path, name, n, row[header.index(name)]) for n, row in lines])
            for name in self.cost_columns
        }
        table = Table(self._meta(path, accuracies), archs, accuracies, costs=others)
        costs = {
            name: _whole(path, name, header.index(name), lines) for name in _COSTS if name in header
        }
        if cost is not None and len(costs) < len(_COSTS):
            found = np.array([cost(arch, self.task) for arch in archs], dtype=np.int64).T
            costs = dict(zip(_COSTS, found, strict=True)) | costs
        return replace(table, **costs)

    def _archs(
        self,
        path: Path,
        place: int,
        lines: Sequence[tuple[int, list[str]]],
        space: SearchSpace | None,
    ) -> list[str]:
        seen: dict[str, int] = {}
        for number, row in lines:
            text = row[place].strip()
            try:
                arch = space.encode(space.decode(text)) if space else text
            except UsageError as error:
                raise UsageError(f"{path}, line {number}: {error}") from error
            if not arch:
                raise UsageError(f"{path}, line {number} has no architecture.")
            if seen.setdefault(arch, number) != number:
                raise UsageError(
                    f"{path}: lines {seen[arch]} and {number} are the same architecture, {arch}; "
                    "keep one of them, or give their accuracies as two columns."
                )
        return list(seen)

    def _percent(
        self, path: Path, column: str, place: int, lines: Sequence[tuple[int, list[str]]]
    ) -> np.ndarray:
        """float64 ``[rows]``; NaN where nothing is written."""
        values = np.array([_number(path, column, n, row[place]) for n, row in lines])
        if self.fractions:
            values = 100 * values
        elif np.nanmax(values, initial=0) <= 1:
            raise UsageError(
                f"{path}: no accuracy in column '{column}' is above 1; add --fractions if they are "
                "fractions, else give percent."
            )
        wrong = np.flatnonzero((values < 0) | (values > 100))
        if len(wrong):
            number, row = lines[wrong[0]]
            raise UsageError(
                f"{path}, line {number}: column '{column}' has {row[place].strip()}, which is no "
                f"{'fraction' if self.fractions else 'percentage'}."
            )
        return values

    def _columns(self, path: Path, trainings: dict[str, list[np.ndarray]]) -> dict[str, np.ndarray]:
        epochs = max(self.epochs, 1)
        columns: dict[str, np.ndarray] = {}
        for split, runs in trainings.items():
            known = np.isfinite(runs).sum(axis=0)
            if not known.all():
                row = int(np.flatnonzero(known == 0)[0])
                raise UsageError(f"{path}: architecture {row + 1} has no {split} accuracy.")
            columns[f"{split}.{epochs}.mean"] = np.nansum(runs, axis=0) / known
            if len(runs) > 1:
                columns |= {f"{split}.{epochs}.{seed}": run for seed, run in enumerate(runs)}
        return columns

    def _meta(self, path: Path, accuracies: dict[str, np.ndarray]) -> TableMeta:
        step = 100 / self.images if self.images else _EXACT
        splits = dict.fromkeys(name.split(".")[0] for name in accuracies)
        return TableMeta(
            space=self.space,
            scale=self.scale,
            task=self.task,
            source=path.name,
            licence="not stated",
            version="own",
            sha256=sha256(path),
            created_by=f"nas-harness table import {self.space} {path.name} --truth-columns "
            + " ".join(
                [
                    *self.columns,
                    *(("--cost-columns", *self.cost_columns) if self.cost_columns else ()),
                ]
            ),
            epochs=max(self.epochs, 1),
            resolution={split: step if split == "test" else _EXACT for split in splits},
            training={"truth": self.truth or self.task, "epochs_known": self.epochs > 0},
        )


def _rows(path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """The names of the columns, and each row with the number of its line."""
    try:
        text = read_bytes(path, "table").decode("utf-8-sig")
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or error}.") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is no CSV file: it is no text.") from error
    first = text.lstrip().partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        rows = [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise UsageError(f"{path} is no CSV file: {error}.") from error
    if len(rows) < 2:
        raise UsageError(f"{path} needs a line of column names and a line for each architecture.")
    header = [name.strip() for name in rows[0][1]]
    if len(set(header)) != len(header):
        raise UsageError(f"{path} has two columns of one name: {', '.join(header)}.")
    for number, row in rows[1:]:
        if len(row) != len(header):
            raise UsageError(
                f"{path}, line {number} has {len(row)} columns, not the {len(header)} of its first "
                "line; put what contains the separator in double quotes."
            )
    return header, rows[1:]


def _split_of(column: str) -> tuple[str, str]:
    """``val=acc`` as split and column; a mere column is of the test split."""
    split, given, name = column.partition("=")
    return (split, name) if given and split in SPLITS else ("test", column)


def _number(path: Path, column: str, line: int, text: str) -> float:
    if not text.strip():
        return math.nan
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise UsageError(f"{path}, line {line}: column '{column}' has '{text[:80]}', no number.")
    return value


def _whole(
    path: Path, column: str, place: int, lines: Sequence[tuple[int, list[str]]]
) -> np.ndarray:
    """int64 ``[rows]``."""
    values = np.array([_number(path, column, number, row[place]) for number, row in lines])
    if not (np.isfinite(values) & (values >= 0) & (values == np.rint(values))).all():
        raise UsageError(f"{path}: column '{column}' has to be whole numbers, or leave it out.")
    return values.astype(np.int64)


def space_of(name: str, names_only: bool) -> type[SearchSpace] | None:
    """The space called ``name``, or None for one that has only names.

    Raises :class:`UsageError` for a name that is not known and not said to be of that kind, or
    is known and said to be.
    """
    if names_only:
        if name in SPACES:
            raise UsageError(f"{name} is a space of the harness; leave out --names-only.")
        return None
    try:
        return SPACES[name]
    except UsageError as error:
        text = str(error).rstrip(".")
        raise UsageError(f"{text}; add --names-only for a space without networks here.") from error
