"""For every architecture, how many others it is ordered against alike in two rankings."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Concordance(NamedTuple):
    """Per element, over all *other* elements; three int64 arrays ``[n]``.

    ``signed`` is the number of concordant minus that of discordant others, ``untied_x`` and
    ``untied_y`` the numbers of others with another value.
    """

    signed: np.ndarray
    untied_x: np.ndarray
    untied_y: np.ndarray


def concordance(x: np.ndarray, y: np.ndarray) -> Concordance:
    """Concordance of ``x`` and ``y`` ``[n]`` in O(n log n) time, ties included.

    With h(d) = 0, 1/2, 1 for d <, =, > 0 the sign of d is 2h(d) - 1, so that the sum of
    sign·sign is 4·sum(h·h) - 2·sum(h) - 2·sum(h) + n, and the sum of h·h needs only counts of
    "both smaller", "one smaller, the other equal" and "both equal".
    """
    n = len(x)
    x, y = dense_ranks(x), dense_ranks(y)
    by_x_then_y, by_y_then_x = dense_ranks(x * n + y), dense_ranks(y * n + x)
    (x_less, x_equal), (y_less, y_equal) = _marginals(x), _marginals(y)
    (xy_less, both_equal), (yx_less, _) = _marginals(by_x_then_y), _marginals(by_y_then_x)
    # Equal x in descending y: whoever comes earlier with a smaller y also has a smaller x.
    order = np.argsort(x * n + (n - 1 - y))
    both_less = np.empty(n, np.int64)
    both_less[order] = sum_of_smaller_before(y[order], np.ones(n, np.int64))
    one_equal = (xy_less - x_less) + (yx_less - y_less)
    four_hh = 4 * both_less + 2 * one_equal + both_equal
    signed = four_hh - (2 * x_less + x_equal) - (2 * y_less + y_equal) + n
    return Concordance(signed, n - x_equal, n - y_equal)


def dense_ranks(values: np.ndarray) -> np.ndarray:
    """Ranks 0, 1, 2, ... without gaps; equal values share one."""
    order = np.argsort(values)
    ordered = values[order]
    ranks = np.empty(len(values), np.int64)
    ranks[order] = np.cumsum(np.concatenate(([False], ordered[1:] != ordered[:-1])))
    return ranks


def _marginals(ranks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Per element, the number of smaller elements and of equal ones (itself included)."""
    counts = np.bincount(ranks)
    return (np.cumsum(counts) - counts)[ranks], counts[ranks]


def sum_of_smaller_before(values: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Per element, the sum of ``weight`` over strictly smaller ``values`` at earlier positions.

    ``values`` are whole numbers from 0. A radix pass per bit, highest first: elements that agree in
    all higher bits form a group, kept in their original order; an element with the bit set is
    larger than exactly those of its group without it, and then the group is split by that bit.
    """
    n = len(values)
    sums, origin, slot = np.zeros(n, weight.dtype), np.arange(n), np.arange(n)
    for bit in reversed(range(int(values.max()).bit_length())):
        is_one = (values >> bit) & 1
        group = values >> (bit + 1)
        start = np.flatnonzero(np.concatenate(([True], group[1:] != group[:-1])))
        size = np.diff(start, append=n)
        zeros = np.concatenate(([0], np.cumsum(1 - is_one)))
        zeros_seen = zeros[1:] - np.repeat(zeros[start], size)
        zeros_in_group = np.repeat(np.diff(zeros[start], append=zeros[-1]), size)
        weighed = np.concatenate(([0], np.cumsum((1 - is_one) * weight[origin])))
        sums[origin] += (weighed[1:] - np.repeat(weighed[start], size)) * is_one
        to_zeros = np.repeat(start, size) + zeros_seen - 1
        target = np.where(is_one, slot + zeros_in_group - zeros_seen, to_zeros)
        moved_values, moved_origin = np.empty_like(values), np.empty_like(origin)
        moved_values[target], moved_origin[target] = values, origin
        values, origin = moved_values, moved_origin
    return sums
