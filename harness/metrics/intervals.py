"""95 % intervals of the metrics: what another sample of architectures or another seed would give.

One run. The scored architectures are a random sample of a space, of which they are a ``fraction``
f; f = 1 is the whole space (a complete table), f = 0 a space without end.

- *Architectures.* Sampling contributes (1 - f) of the variance of an unlimited population (finite
  population correction): nothing where every architecture was scored.
- *Seeds of the ground truth.* A sample of architectures brings its own training noise, so that
  the sampling variance already contains it; the share f that the correction takes away is given
  back by adding noise of standard error ``truth_sd`` to the truth anew.
- *Seeds of the supernet* need several runs: :func:`combine`, whose intervals cover 97 % or more.

Correlations: Student's t interval in Fisher's z, around the jackknife's standard error
(:mod:`harness.metrics.influences`), which needs no random numbers and O(n log n) time and is exact
about ties. The degrees of freedom are Satterthwaite's (1946), from the kurtosis of the influences:
a handful of architectures makes most of weighted τ, however many there are. Bootstrap percentiles
would be biased: repeated architectures are ties. P@top: Wilson's (1927) interval of a share, of as many
trials as give the bootstrap's variance. Simulated coverage of correlations is 93-98 % for n from 30
to 3,000, that of P@top 94-98 % for n from 200; of 30 it is 97-100 %, as among three best there are
four shares, so that its interval is called one of at least 95 %.

Best rank and regret hang on single architectures, for which no resampling is consistent. What they
have is no 95 % interval but the range of the middle 95 % of resamples (:data:`RANGES`). Another
sample of this size falls into it in 60 to 99 % of cases, as the scores are poor or good. The
bootstrap draws from the sample repeated 1/f times, without replacement (Gross 1980), which is the
usual one for f = 0.

Intervals are null below :data:`LEAST` architectures and where the value itself is.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple, TypedDict

import numpy as np
from scipy import stats

from harness.metrics.influences import INFLUENCES
from harness.metrics.metrics import METRICS, top_count

LEAST = 5
CONFIDENCE = 0.95
RANGES = tuple(name for name, metric in METRICS.items() if metric.kind == "extreme")
_TAIL = (1 - CONFIDENCE) / 2


class Interval(TypedDict):
    """A value with its 95 % interval (of :data:`RANGES`: range) over ``n`` architectures.

    None is "undefined".
    """

    value: float | None
    low: float | None
    high: float | None
    n: int


class Sample(NamedTuple):
    """Scores and truths ``[n]``, a ``fraction`` of the space, ``noise`` ``[n]`` of the truths."""

    score: np.ndarray
    truth: np.ndarray
    noise: np.ndarray
    fraction: float


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
    """The metric ``name`` of ``score`` against ``truth`` ``[n]``; see :func:`measure_all`."""
    found = measure_all(
        (name,),
        score,
        truth,
        fraction=fraction,
        truth_sd=truth_sd,
        seed=seed,
        resamples=resamples,
    )
    return found[name]


def measure_all(
    names: Sequence[str],
    score: np.ndarray,
    truth: np.ndarray,
    *,
    fraction: float = 0.0,
    truth_sd: np.ndarray | None = None,
    seed: int = 0,
    resamples: int | None = None,
) -> dict[str, Interval]:
    """The metrics ``names`` of ``score`` against ``truth`` ``[n]`` with intervals for one run.

    ``fraction`` of the space is what was scored, ``truth_sd`` ``[n]`` the standard error of each
    truth (see the module). ``seed`` fixes the random numbers, of ``resamples`` draws (default 200,
    fewer beyond 7,500 architectures), which the metrics share; the order of the architectures does
    not matter.
    """
    n, order = len(score), np.lexsort((score, truth))
    noise = np.zeros(n) if truth_sd is None else truth_sd[order]
    sample = Sample(score[order], truth[order], noise, fraction)
    values = {name: METRICS[name].compute(sample.score, sample.truth) for name in names}
    ends: dict[str, tuple[float, float]] = {}
    known = {name: v for name, v in values.items() if v is not None and n >= LEAST}
    if fraction >= 1 and not noise.any():
        ends = {name: (value, value) for name, value in known.items()}
    else:
        drawn = {name: value for name, value in known.items() if name not in INFLUENCES}
        ends |= _resampled(drawn, sample, seed, resamples)
        for name in known.keys() & INFLUENCES.keys():
            ends[name] = _fisher(known[name], *_standard_error(name, sample, seed))
    found = {}
    for name, value in values.items():
        low = high = None
        if name in ends:
            least, most = METRICS[name].least, METRICS[name].most
            low, high = (float(np.clip(end, least, most)) for end in ends[name])
        found[name] = Interval(value=value, low=low, high=high, n=n)
    return found


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
    over_seeds = student(len(runs) - 1) * spread / math.sqrt(len(runs))
    ends = [(run["low"], run["high"]) for run in runs]
    halves = [(high - low) / 2 for low, high in ends if low is not None and high is not None]
    over_architectures = math.sqrt(np.mean(np.square(halves))) if halves else 0.0
    half = math.hypot(over_seeds, over_architectures)
    least, most = METRICS[name].least, METRICS[name].most
    return Interval(value=mean, low=max(mean - half, least), high=min(mean + half, most), n=n)


def _standard_error(name: str, sample: Sample, seed: int) -> tuple[float, float]:
    """Standard error of a correlation, and its degrees of freedom."""
    score, truth, noise, fraction = sample
    n, influence = len(score), INFLUENCES[name]
    own = influence(score, truth)
    parts = [((1 - fraction) * own.var(ddof=1) / n, freedom(own))]
    if fraction and noise.any():
        rng = np.random.default_rng(seed)
        if name == "weighted_tau":  # what one architecture does to it depends on the others
            draws = int(np.clip(4e5 / n, 10, 200))
            fresh = [truth + noise * rng.standard_normal(n) for _ in range(draws)]
            again = [METRICS[name].compute(score, truths) for truths in fresh]
            spread = np.var([value for value in again if value is not None], ddof=1)
            parts.append((fraction * spread, draws - 1))
        else:
            moved = influence(score, truth + noise * rng.standard_normal(n)) - own
            parts.append((fraction * moved.var(ddof=1) / n, freedom(moved)))
    variance = sum(part for part, _ in parts)
    weight = sum(part**2 / freedom for part, freedom in parts)
    return math.sqrt(variance), variance**2 / weight if weight else n - 1


def freedom(influence: np.ndarray) -> float:
    """Degrees of freedom of the variance of ``influence`` ``[n]``: of a normal one n - 1."""
    n, squares = len(influence), (influence - influence.mean()) ** 2
    excess = (squares**2).mean() - squares.mean() ** 2  # the variance of the squares
    return float(np.clip(2 * n * squares.mean() ** 2 / excess, 1, n - 1)) if excess else n - 1


def _resampled(
    values: dict[str, float],
    sample: Sample,
    seed: int,
    resamples: int | None,
) -> dict[str, tuple[float, float]]:
    """Ends of P@top's interval and of the ranges, from the same bootstrap samples."""
    n = len(sample.score)
    draws = resamples or int(np.clip(1.5e6 / n, 20, 200))
    replicates: dict[str, list[float]] = {name: [] for name in values}
    for pair in _samples(sample, seed, draws) if values else ():
        for name in values:
            if (replicate := METRICS[name].compute(*pair)) is not None:
                replicates[name].append(replicate)
    ends = {}
    for name, found in replicates.items():
        if name in RANGES:
            low, high = np.quantile(found, [_TAIL, 1 - _TAIL])
            ends[name] = min(low, values[name]), max(high, values[name])
        else:
            ends[name] = _wilson(values[name], float(np.var(found, ddof=1)), n, sample.fraction)
    return ends


def _samples(sample: Sample, seed: int, draws: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Bootstrap samples from a population of which ``sample`` is a fraction.

    Copies of an architecture stand for others of the population: each has noise of its own.
    """
    rng, (score, truth, noise, fraction) = np.random.default_rng(seed), sample
    n = len(score)
    for _ in range(draws):
        if fraction > 0:
            copies = rng.choice(max(n, round(n / fraction)), n, replace=False, shuffle=False)
            chosen = rng.permutation(n)[copies % n]
        else:
            chosen = rng.integers(n, size=n)
        fresh = noise[chosen] * rng.standard_normal(n) * (rng.random(n) < fraction)
        yield score[chosen], truth[chosen] + fresh


def _wilson(value: float, variance: float, n: int, fraction: float) -> tuple[float, float]:
    """Interval of the share ``value`` of the k best, whose ``variance`` was resampled."""
    quantile = student(n - 1)
    if value in (0, 1):
        # Little variation to see: at least the exact binomial bound for 0 (or all) of the k best.
        exact = (1 - _TAIL ** (1 / top_count(n))) * math.sqrt(1 - fraction)
        half = max(exact, quantile * math.sqrt(variance))
        return value - half, value + half
    squeeze = quantile**2 * variance / (value * (1 - value))  # z² / trials
    half = quantile * math.sqrt(variance * (1 + squeeze / (4 * value * (1 - value))))
    centre = (value + squeeze / 2) / (1 + squeeze)
    half /= 1 + squeeze
    return centre - half, centre + half


def _fisher(value: float, deviation: float, freedom: float) -> tuple[float, float]:
    """Interval of a correlation that is symmetric in arctanh(value)."""
    if abs(value) >= 1 or not deviation:
        return value, value
    half = student(freedom) * deviation / (1 - value**2)
    centre = math.atanh(value)
    return math.tanh(centre - half), math.tanh(centre + half)


def student(freedom: float) -> float:
    return float(stats.t.ppf(1 - _TAIL, freedom))
