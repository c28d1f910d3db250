"""Whether one ranking beats another: the difference of two τ on the same architectures.

Two τ against the same truth depend on one another: architectures that one scorer ranks well others
rank well too. Two intervals that overlap may therefore belong to a difference that is certain. Its
own interval is around the jackknife's standard error of the difference, of the differences of the
influences of each architecture (:mod:`harness.metrics.influences`), with the corrections for a
finite space and for the noise of the truth of :mod:`harness.metrics.intervals`.
"""

from __future__ import annotations

import math

import numpy as np

from harness.metrics.influences import tau_influence
from harness.metrics.intervals import LEAST, Interval, freedom, student
from harness.metrics.metrics import kendall_tau


def tau_difference(
    score: np.ndarray,
    other: np.ndarray,
    truth: np.ndarray,
    *,
    fraction: float = 0.0,
    truth_sd: np.ndarray | None = None,
    seed: int = 0,
) -> Interval:
    """τ-b of ``score`` with ``truth`` ``[n]`` minus that of ``other``, with its 95 % interval.

    ``fraction``, ``truth_sd`` ``[n]`` and ``seed`` as in
    :func:`harness.metrics.intervals.measure_all`; the order of the architectures does not matter.
    None where either τ is; no interval below :data:`LEAST` architectures.
    """
    n, order = len(truth), np.lexsort((other, score, truth))
    score, other, truth = score[order], other[order], truth[order]
    noise = np.zeros(n) if truth_sd is None else truth_sd[order]
    first, second = kendall_tau(score, truth), kendall_tau(other, truth)
    if first is None or second is None:
        return Interval(value=None, low=None, high=None, n=n)
    value = first - second
    if n < LEAST:
        return Interval(value=value, low=None, high=None, n=n)

    def influence(truths: np.ndarray) -> np.ndarray:
        return tau_influence(score, truths) - tau_influence(other, truths)

    own = influence(truth)
    parts = [((1 - fraction) * own.var(ddof=1) / n, freedom(own))]
    if fraction and noise.any():
        rng = np.random.default_rng(seed)
        moved = influence(truth + noise * rng.standard_normal(n)) - own
        parts.append((fraction * moved.var(ddof=1) / n, freedom(moved)))
    variance = sum(part for part, _ in parts)
    weight = sum(part**2 / of for part, of in parts)
    half = student(variance**2 / weight) * math.sqrt(variance) if weight else 0.0
    return Interval(value=value, low=max(value - half, -2.0), high=min(value + half, 2.0), n=n)


def shown(difference: Interval) -> bool | None:
    """Whether a difference is above zero for certain; None where that is not known."""
    return None if difference["low"] is None else difference["low"] > 0
