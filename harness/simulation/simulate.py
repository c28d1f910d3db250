"""Searches simulated on a table, many times over: the architectures they would have found."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from harness.files.progress import bar
from harness.simulation.trainings import Trainings
from methods.search.table_search import TableSearch

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
    try:
        for number in range(total):
            yield number
            if shown is not None:
                shown.update()
            elif time.monotonic() - begin > PATIENCE:
                shown = bar(total, label, " repeats", number + 1)
    finally:
        if shown is not None:
            shown.close()
