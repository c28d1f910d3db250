"""What random search finds, computed instead of simulated: the best of n random trainings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from harness.simulation.trainings import Trainings


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
