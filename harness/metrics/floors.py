"""The floors: τ of rankings that need no method. A method has to beat them to be of any use."""

from __future__ import annotations

import math

import numpy as np

from harness.metrics.intervals import Interval, measure


def floors(
    truth: np.ndarray,
    params: np.ndarray | None,
    madds: np.ndarray | None,
    *,
    fraction: float = 0.0,
    truth_sd: np.ndarray | None = None,
) -> dict[str, Interval]:
    """τ against ``truth`` ``[n]`` by parameters (``params``), FLOPs (``flops``) and by ``random``.

    More parameters or multiply-adds count as better; null where they are unknown. Of a random
    order the expectation is 0, and the interval holds 95 % of all orders. ``fraction`` and
    ``truth_sd`` ``[n]`` as in :func:`harness.metrics.intervals.measure`.
    """
    found = {}
    for name, size in (("params", params), ("flops", madds)):
        if size is None:
            found[name] = Interval(value=None, low=None, high=None, n=len(truth))
        else:
            found[name] = measure(
                "kendall_tau", size.astype(float), truth, fraction=fraction, truth_sd=truth_sd
            )
    found["random"] = _random_order(truth)
    return found


def _random_order(truth: np.ndarray) -> Interval:
    """Expectation and central 95 % of τ-b of an untied random score.

    The variance of concordant minus discordant pairs is that of Kendall (1945) for ties in one of
    the rankings; divided by the square of τ-b's denominator.
    """
    n, ties = len(truth), np.unique(truth, return_counts=True)[1].astype(float)
    pairs = n * (n - 1) / 2
    untied = pairs - (ties * (ties - 1) / 2).sum()
    if not untied:
        return Interval(value=None, low=None, high=None, n=n)
    variance = (n * (n - 1) * (2 * n + 5) - (ties * (ties - 1) * (2 * ties + 5)).sum()) / 18
    half = min(1.96 * math.sqrt(variance / (pairs * untied)), 1.0)
    return Interval(value=0.0, low=-half, high=half, n=n)
