"""Regularised evolution (Real et al., AAAI 2019, arXiv:1802.01548, Algorithm 1)."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from operator import itemgetter

import numpy as np

from methods.options import option
from methods.search.candidates import Candidates
from methods.search.table_search import TableSearch
from searchspaces.errors import UsageError

USUAL_POPULATION = 100


@dataclass(frozen=True)
class REAOptions:
    """Defaults as Real et al. and, on NAS-Bench-101, Ying et al. (2019) have them."""

    population: int = option(
        0, f"members; 0: {USUAL_POPULATION}, or a third of the queries where that is less"
    )
    sample: int = option(10, "members drawn, with replacement, of which the best is the parent")

    def __post_init__(self) -> None:
        for name, least in (("population", 0), ("sample", 1)):
            if getattr(self, name) < least:
                raise UsageError(
                    f"--rea.{name} must be at least {least}, not {getattr(self, name)}."
                )


class REA(TableSearch):
    """A queue of members: the best of a few drawn ones has a child, and the oldest leaves.

    The first members are random. Raises :class:`UsageError` for a population that leaves no query
    to evolve it.
    """

    Options = REAOptions

    def __init__(
        self, candidates: Candidates, options: REAOptions, queries: int, rng: np.random.Generator
    ):
        super().__init__(candidates, options, queries, rng)
        self.size = options.population or min(USUAL_POPULATION, max(1, queries // 3))
        if options.population >= queries:
            raise UsageError(
                f"a population of {options.population} leaves none of {queries} queries to evolve "
                "it; lower --rea.population or raise --queries."
            )
        self.members: deque[tuple[float, int]] = deque(maxlen=self.size)

    def ask(self) -> int:
        if len(self.members) < self.size:
            return self.candidates.sample(self.rng)
        drawn = self.rng.integers(self.size, size=self.options.sample).tolist()
        _, parent = max((self.members[index] for index in drawn), key=itemgetter(0))
        return self.candidates.neighbour(parent, self.rng)

    def tell(self, row: int, accuracy: float) -> None:
        self.members.append((accuracy, row))
