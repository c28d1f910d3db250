"""What a search may spend, and where its curve is looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from searchspaces.errors import UsageError


@dataclass(frozen=True)
class Budget:
    """``total``, and what each row of the table takes of it, ``[rows]`` for each length of training.

    The lengths are in ascending order; the last is that of a whole training. In seconds, or in
    epochs: then ``unit`` is how many of them a query has. The training that would go beyond the
    total is not made, as in the code of NAS-Bench-201.
    """

    costs: Sequence[np.ndarray]
    total: float
    unit: float = 1.0

    @classmethod
    def of_queries(cls, queries: int, epochs: Sequence[int], rows: int) -> Budget:
        """As many epochs as ``queries`` whole trainings have; each training costs its own."""
        return cls([np.full(rows, float(e)) for e in epochs], queries * epochs[-1], epochs[-1])

    def most_trainings(self, rows: np.ndarray) -> int:
        """Trainings of candidates at ``rows`` that the total could pay for.

        Raises :class:`UsageError` where it may not pay for a whole one.
        """
        dearest = self.costs[-1][rows].max()
        if dearest > self.total:
            raise UsageError(
                f"{self.total:,g} seconds are less than one training takes (up to "
                f"{dearest:,.0f}); raise --budget-seconds."
            )
        return int(self.total / min(cost[rows].min() for cost in self.costs))

    def points(self, rows: np.ndarray) -> np.ndarray:
        """:func:`checkpoints` in seconds, from the first at which every search has an incumbent."""
        dearest = self.costs[-1][rows].max()
        series = checkpoints(int(self.total))[:-1]
        return np.array([*series[series >= dearest], self.total], dtype=float)


def checkpoints(queries: int) -> np.ndarray:
    """1, 2, 5, 10, 20, 50, ... below ``queries``, then ``queries`` itself."""
    series = [lead * 10**power for power in range(len(str(queries))) for lead in (1, 2, 5)]
    return np.array([*(point for point in series if point < queries), queries])
