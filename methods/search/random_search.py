"""Random search: every query is an architecture drawn uniformly, with replacement."""

from __future__ import annotations

from methods.search.table_search import TableSearch


class RandomSearch(TableSearch):
    """What it finds can be told without running it (:mod:`harness.simulation.simulate`)."""

    def ask(self) -> int:
        return self.candidates.sample(self.rng)
