"""The ceiling: τ of the ground truth against a second measurement of itself.

No score can be expected to agree with the ground truth better than a repetition of its own
trainings would. Two columns of single trainings (seeds) give the ceiling of a single training
directly. Scores are compared with the mean over S seeds, which is better but whose repetition
would cost as much as the whole table; it is extrapolated:

1. Noise. The variance between the seeds of an architecture depends on how good it is (chance-level
   ones have none) and S = 2 or 3 is too few to know it one by one: it is pooled over the
   :data:`NEIGHBOURS` architectures next to it in mean accuracy.
2. Population. The seed means stand for the true accuracies. They spread more than those, by their
   own noise; so the noise is scaled by the one factor with which two simulated single trainings
   agree with the measured τ. For normal accuracies this undoes the over-dispersion exactly: the
   intraclass correlation of simulation and data are then equal, and so are their Spearman-Brown
   extrapolations.
3. Two measurements with every architecture's own number of seeds are simulated with that factor.

Unlike Spearman-Brown on sin(πτ/2), this assumes no normal distribution of accuracies: clusters,
long tails, ties and noise that depends on the accuracy stay in. On synthetic tables the result is
within 0.01 of the truth (sampling apart); where clusters overlap by their noise it is up to 0.05
too high.
"""

from __future__ import annotations

from itertools import combinations
from typing import TypedDict

import numpy as np

from harness.metrics.intervals import LEAST, Interval, measure
from harness.metrics.metrics import kendall_tau

NEIGHBOURS = 51
_FACTORS = np.geomspace(0.25, 32, 15)  # of the noise; τ is interpolated between them
_SIMULATED = 10_000  # architectures per simulated τ: its Monte Carlo error stays below 0.005


class Ceiling(TypedDict):
    """τ of the ground truth against a second measurement, of which kind is said by ``how``.

    ``single_seed``: of one training against another; ``seed_mean``: of the mean over the seeds
    that serves as truth against another such mean; ``validation``: of validation against test.
    None where the table does not allow it.
    """

    single_seed: Interval | None
    seed_mean: Interval | None
    validation: Interval | None
    how: str


def ceiling(
    per_seed: np.ndarray,
    validation: np.ndarray | None = None,
    truth: np.ndarray | None = None,
    seed: int = 0,
) -> Ceiling:
    """The ceiling from ``per_seed`` ``[n, S]``, percent, NaN for seeds that were not run.

    Where no two seeds share :data:`LEAST` architectures it is τ of ``validation`` against
    ``truth``, both ``[n]``, if given. ``seed`` fixes the simulation. Intervals are over
    architectures; that of the seed mean is the single-seed one carried through the simulation.
    """
    per_seed = per_seed[np.isfinite(per_seed).any(axis=1)]
    per_seed = per_seed[np.argsort(np.nanmean(per_seed, axis=1))]
    single = _between_seeds(per_seed)
    if single is not None:
        how = (
            "single_seed: mean τ between pairs of seeds; seed_mean: the same of two seed means, "
            "simulated with the noise between seeds"
        )
        mean = _between_means(per_seed, single, seed)
        return Ceiling(single_seed=single, seed_mean=mean, validation=None, how=how)
    if validation is not None and truth is not None:
        against = measure("kendall_tau", validation, truth)
        how = "validation against test"
        return Ceiling(single_seed=None, seed_mean=None, validation=against, how=how)
    how = "unknown: the table has one measurement per architecture"
    return Ceiling(single_seed=None, seed_mean=None, validation=None, how=how)


def training_noise(per_seed: np.ndarray) -> np.ndarray | None:
    """Standard deviation ``[n]`` of one training, in points, from ``per_seed`` ``[n, S]``.

    NaN marks seeds that were not run; every architecture needs one that was. None where no
    architecture has two.
    """
    runs = np.isfinite(per_seed).sum(axis=1)
    if runs.max(initial=0) < 2:
        return None
    mean = np.nanmean(per_seed, axis=1)
    squares = np.nansum((per_seed - mean[:, None]) ** 2, axis=1)
    order, position = np.argsort(mean, kind="stable"), np.arange(len(mean))
    first = np.maximum(position - NEIGHBOURS // 2, 0)
    last = np.minimum(position + NEIGHBOURS // 2 + 1, len(mean))
    sums = [np.concatenate(([0], np.cumsum(v[order]))) for v in (squares, runs - 1)]
    local_squares, freedom = (total[last] - total[first] for total in sums)
    pooled = sums[0][-1] / sums[1][-1]
    deviation = np.empty(len(mean))
    local = np.maximum(local_squares, 0) / np.maximum(freedom, 1)
    deviation[order] = np.sqrt(np.where(freedom > 0, local, pooled))
    return deviation


def _between_seeds(per_seed: np.ndarray) -> Interval | None:
    """Mean τ over pairs of columns, each pair weighted by the architectures that have both."""
    finite = np.isfinite(per_seed)
    found: list[Interval] = []
    for a, b in combinations(range(per_seed.shape[1]), 2):
        both = finite[:, a] & finite[:, b]
        if both.sum() >= LEAST:
            found.append(measure("kendall_tau", per_seed[both, a], per_seed[both, b]))
    found = [pair for pair in found if pair["value"] is not None]
    if not found:
        return None
    weights = [pair["n"] for pair in found]
    value, low, high = (
        float(np.average([pair[key] for pair in found], weights=weights))
        for key in ("value", "low", "high")
    )
    return Interval(value=value, low=low, high=high, n=int((finite.sum(axis=1) > 1).sum()))


def _between_means(per_seed: np.ndarray, single: Interval, seed: int) -> Interval:
    """τ between two means over each architecture's number of seeds: steps 2 and 3 above."""
    runs, mean = np.isfinite(per_seed).sum(axis=1), np.nanmean(per_seed, axis=1)
    noise, repeated = training_noise(per_seed), runs > 1
    draws = int(np.clip(_SIMULATED // len(mean), 1, 50))
    normal = np.random.default_rng(seed).standard_normal((draws, 2, len(mean)))

    def simulated(deviation: np.ndarray, of: np.ndarray) -> float:
        pairs = (mean + deviation * normal)[:, :, of]
        return float(np.mean([kendall_tau(*pair) for pair in pairs]))

    singles = [simulated(factor * noise, repeated) for factor in _FACTORS]
    means = [simulated(factor * noise / np.sqrt(runs), runs > 0) for factor in _FACTORS]
    falling = np.minimum.accumulate(singles)
    measured = np.array([single["value"], single["low"], single["high"]], float)
    value, low, high = np.interp(measured, falling[::-1], means[::-1]).tolist()
    return Interval(value=value, low=low, high=high, n=len(mean))
