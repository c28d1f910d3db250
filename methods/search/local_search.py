"""Local search (White et al., UAI 2021, arXiv:2005.02960): train all neighbours, go to the best.

Algorithm 1 from random starts until the queries are made: where no neighbour is better than the
architecture at hand, it begins anew. An architecture that was trained before is not trained again.
"""

from __future__ import annotations

import numpy as np

from methods.search.candidates import Candidates
from methods.search.table_search import NoOptions, TableSearch


class LocalSearch(TableSearch):
    """Neighbours differ in one gene; in a sample of a space they are the candidates nearest in genes."""

    def __init__(
        self, candidates: Candidates, options: NoOptions, queries: int, rng: np.random.Generator
    ):
        super().__init__(candidates, options, queries, rng)
        self.known: dict[int, float] = {}
        self.at = -1  # the row whose neighbours are being trained
        self.waiting: list[int] = []  # those of them that are not trained yet
        self.around: list[int] = []  # all of them

    def ask(self) -> int:
        while not self.waiting:
            better = [row for row in self.around if self.known[row] > self.known[self.at]]
            if self.at < 0 or not better:
                return self._begin()
            self._go(max(better, key=self.known.__getitem__))
        return self.waiting.pop()

    def tell(self, row: int, accuracy: float) -> None:
        self.known[row] = accuracy
        if self.at < 0:
            self._go(row)

    def _begin(self) -> int:
        """A random start; of what was trained only where nothing else is left."""
        self.at, self.around = -1, []
        fresh = [row for row in self.candidates.rows.tolist() if row not in self.known]
        return int(self.rng.choice(fresh)) if fresh else self.candidates.sample(self.rng)

    def _go(self, row: int) -> None:
        self.at, self.around = row, self.candidates.neighbours(row)
        fresh = [other for other in self.around if other not in self.known]
        self.waiting = [fresh[place] for place in self.rng.permutation(len(fresh))]
