"""All metrics on all architectures, on the unique ones and on the best."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np

from harness.metrics.intervals import Interval, measure
from harness.metrics.metrics import METRICS, top_count

Metrics = dict[str, dict[str, Interval]]


def evaluate(
    score: np.ndarray,
    truth: np.ndarray,
    keys: Sequence[Hashable] | None = None,
    *,
    fraction: float = 0.0,
    truth_sd: np.ndarray | None = None,
    seed: int = 0,
) -> Metrics:
    """Subset → metric → value with 95 % interval, of ``score`` against ``truth`` ``[n]``.

    ``all``: every architecture. ``unique``: one per canonical key in ``keys`` (every one its own
    if None), with the mean score and the mean truth of its class. ``top10``: the 10 % best by
    truth, all that equal the last of them included. ``fraction``, ``truth_sd`` ``[n]`` and
    ``seed`` as in :func:`harness.metrics.intervals.measure`.
    """
    noise = np.zeros(len(truth)) if truth_sd is None else truth_sd
    k = top_count(len(truth))
    best = truth >= np.partition(truth, -k)[-k]

    def metrics(score: np.ndarray, truth: np.ndarray, noise: np.ndarray) -> dict[str, Interval]:
        options = {"fraction": fraction, "truth_sd": noise, "seed": seed}
        return {name: measure(name, score, truth, **options) for name in METRICS}

    everyone = metrics(score, truth, noise)
    merged = keys is not None and len(set(keys)) < len(truth)
    return {
        "all": everyone,
        "unique": metrics(*_per_class(keys, score, truth, noise)) if merged else everyone,
        "top10": metrics(score[best], truth[best], noise[best]),
    }


def _per_class(
    keys: Sequence[Hashable], score: np.ndarray, truth: np.ndarray, noise: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean score and truth of each class of equal ``keys``, and the standard error of the latter.

    Means are taken of the differences from the smallest of the class, in ascending order: exact
    where all are equal (no tie is broken by rounding) and the same for every order of ``keys``.
    """
    member = np.unique(np.asarray(keys), return_inverse=True)[1]
    size = np.bincount(member)
    start = np.cumsum(size) - size

    def mean(values: np.ndarray) -> np.ndarray:
        ordered = values[np.lexsort((values, member))]
        least = ordered[start]
        return least + np.add.reduceat(ordered - np.repeat(least, size), start) / size

    return mean(score), mean(truth), np.sqrt(mean(noise**2) / size)
