"""Columns of numbers that several runs share are kept once; long ones are thinned out."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np


class Pool:
    """Lists of numbers; equal ones have one place in ``columns``."""

    def __init__(self) -> None:
        self.columns: list[list[float]] = []
        self._places: dict[tuple[float, ...], int] = {}

    def add(self, values: Iterable[float]) -> int:
        """The place of ``values`` in ``columns``."""
        column = tuple(values)
        if column not in self._places:
            self._places[column] = len(self.columns)
            self.columns.append(list(column))
        return self._places[column]


def thinned(n: int, most: int) -> np.ndarray:
    """At most ``most`` of the places 0 to n - 1, evenly spaced, with the first and the last."""
    if n <= most:
        return np.arange(n)
    return np.linspace(0, n - 1, most).round().astype(int)
