"""Random search: every query is an architecture drawn uniformly, with replacement.

What it finds can be told without running it (:mod:`harness.simulation.simulate`).
"""

from __future__ import annotations

from methods.search.table_search import TableSearch


class RandomSearch(TableSearch):
    """Without memory."""

    def ask(self) -> int:
        return self.candidates.sample(self.rng)
