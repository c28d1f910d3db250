"""95 % intervals of the metrics: what another sample of architectures or another seed would give.

One run. The scored architectures are a random sample of a space, of which they are a ``fraction``
f; f = 1 is the whole space (a complete table), f = 0 a space without end.

- *Architectures.* Sampling contributes (1 - f) of the variance of an unlimited population (finite
  population correction): nothing where every architecture was scored.
- *Seeds of the ground truth.* A sample of architectures brings its own training noise, so that
  the sampling variance already contains it; the share f that the correction takes away is given
  back by adding noise of standard error ``truth_sd`` to the truth anew.
- *Seeds of the supernet* need several runs: :func:`combine`, whose intervals cover 97 % or more.

Kendall τ: standard error by the infinitesimal jackknife (Jaeckel 1972), Student's t, Fisher's z
transform. It is exact about ties, needs no random numbers and O(n log n) time; simulated coverage
is 94-98 % for n >= 30 whatever the share of ties. Bootstrap percentiles would be biased: repeated
architectures are ties. The other correlations: the same interval around the bootstrap standard
error, which that bias does not enter; likewise P@top, untransformed. Best-rank and regret depend
on extremes, for which no resampling is consistent; theirs are bootstrap percentiles, to be read
as the range that other samples of this size would give. The bootstrap draws from the sample
repeated 1/f times, without replacement (Gross 1980), which is the usual one for f = 0.

Intervals are null below :data:`LEAST` architectures and where the value itself is.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TypedDict

import numpy as np
from scipy import stats

from harness.metrics.concordance import concordance
from harness.metrics.metrics import METRICS, Metric, top_count

LEAST = 5
CONFIDENCE = 0.95
_TAIL = (1 - CONFIDENCE) / 2


class Interval(TypedDict):
    """A value with its 95 % interval over ``n`` architectures; None is "undefined"."""

    value: float | None
    low: float | None
    high: float | None
    n: int


def measure(
    name: str,
    score: np.ndarray,
    truth: np.ndarray,
    *,
    fraction: float = 0.0,
    truth_sd: np.ndarray | None = None,
    seed: int = 0,
    resamples: int | None = None,
) -> Interval:
    """The metric ``name`` of ``score`` against ``truth`` ``[n]`` with its interval for one run.

    ``fraction`` of the space is what was scored, ``truth_sd`` ``[n]`` the standard error of each
    truth (see the module). ``seed`` fixes the bootstrap, of ``resamples`` draws (default 200,
    fewer beyond 7,500 architectures); the order of the architectures does not matter.
    """
    metric, n = METRICS[name], len(score)
    order = np.lexsort((score, truth))
    score, truth = score[order], truth[order]
    noise = np.zeros(n) if truth_sd is None else truth_sd[order]
    value = metric.compute(score, truth)
    if value is None or n < LEAST:
        return Interval(value=value, low=None, high=None, n=n)
    if fraction >= 1 and not noise.any():
        return Interval(value=value, low=value, high=value, n=n)
    rng = np.random.default_rng(seed)
    if name == "kendall_tau":
        deviation = _tau_deviation(score, truth, fraction, noise, rng)
        low, high = _fisher(value, deviation, n)
    else:
        draws = resamples or int(np.clip(1.5e6 / n, 20, 200))
        resampled = _resample(score, truth, fraction, noise, rng, draws)
        replicates = [metric.compute(*pair) for pair in resampled]
        defined = np.array([v for v in replicates if v is not None])
        low, high = _bounds(metric, value, defined, n, fraction)
    low, high = (float(np.clip(v, metric.least, metric.most)) for v in (low, high))
    return Interval(value=value, low=low, high=high, n=n)


def combine(runs: Sequence[Interval], name: str = "kendall_tau") -> Interval:
    """Mean over runs that differ in the supernet seed and ranked the same architectures.

    The half-width is the root of the sum of squares of two: Student's t of the values over the
    seeds, and the mean half-width (root mean square) of the runs' own intervals, since they share
    their architectures and more seeds do not lower that part. Null where any run's value is: a
    run that failed is not left out of a mean. One run keeps its interval. Runs that drew their own
    architectures get an interval that is too wide rather than too narrow.
    """
    values = [run["value"] for run in runs if run["value"] is not None]
    n = min(run["n"] for run in runs)
    if len(values) < len(runs):
        return Interval(value=None, low=None, high=None, n=n)
    if len(runs) == 1:
        return runs[0]
    mean, spread = float(np.mean(values)), float(np.std(values, ddof=1))
    over_seeds = _student(len(runs) - 1) * spread / math.sqrt(len(runs))
    ends = [(run["low"], run["high"]) for run in runs]
    halves = [(high - low) / 2 for low, high in ends if low is not None and high is not None]
    over_architectures = math.sqrt(np.mean(np.square(halves))) if halves else 0.0
    half = math.hypot(over_seeds, over_architectures)
    least, most = METRICS[name].least, METRICS[name].most
    return Interval(value=mean, low=max(mean - half, least), high=min(mean + half, most), n=n)


def tau_influence(score: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Influence ``[n]`` of each architecture on τ-b: the derivative in its weight, times n."""
    signed, *untied = concordance(score, truth)
    mean_score, mean_truth = (u.mean() for u in untied)
    scale = math.sqrt(mean_score * mean_truth)
    tied = untied[0] / mean_score + untied[1] / mean_truth - 2
    return 2 * (signed - signed.mean()) / scale - signed.mean() / scale * tied


def _tau_deviation(
    score: np.ndarray,
    truth: np.ndarray,
    fraction: float,
    noise: np.ndarray,
    rng: np.random.Generator,
) -> float:
    """Standard error of τ-b; for the truth's noise, how far fresh noise moves the influences."""
    n = len(score)
    influence = tau_influence(score, truth)
    variance = (1 - fraction) * influence.var(ddof=1) / n
    if fraction and noise.any():
        again = tau_influence(score, truth + noise * rng.standard_normal(n))
        variance += fraction * (again - influence).var(ddof=1) / n
    return math.sqrt(variance)


def _resample(
    score: np.ndarray,
    truth: np.ndarray,
    fraction: float,
    noise: np.ndarray,
    rng: np.random.Generator,
    draws: int,
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Bootstrap samples from a population of which the sample is a ``fraction``.

    Copies of an architecture stand for others of the population: each has noise of its own.
    """
    n = len(score)
    for _ in range(draws):
        if fraction > 0:
            copies = rng.choice(max(n, round(n / fraction)), n, replace=False, shuffle=False)
            chosen = rng.permutation(n)[copies % n]
        else:
            chosen = rng.integers(n, size=n)
        fresh = noise[chosen] * rng.standard_normal(n) * (rng.random(n) < fraction)
        yield score[chosen], truth[chosen] + fresh


def _bounds(
    metric: Metric, value: float, replicates: np.ndarray, n: int, fraction: float
) -> tuple[float, float]:
    if metric.kind == "extreme":
        low, high = np.quantile(replicates, [_TAIL, 1 - _TAIL])
        return min(low, value), max(high, value)
    deviation = float(replicates.std(ddof=1))
    if metric.kind == "correlation":
        return _fisher(value, deviation, n)
    half = _student(n - 1) * deviation
    if value in (0, 1) and not half:
        # No variation to see: the exact binomial bound for 0 (or all) of the k best.
        half = (1 - _TAIL ** (1 / top_count(n))) * math.sqrt(1 - fraction)
    return value - half, value + half


def _fisher(value: float, deviation: float, n: int) -> tuple[float, float]:
    """Interval of a correlation that is symmetric in arctanh(value)."""
    if abs(value) >= 1:
        return value, value
    half = _student(n - 1) * deviation / (1 - value**2)
    centre = math.atanh(value)
    return math.tanh(centre - half), math.tanh(centre + half)


def _student(freedom: float) -> float:
    return float(stats.t.ppf(1 - _TAIL, freedom))
