"""How well scores rank architectures: one number per metric, larger scores meaning better.

Every function takes ``score`` and ``truth``, finite float arrays ``[n]``, does not depend on the
order of the architectures, and breaks no tie by chance or position: where a metric has to choose
among architectures of equal score (or equal truth) it returns the expectation over a random
choice. Correlations keep their sign; where one side is constant or empty, they are undefined and
the value is None (``null`` in a record), never NaN and never 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from harness.metrics.concordance import concordance_and_orders

ROUNDING = 1e-13  # of a correlation; two rankings of 423,624 that differ have τ below 1 - 5e-12


def kendall_tau(score: np.ndarray, truth: np.ndarray) -> float | None:
    """Kendall's τ-b (Kendall 1945)."""
    if _is_constant(score, truth):
        return None
    return _exact(stats.kendalltau(score, truth).statistic)


def weighted_tau(score: np.ndarray, truth: np.ndarray) -> float | None:
    """Weighted τ (Vigna, WWW 2015), additive hyperbolic: as ``scipy.stats.weightedtau``.

    The element at rank r = 0, 1, ... weighs 1 / (r + 1); mean of ranking by score and by truth.
    """
    if _is_constant(score, truth):
        return None
    (signed, untied_score, untied_truth), *orders = concordance_and_orders(score, truth)
    taus = []
    for ascending in orders:
        weight = np.empty(len(score))
        weight[ascending[::-1]] = 1 / np.arange(1, len(score) + 1)
        norm = math.sqrt((weight @ untied_score) * (weight @ untied_truth))
        taus.append(weight @ signed / norm)
    return _exact(np.mean(taus))


def spearman(score: np.ndarray, truth: np.ndarray) -> float | None:
    """Spearman's ρ: Pearson's correlation of the ranks, ties at their mean rank."""
    return pearson(stats.rankdata(score), stats.rankdata(truth))


def pearson(score: np.ndarray, truth: np.ndarray) -> float | None:
    """Pearson's linear correlation."""
    if _is_constant(score, truth):
        return None
    # Scaling first keeps squares of very large and very small scores representable.
    a, b = (v / np.abs(v).max() for v in (score - score.mean(), truth - truth.mean()))
    return _exact(a @ b / math.sqrt((a @ a) * (b @ b)))


def precision_at_top(score: np.ndarray, truth: np.ndarray, share: float = 0.1) -> float:
    """Fraction of the k best by score that are among the k best by truth, k = ⌈share·n⌉."""
    k = top_count(len(score), share)
    return float(_in_top(score, k) @ _in_top(truth, k) / k)


def best_rank_at_k(score: np.ndarray, truth: np.ndarray, k: int = 10) -> float:
    """Rank in truth (1 = best; equals share the better rank) of the best of the k best by score."""
    k = min(k, len(score))
    threshold = np.partition(score, -k)[-k]
    ascending = np.sort(truth)

    def ranks(of: np.ndarray) -> np.ndarray:
        return len(truth) + 1 - np.searchsorted(ascending, truth[of], side="right")

    sure, tied = ranks(score > threshold), np.sort(ranks(score == threshold))
    # Drawing c of the g tied: the chance that the j best of them all stay out is the product.
    drawn, left = k - len(sure), len(tied) - np.arange(len(tied))
    all_out = np.concatenate(([1.0], np.cumprod(np.maximum(left - drawn, 0) / left)))
    return float(-np.diff(all_out) @ np.minimum(tied, sure.min(initial=len(score))))


def regret(score: np.ndarray, truth: np.ndarray) -> float:
    """Best truth minus the truth of the architecture with the highest score, in points."""
    return float(truth.max() - truth[score == score.max()].mean())


def top_count(n: int, share: float = 0.1) -> int:
    """Number of architectures in the best ``share`` of ``n``: rounded up, so at least one."""
    return math.ceil(round(share * n, 9))


def _exact(correlation: float) -> float:
    """1 or -1 for what rounding keeps from it."""
    return float(np.sign(correlation) if abs(correlation) > 1 - ROUNDING else correlation)


def _is_constant(*arrays: np.ndarray) -> bool:
    return any(not len(values) or values.min() == values.max() for values in arrays)


def _in_top(values: np.ndarray, k: int) -> np.ndarray:
    """Chance of each element to be among the ``k`` largest when ties are broken at random."""
    threshold = np.partition(values, -k)[-k]
    above, tied = values > threshold, values == threshold
    return above + tied * ((k - above.sum()) / tied.sum())


@dataclass(frozen=True)
class Metric:
    """A metric, the ``label`` people read, the range of its values, and how it is distributed.

    ``kind`` is ``correlation``, ``share`` or ``extreme``; the last hang on a few architectures,
    so that they are skewed and do not settle with the square root of n. People are shown
    ``decimals``.
    """

    compute: Callable[[np.ndarray, np.ndarray], float | None]
    label: str
    least: float
    most: float
    kind: str
    decimals: int


METRICS = {
    "kendall_tau": Metric(kendall_tau, "Kendall τ-b", -1, 1, "correlation", 4),
    "weighted_tau": Metric(weighted_tau, "weighted τ", -1, 1, "correlation", 4),
    "spearman": Metric(spearman, "Spearman ρ", -1, 1, "correlation", 4),
    "pearson": Metric(pearson, "Pearson r", -1, 1, "correlation", 4),
    "precision_at_top10pct": Metric(precision_at_top, "P@top 10 %", 0, 1, "share", 3),
    "best_rank_at_10": Metric(best_rank_at_k, "best rank@10", 1, math.inf, "extreme", 0),
    "regret": Metric(regret, "regret (points)", 0, math.inf, "extreme", 2),
}

FORMER = {"precision_at_top": "precision_at_top10pct", "best_rank_at_k": "best_rank_at_10"}
"""Names in records of version 0.1 and what they are now, with share and k."""


def with_present_names(record: dict[str, Any]) -> dict[str, Any]:
    """A ``record`` whose metrics may be those of a former version, under their present names."""
    subsets = record.get("metrics")
    if not isinstance(subsets, dict) or not all(isinstance(m, dict) for m in subsets.values()):
        return record
    present = {
        subset: {FORMER.get(name, name): interval for name, interval in metrics.items()}
        for subset, metrics in subsets.items()
    }
    return record | {"metrics": present}
