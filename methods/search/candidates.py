"""The architectures that a search on a table can train, and the moves between them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, lru_cache

import numpy as np

from searchspaces.base import Arch, SearchSpace
from searchspaces.errors import UsageError

TRIES = 10_000
_REMEMBERED = 1 << 16


class Candidates:
    """Rows of a table: those of ``archs`` (encoded, row by row) that are ``allowed``.

    ``allowed`` is bool ``[rows]``, by default all true. If ``archs`` are all of the space it is
    ``complete``: moves are then the space's own, redrawn until they hit a candidate. Of a sample
    of the space one step by the space's own move hits next to nothing; searches then move between
    the candidates themselves. ``epochs``: of the trainings that each can be given, ascending, a
    whole one last; empty where there is one length only. Raises :class:`UsageError` for fewer than
    two candidates.
    """

    def __init__(
        self,
        space: SearchSpace,
        archs: Sequence[str],
        allowed: np.ndarray | None = None,
        epochs: Sequence[int] = (),
    ):
        self.space, self.complete, self.epochs = space, len(archs) == space.size, tuple(epochs)
        self.rows = np.arange(len(archs)) if allowed is None else np.flatnonzero(allowed)
        if len(self.rows) < 2:
            raise UsageError(
                f"{len(self.rows)} of the {len(archs):,} architectures of the table can be "
                "trained, and a search needs two; widen the limits, such as --max-madds, or take a larger table."
            )
        self._archs = archs
        self._row_of = {archs[row]: row for row in self.rows.tolist()}
        # Queries repeat themselves; without these, strings would be all that a search works on.
        self.arch = lru_cache(_REMEMBERED)(self._arch)
        self.find = lru_cache(_REMEMBERED)(self._find)
        self._nearest = lru_cache(_REMEMBERED)(self._nearest_rows)

    def __len__(self) -> int:
        return len(self.rows)

    def sample(self, rng: np.random.Generator) -> int:
        """A candidate, each with the same probability."""
        return int(self.rows[rng.integers(len(self.rows))])

    def neighbour(self, row: int, rng: np.random.Generator) -> int:
        """A mutation of the candidate ``row``, never itself.

        In a complete table by the space's own ``neighbour``; raises :class:`UsageError` if no
        candidate is found that way. Otherwise one of the candidates at the smallest Hamming
        distance of the genes, each with the same probability.
        """
        if not self.complete:
            nearest = self._nearest(row)
            return int(nearest[rng.integers(len(nearest))])
        for _ in range(TRIES):
            child = self.find(self.space.neighbour(self.arch(row), rng))
            if child not in (-1, row):
                return child
        raise UsageError(
            f"no architecture next to {self._archs[row]} can be trained; widen the limits, such as --max-madds."
        )

    def neighbours(self, row: int) -> list[int]:
        """All candidates that differ from ``row`` in one gene; in a sample of the space the nearest."""
        if not self.complete:
            return self._nearest(row).tolist()
        arch, found = self.arch(row), []
        for site, choice in enumerate(self.space.sites):
            others = (gene for gene in range(len(choice.operators)) if gene != arch[site])
            found += [self.find((*arch[:site], gene, *arch[site + 1 :])) for gene in others]
        return [other for other in found if other >= 0]

    def closest(self, arch: Arch, rng: np.random.Generator) -> int:
        """The candidate ``arch`` itself, else one at the smallest Hamming distance of the genes.

        Of several as near each has the same probability.
        """
        row = self.find(arch)
        if row >= 0:
            return row
        distances = (self.genes != arch).sum(axis=1)
        near = self.rows[distances == distances.min()]
        return int(near[rng.integers(len(near))])

    @cached_property
    def genes(self) -> np.ndarray:
        """The genes of the candidates, in the order of ``rows``: int64 ``[candidates, sites]``."""
        return np.array([self.arch(row) for row in self.rows.tolist()])

    def _arch(self, row: int) -> Arch:
        """The architecture in ``row``."""
        return self.space.decode(self._archs[row])

    def _find(self, arch: Arch) -> int:
        """The row of the candidate ``arch``; -1 if it is none, or no architecture at all."""
        try:
            return self._row_of.get(self.space.encode(arch), -1)
        except UsageError:
            return -1

    def _nearest_rows(self, row: int) -> np.ndarray:
        distances = (self.genes != self.arch(row)).sum(axis=1)
        distances[self.rows == row] = len(self.space.sites) + 1
        return self.rows[distances == distances.min()]
