"""How much each architecture moves a correlation: its influence, in O(n log n) time, ties included.

The influence is the derivative of the correlation in the weight of an architecture, times n
(infinitesimal jackknife, Jaeckel 1972). Weighted τ has none: its weights are of ranks, not of
shares; and Pearson's r of a few architectures is far from linear in them. Of these two the values
without one architecture take the place, (n - 1)(mean of these - that without it): the jackknife,
whose variance is, in expectation, never too small (Efron and Stein 1981).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from scipy import stats

from harness.metrics.concordance import concordance, dense_ranks, sum_of_smaller_before


def tau_influence(score: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Influence ``[n]`` of each architecture on τ-b of ``score`` and ``truth`` ``[n]``."""
    signed, *untied = concordance(score, truth)
    mean_score, mean_truth = (u.mean() for u in untied)
    scale = math.sqrt(mean_score * mean_truth)
    tied = untied[0] / mean_score + untied[1] / mean_truth - 2
    return 2 * (signed - signed.mean()) / scale - signed.mean() / scale * tied


def pearson_influence(score: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Pseudo-values ``[n]`` of the jackknife of Pearson's r, less their mean."""
    a, b = _standard(score), _standard(truth)
    others = len(score) - 1
    left = _ratio((a * b).mean() - a * b / others, 1 - a**2 / others, 1 - b**2 / others)
    return others * (left.mean() - left)


def spearman_influence(score: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Influence ``[n]`` on Spearman's ρ: on Pearson's r of the ranks, and by way of the ranks.

    Another architecture lifts the ranks of all above it by one, of its equals by a half.
    """
    a, b = (_standard(stats.rankdata(values)) for values in (score, truth))
    value, n = (a * b).mean(), len(score)
    scales = [stats.rankdata(values).std() / n for values in (score, truth)]
    by_score = _above(score, b - value * a) / (n * scales[0])
    by_truth = _above(truth, a - value * b) / (n * scales[1])
    total = a * b - value * (a**2 + b**2) / 2 + by_score + by_truth
    return total - total.mean()


def weighted_tau_influence(score: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Pseudo-values ``[n]`` of the jackknife of weighted τ, less their mean."""
    left = (_tau_without(score, truth) + _tau_without(truth, score)) / 2
    return (len(score) - 1) * (left.mean() - left)


INFLUENCES: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "kendall_tau": tau_influence,
    "weighted_tau": weighted_tau_influence,
    "spearman": spearman_influence,
    "pearson": pearson_influence,
}


def _standard(values: np.ndarray) -> np.ndarray:
    """Mean 0 and variance 1; scaling first keeps squares representable."""
    centred = values - values.mean()
    centred = centred / np.abs(centred).max()
    return centred / math.sqrt((centred**2).mean())


def _ratio(product: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """A correlation ``[n]`` from its three sums; 0 where one side is constant."""
    defined = np.minimum(first, second) > 1e-9
    norm = np.sqrt(np.where(defined, first * second, 1))
    return np.where(defined, product / norm, 0.0)


def _above(values: np.ndarray, summed: np.ndarray) -> np.ndarray:
    """Per element the sum of ``summed`` over those of larger values, of equal ones half of it."""
    rank = dense_ranks(values)
    per_rank = np.bincount(rank, summed)
    return (per_rank.sum() - np.cumsum(per_rank) + per_rank / 2)[rank]


def _tau_without(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Weighted τ ``[n]`` without each architecture in turn, ranked by ``first``, then ``second``.

    Whoever is ranked behind the one left out moves up by a rank, and weighs as the one before.
    Where all others are equal it is undefined, and 0 here.
    """
    n = len(first)
    order = np.lexsort((second, first))[::-1]
    x, y = dense_ranks(first)[order], dense_ranks(second)[order]
    weight = 1 / np.arange(1, n + 1)
    moved = np.concatenate(([0.0], weight[:-1]))
    before = _lost(x, y, weight)
    after = [part[::-1] for part in _lost(x.max() - x[::-1], y.max() - y[::-1], moved[::-1])]
    sums = []
    for whole, *lost in zip(concordance(x, y), before, after, strict=True):
        ahead = np.concatenate(([0.0], np.cumsum(weight * whole)[:-1]))
        behind = np.concatenate((np.cumsum((moved * whole)[::-1])[::-1][1:], [0.0]))
        sums.append(ahead + behind - lost[0] - lost[1])
    signed, *untied = sums
    found = np.empty(n)
    found[order] = _ratio(signed, *untied)
    return found


def _lost(x: np.ndarray, y: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, ...]:
    """Over all earlier ones, the sums of ``weight`` times concordance, untied x and untied y.

    ``x`` and ``y`` ``[n]`` descend, ``y`` among equal ``x``.
    """
    every = np.cumsum(weight) - weight
    same_x, same_y = _equal_before(x, weight), _equal_before(y, weight)
    same_both = _equal_before(x * (y.max() + 1) + y, weight)
    smaller = sum_of_smaller_before(y, weight)
    return every - same_x - same_y + same_both - 2 * smaller, every - same_x, every - same_y


def _equal_before(values: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Per element, the sum of ``weight`` over earlier ones of equal ``values``."""
    order = np.argsort(values, kind="stable")
    ordered, summed = values[order], np.cumsum(weight[order]) - weight[order]
    new = np.concatenate(([True], ordered[1:] != ordered[:-1]))
    start = np.maximum.accumulate(np.where(new, np.arange(len(values)), 0))
    found = np.empty(len(values))
    found[order] = summed - summed[start]
    return found
