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
    """Concordance of ``x`` and ``y`` ``[n]`` in O(n log n) time, ties included."""
    return concordance_and_orders(x, y)[0]


def concordance_and_orders(
    x: np.ndarray, y: np.ndarray
) -> tuple[Concordance, np.ndarray, np.ndarray]:
    """Concordance of ``x`` and ``y`` ``[n]``, and what sorts them by x then y, and by y then x.

    With h(d) = 0, 1/2, 1 for d <, =, > 0 the sign of d is 2h(d) - 1, so that the sum of
    sign·sign is 4·sum(h·h) - 2·sum(h) - 2·sum(h) + n, and the sum of h·h needs only counts of
    "both smaller", "one smaller, the other equal" and "both equal".
    """
    n = len(x)
    x, y = dense_ranks(x), dense_ranks(y)
    (x_less, x_equal), (y_less, y_equal) = _marginals(x), _marginals(y)
    by_x, xy_less, both_equal = _sorted(x * n + y)
    by_y, yx_less, _ = _sorted(y * n + x)
    same_x, same_y = xy_less - x_less, yx_less - y_less  # equal in one, smaller in the other
    smaller_y = np.empty(n, np.int64)
    smaller_y[by_x] = sum_of_smaller_before(y[by_x])
    both_less = smaller_y - same_x
    four_hh = 4 * both_less + 2 * (same_x + same_y) + both_equal
    signed = four_hh - (2 * x_less + x_equal) - (2 * y_less + y_equal) + n
    return Concordance(signed, n - x_equal, n - y_equal), by_x, by_y


def _sorted(keys: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What sorts ``keys`` ``[n]``, and per element the numbers of smaller and of equal ones."""
    order, n = np.argsort(keys), len(keys)
    ordered = keys[order]
    starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    sizes = np.diff(starts, append=n)
    less, equal = np.empty(n, np.int64), np.empty(n, np.int64)
    less[order], equal[order] = np.repeat(starts, sizes), np.repeat(sizes, sizes)
    return order, less, equal


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


def sum_of_smaller_before(values: np.ndarray, weight: np.ndarray | None = None) -> np.ndarray:
    """Per element, the sum of ``weight`` over strictly smaller ``values`` at earlier positions.

    Without ``weight``, how many these are. ``values`` are whole numbers from 0. A radix pass per
    bit, highest first: elements that agree in all higher bits form a group, kept in their original
    order; an element with the bit set is larger than exactly those of its group without it, and
    then the group is split by that bit.
    """
    n, bits = len(values), int(values.max()).bit_length()
    below = np.concatenate(([0], np.cumsum(np.bincount(values, minlength=1 << bits))))
    sums = np.zeros(n, np.int64 if weight is None else weight.dtype)
    origin = slot = np.arange(n)
    for bit in reversed(range(bits)):
        lowest = values >> (bit + 1) << (bit + 1)  # of the group
        start, middle = below[lowest], below[lowest + (1 << bit)]
        is_zero = (values >> bit & 1) == 0
        zeros = np.concatenate(([0], np.cumsum(is_zero)))
        zeros_seen = zeros[1:] - zeros[start]
        if weight is None:
            sums[origin] += zeros_seen * ~is_zero
        else:
            weighed = np.concatenate(([0], np.cumsum(is_zero * weight[origin])))
            sums[origin] += (weighed[1:] - weighed[start]) * ~is_zero
        target = np.where(is_zero, start + zeros_seen - 1, middle + slot - start - zeros_seen)
        moved_values, moved_origin = np.empty_like(values), np.empty_like(origin)
        moved_values[target], moved_origin[target] = values, origin
        values, origin = moved_values, moved_origin
    return sums
