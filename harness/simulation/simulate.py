"""Searches on a table: simulated many times over, or, for random search, computed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from harness.files.progress import bar
from harness.tabular.table import Table
from methods.search.table_search import TableSearch
from searchspaces.errors import UsageError


@dataclass(frozen=True)
class Trainings:
    """Accuracy in percent of each training of each architecture, on the split ``split``.

    ``runs`` is ``[rows, seeds]``; the first ``counts[row]`` of a row are its trainings, the others
    NaN. Where the table has no seed of its own the mean stands for the one training.
    """

    split: str
    runs: np.ndarray
    counts: np.ndarray

    @classmethod
    def of(cls, table: Table, split: str = "val") -> Trainings:
        """Raises :class:`UsageError` if the table does not have the split."""
        if f"{split}.{table.meta.epochs}.mean" not in table.accuracies:
            raise UsageError(
                f"the table {table.meta.name} has no {split} accuracies for a search to go by; "
                "--test-as-validation shows it the test accuracies, and every result says so."
            )
        mean = table.accuracy(split)
        runs = np.stack([mean, *(table.accuracy(split, seed=s) for s in table.seeds(split))], 1)
        runs[np.isfinite(runs[:, 1:]).any(axis=1), 0] = np.nan
        runs = np.take_along_axis(runs, np.isnan(runs).argsort(axis=1, kind="stable"), axis=1)
        counts = np.isfinite(runs).sum(axis=1)
        return cls(split, runs[:, : counts.max()], counts)

    def reveal(self, row: int, luck: float) -> float:
        """The training of ``row`` that ``luck``, uniform in [0, 1), picks among its own."""
        return float(self.runs[row, int(luck * self.counts[row])])


PATIENCE = 5.0  # seconds without a progress bar


@dataclass(frozen=True)
class Curves:
    """The incumbent, which has the best accuracy seen so far (the first of equals), over time.

    After ``queries[c]`` trainings of repeat ``r`` it is ``rows[r, c]`` and was seen with
    ``seen[r, c]`` percent.
    """

    queries: np.ndarray
    rows: np.ndarray
    seen: np.ndarray


def simulate(
    start: Callable[[np.random.Generator], TableSearch],
    trainings: Trainings,
    queries: int,
    repeats: int,
    seed: int,
    label: str = "search",
) -> Curves:
    """Run ``repeats`` searches of ``queries`` trainings each, incumbents at :func:`checkpoints`.

    A query is a training, also of an architecture trained before: it always counts, and reveals
    one of the architecture's seeds, drawn anew, as the API of NAS-Bench-101 does. Repeat ``r``
    depends on ``seed`` and ``r`` only.
    """
    points = checkpoints(queries)
    rows = np.empty((repeats, len(points)), dtype=np.int64)
    seen = np.empty((repeats, len(points)))
    for repeat in _with_progress(repeats, label):
        for_search, for_training = np.random.default_rng([seed, repeat]).spawn(2)
        search = start(for_search)
        asked, told = np.empty(queries, dtype=np.int64), np.empty(queries)
        for query, luck in enumerate(for_training.random(queries).tolist()):
            row = search.ask()
            accuracy = trainings.reveal(row, luck)
            search.tell(row, accuracy)
            asked[query], told[query] = row, accuracy
        best = [int(told[:point].argmax()) for point in points]
        rows[repeat], seen[repeat] = asked[best], told[best]
    return Curves(points, rows, seen)


def checkpoints(queries: int) -> np.ndarray:
    """1, 2, 5, 10, 20, 50, ... below ``queries``, then ``queries`` itself."""
    series = [lead * 10**power for power in range(len(str(queries))) for lead in (1, 2, 5)]
    return np.array([*(point for point in series if point < queries), queries])


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
