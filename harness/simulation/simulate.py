"""Searches on a table: simulated many times over, or, for random search, computed."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from harness.files.counts import counted
from harness.files.progress import bar
from harness.simulation.budget import Budget, checkpoints
from harness.tabular.table import Table
from methods.search.table_search import TableSearch
from searchspaces.errors import UsageError

_SIGNAL = re.compile(r"val\.\d+\.mean")


@dataclass(frozen=True)
class Trainings:
    """Accuracy in percent of each training of each architecture, on ``split`` after ``epochs``.

    ``runs`` is ``[rows, seeds]``; the first ``counts[row]`` of a row are its trainings, the others
    NaN. Where the table has no seed of its own the mean stands for the one training.
    """

    split: str
    epochs: int
    runs: np.ndarray
    counts: np.ndarray

    @classmethod
    def of(cls, table: Table, split: str = "val", epochs: int | None = None) -> Trainings:
        """``epochs``: by default the table's. Raises :class:`UsageError` if it has no such column."""
        epochs = epochs or table.meta.epochs
        if f"{split}.{epochs}.mean" not in table.accuracies:
            known = _signals(table)
            others = (
                f"it has {' and '.join(known)}"
                if known
                else ("--test-as-validation shows it the test accuracies, and every result says so")
            )
            raise UsageError(
                f"the table {table.meta.name} has no {split} accuracies after "
                f"{counted(epochs, 'epochs')} for a search to go by; {others}."
            )
        seeds = table.seeds(split, epochs)
        columns = [table.accuracy(split, epochs, seed) for seed in ("mean", *seeds)]
        runs = np.stack(columns, axis=1)
        runs[np.isfinite(runs[:, 1:]).any(axis=1), 0] = np.nan
        runs = np.take_along_axis(runs, np.isnan(runs).argsort(axis=1, kind="stable"), axis=1)
        counts = np.isfinite(runs).sum(axis=1)
        if not counts.all():
            raise UsageError(
                f"row {int(counts.argmin())} of the table {table.meta.name} has no {split} "
                f"accuracy after {counted(epochs, 'epochs')}."
            )
        return cls(split, epochs, runs[:, : counts.max()], counts)

    @classmethod
    def signalled(cls, table: Table, signal: str) -> Trainings:
        """What ``signal``, as ``val.12``, names; raises :class:`UsageError` for any other text."""
        named = re.fullmatch(r"val\.([1-9]\d*)", signal)
        if not named:
            raise UsageError(
                f"a signal is val. and a number of epochs, as val.12, not '{signal}'; the table "
                f"{table.meta.name} has {' and '.join(_signals(table)) or 'none'}."
            )
        return cls.of(table, "val", int(named[1]))

    @property
    def signal(self) -> str:
        return f"{self.split}.{self.epochs}"

    def lengths(self, table: Table) -> list[Trainings]:
        """All trainings of this split that ``table`` has, none longer than these, which are the last."""
        names = re.compile(rf"{self.split}\.(\d+)\.mean")
        known = (int(found[1]) for found in map(names.fullmatch, table.accuracies) if found)
        shorter = sorted(epochs for epochs in known if epochs < self.epochs)
        return [*(Trainings.of(table, self.split, epochs) for epochs in shorter), self]

    def reveal(self, row: int, luck: float) -> float:
        """The training of ``row`` that ``luck``, uniform in [0, 1), picks among its own."""
        return float(self.runs[row, int(luck * self.counts[row])])


def _signals(table: Table) -> list[str]:
    """``val.EPOCHS`` of each validation accuracy that the table has."""
    return [name.removesuffix(".mean") for name in table.accuracies if _SIGNAL.fullmatch(name)]


PATIENCE = 5.0  # seconds without a progress bar


@dataclass(frozen=True)
class Curves:
    """The incumbent, which has the best accuracy seen so far (the first of equals), over time.

    Of trainings of several lengths only the longest so far are compared.

    At ``points[c]`` (trainings, or seconds) repeat ``r`` had done ``made[r, c]`` trainings; its
    incumbent is ``rows[r, c]`` and was seen with ``seen[r, c]`` percent.
    """

    points: np.ndarray
    made: np.ndarray
    rows: np.ndarray
    seen: np.ndarray


def simulate(
    start: Callable[[np.random.Generator], TableSearch],
    lengths: Sequence[Trainings],
    most: int,
    repeats: int,
    seed: int,
    label: str = "search",
    budget: Budget | None = None,
    points: np.ndarray | None = None,
) -> Curves:
    """Run ``repeats`` searches of at most ``most`` trainings each, incumbents at ``points``.

    ``lengths``: of trainings, as the search numbers them, a whole one last. A query is a training,
    also of an architecture trained before: it always counts, and reveals one of the architecture's
    seeds, drawn anew, as the API of NAS-Bench-101 does. Repeat ``r`` depends on ``seed`` and ``r``
    only. With a ``budget`` a search ends earlier, once that is spent, and ``points`` are in its
    units; else they are :func:`checkpoints`.
    """
    points = checkpoints(most) if points is None else points
    shape = repeats, len(points)
    rows, seen = np.empty(shape, dtype=np.int64), np.empty(shape)
    made = np.empty(shape, dtype=np.int64)
    for repeat in _with_progress(repeats, label):
        for_search, for_training = np.random.default_rng([seed, repeat]).spawn(2)
        search = start(for_search)
        asked, told, spent = np.empty(most, dtype=np.int64), np.empty(most), np.empty(most)
        length = np.empty(most, dtype=np.int64)
        done, clock = 0, 0.0
        for luck in for_training.random(most).tolist():
            row = search.ask()
            if budget is not None:
                clock += float(budget.costs[search.length][row])
                if clock > budget.total:
                    break
            accuracy = lengths[search.length].reveal(row, luck)
            search.tell(row, accuracy)
            asked[done], told[done], spent[done], length[done] = row, accuracy, clock, search.length
            done += 1
        made[repeat] = points
        if budget is not None:
            made[repeat] = np.searchsorted(spent[:done], points * budget.unit, side="right")
        best = [_incumbent(told[:count], length[:count]) for count in made[repeat]]
        rows[repeat], seen[repeat] = asked[best], told[best]
    return Curves(points, made, rows, seen)


def _incumbent(accuracies: np.ndarray, length: np.ndarray) -> int:
    """The place of the best of the longest trainings."""
    among = np.flatnonzero(length == length.max())
    return int(among[accuracies[among].argmax()])


def _with_progress(total: int, label: str) -> Iterator[int]:
    """0, 1, ... below ``total``, with a progress bar where it takes long."""
    begin, shown = time.monotonic(), None
    with ExitStack() as stack:
        for number in range(total):
            yield number
            if shown is not None:
                shown.update()
            elif time.monotonic() - begin > PATIENCE:
                shown = stack.enter_context(bar(total, label, "repeat", number + 1))


class Moments(NamedTuple):
    """Mean and standard deviation of the incumbent's accuracy, as seen and as ``truth`` has it."""

    seen: float
    seen_sd: float
    truth: float
    truth_sd: float


def best_of_random(
    trainings: Trainings, rows: np.ndarray, truth: np.ndarray, draws: Sequence[int]
) -> list[Moments]:
    """Exact moments of random search after each number of ``draws``.

    ``rows`` are the candidates and ``truth`` is ``[rows of the table]``, in percent. Trainings are
    drawn independently: an architecture uniformly, then one of its seeds. With F the share of
    trainings up to an accuracy v, the best of n is v with probability F(v)^n - F(v-)^n, and the
    incumbent is then any of the trainings that reached v, by their shares.
    """
    counts = trainings.counts[rows]
    runs = trainings.runs[rows]
    ran = np.arange(runs.shape[1]) < counts[:, None]
    weights = np.broadcast_to(1 / (len(rows) * counts)[:, None], runs.shape)[ran]
    values, group = np.unique(runs[ran], return_inverse=True)
    shares = np.bincount(group, weights)
    # Distances from the best lose no digits to the squares.
    best = float(truth[rows].max())
    behind = np.broadcast_to((best - truth[rows])[:, None], runs.shape)[ran]
    behind_mean = np.bincount(group, weights * behind) / shares
    behind_square = np.bincount(group, weights * behind**2) / shares
    upto = np.minimum(shares.cumsum(), 1.0)
    upto[-1] = 1.0
    moments = []
    for number in draws:
        chances = np.diff(upto**number, prepend=0.0)
        unseen = values[-1] - values
        seen, square = chances @ unseen, chances @ unseen**2
        regret, regret_square = chances @ behind_mean, chances @ behind_square
        moments.append(
            Moments(
                float(values[-1] - seen),
                _sd(seen, square),
                best - regret,
                _sd(regret, regret_square),
            )
        )
    return moments


def _sd(mean: float, square: float) -> float:
    return float(np.sqrt(max(square - mean**2, 0.0)))
