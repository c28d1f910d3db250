"""Where a printed accuracy lies among all architectures, and beside random search."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from reports.papers.definition.item import Column, Truth
from reports.papers.definition.printed import Printed
from reports.papers.measured.truths import Truths

MOST_DRAWS = 10_000


@dataclass(frozen=True)
class Place:
    """A printed number among the ``architectures`` of the table ``table``.

    ``percentile`` is the share in percent that is worse, at the printed precision. ``draws`` is
    the number of random trainings of which the best, by its ``selected_by`` accuracy, is
    expected to reach it; None where :data:`MOST_DRAWS` do not. ``best`` is the table's best
    accuracy and ``beyond`` the printed numbers that exceed it, which no architecture can.
    """

    table: str
    split: str
    architectures: int
    percentile: float
    draws: int | None
    selected_by: str
    best: float
    beyond: tuple[float, ...]


def place(printed: Printed, column: Column, truths: Truths) -> Place | None:
    """None where nothing is printed; raises :class:`Missing` without the column's table."""
    if printed.number is None or column.truth is None:
        return None
    truth = column.truth
    table = truths.of(truth)
    accuracies = np.round(truths.accuracies(truth), printed.decimals)
    reached, best = column.flip(printed.number), float(accuracies.max())
    numbers = [n for n in (printed.mean, printed.best) if n is not None]
    draws, selected_by = _draws(reached, truth, truths)
    return Place(
        table=table.meta.name,
        split=truth.split,
        architectures=len(table),
        percentile=float(100 * (accuracies < reached).mean()),
        draws=draws,
        selected_by=selected_by,
        best=column.flip(best),
        beyond=tuple(n for n in numbers if round(column.flip(n), printed.decimals) > best),
    )


def _draws(accuracy: float, truth: Truth, truths: Truths) -> tuple[int | None, str]:
    """The fewest random trainings that are expected to reach ``accuracy``, and their split."""
    from harness.simulation.simulate import Trainings, best_of_random

    table = truths.of(truth)
    split = "val" if truths.has_validation(truth) else "test"
    trainings, rows = Trainings.of(table, split), np.arange(len(table))
    accuracies = truths.accuracies(Truth(truth.space, truth.task, "test", truth.scale))

    def expected(draws: int) -> float:
        moments = best_of_random(trainings, rows, accuracies, [draws])[0]
        return moments.seen if truth.split == "val" else moments.truth

    low, high = 0, 1
    while expected(high) < accuracy:
        low, high = high, 2 * high
        if high > MOST_DRAWS:
            return None, split
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if expected(middle) >= accuracy else (middle, high)
    return high, split
