"""Means over seeds, and differences between configurations seed by seed, with 95 % t intervals."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from scipy import stats

from harness.metrics.intervals import CONFIDENCE, Interval


def mean_interval(values: Sequence[float | None]) -> Interval:
    """Mean with Student's t interval over ``values``, of which n is the number.

    None where any value is: what failed is not left out of a mean. No interval for one value.
    """
    n = len(values)
    if not n or any(value is None for value in values):
        return Interval(value=None, low=None, high=None, n=n)
    mean = float(np.mean(values))
    if n == 1:
        return Interval(value=mean, low=None, high=None, n=n)
    error = float(np.std(values, ddof=1)) / math.sqrt(n)
    half = float(stats.t.ppf((1 + CONFIDENCE) / 2, n - 1)) * error
    return Interval(value=mean, low=mean - half, high=mean + half, n=n)


def paired_difference(
    own: Mapping[int, float | None], reference: Mapping[int, float | None]
) -> Interval:
    """Mean of own minus reference over the seeds that both have; n is their number.

    Runs of one seed share their random numbers and architectures, so that what these do to both
    cancels. The interval is over seeds; the architectures are taken as given.
    """
    pairs = [(own[seed], reference[seed]) for seed in sorted(own.keys() & reference.keys())]
    return mean_interval([None if None in pair else pair[0] - pair[1] for pair in pairs])


def is_shown(difference: Interval) -> bool:
    """Whether the interval of a difference exists and excludes zero."""
    low, high = difference["low"], difference["high"]
    return low is not None and high is not None and (low > 0 or high < 0)
