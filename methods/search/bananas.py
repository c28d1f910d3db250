"""BANANAS (White et al., AAAI 2021, arXiv:1910.11858): an ensemble predicts accuracies, a draw decides.

Every few trainings an ensemble of small networks learns all accuracies so far. Of candidates, which are
mutations of the best, that with the best sample of the predictive law is trained next (independent
Thompson sampling). The ensemble is scikit-learn's; the paper has networks of 20 layers of 20 units and
an error relative to a lower bound, here they have two layers and squared errors.

An architecture is encoded by its paths: which sequences of operators lead from the input of a
NAS-Bench-201 cell to its output. In other spaces, as in the paper where there are too many paths, by one
indicator for each operator of each site.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from methods.options import check_limits, option
from methods.search.candidates import Candidates
from methods.search.table_search import TableSearch
from searchspaces.base import Arch, SearchSpace

SIZES, PENALTY = (20, 20), 0.01  # of a network: layers, and the L2 penalty of its weights


@dataclass(frozen=True)
class BANANASOptions:
    """Defaults of the released code but for the networks."""

    initial: int = option(10, "random trainings before the first prediction")
    every: int = option(10, "trainings between two fits")
    networks: int = option(5, "networks of the ensemble")
    candidates: int = option(100, "mutations of the best that are predicted for each training")
    parents: int = option(10, "best architectures that are mutated")

    def __post_init__(self) -> None:
        """Raises :class:`UsageError` for numbers below 1."""
        limits = {f"bananas.{name}": (1.0, 1e6) for name in vars(self)}
        check_limits({f"bananas.{name}": value for name, value in vars(self).items()}, limits)


class BANANAS(TableSearch):
    """No architecture is trained twice while there are others."""

    Options = BANANASOptions

    def __init__(
        self,
        candidates: Candidates,
        options: BANANASOptions,
        queries: int,
        rng: np.random.Generator,
    ):
        super().__init__(candidates, options, queries, rng)
        self.known: dict[int, float] = {}
        self.waiting: list[int] = []

    def ask(self) -> int:
        if len(self.known) < self.options.initial:
            return self.candidates.sample(self.rng)
        if not self.waiting:
            self.waiting = self._next()
        return self.waiting.pop(0)

    def tell(self, row: int, accuracy: float) -> None:
        self.known[row] = accuracy

    def _next(self) -> list[int]:
        """The best samples among mutations of the best architectures, best first."""
        rows = self._mutations()
        predicted = self.predicted(rows)
        spread = predicted.std(axis=0, ddof=1 if len(predicted) > 1 else 0)
        drawn = self.rng.normal(predicted.mean(axis=0), spread)
        order = np.argsort(-drawn, kind="stable")[: self.options.every]
        return [rows[place] for place in order]

    def _mutations(self) -> list[int]:
        best = sorted(self.known, key=self.known.__getitem__, reverse=True)[: self.options.parents]
        fresh: dict[int, None] = {}
        for _ in range(20 * self.options.candidates):
            row = self.candidates.neighbour(best[self.rng.integers(len(best))], self.rng)
            if row not in self.known:
                fresh[row] = None
            if len(fresh) == self.options.candidates:
                break
        others = [row for row in self.candidates.rows.tolist() if row not in self.known]
        return list(fresh) or others or self.candidates.rows.tolist()

    def predicted(self, rows: Sequence[int]) -> np.ndarray:
        """Of each network the accuracies of ``rows``: ``[networks, rows]`` in percent."""
        from sklearn.neural_network import MLPRegressor

        space, arch = self.candidates.space, self.candidates.arch
        seen = np.array([encoding(space, arch(row)) for row in self.known])
        asked = np.array([encoding(space, arch(row)) for row in rows])
        accuracies = np.array(list(self.known.values()))
        mean, spread = accuracies.mean(), accuracies.std() or 1.0
        found = []
        for _ in range(self.options.networks):
            seed = int(self.rng.integers(2**31))
            network = MLPRegressor(
                hidden_layer_sizes=SIZES, solver="lbfgs", alpha=PENALTY, random_state=seed
            )
            with warnings.catch_warnings():  # enough steps are enough
                warnings.simplefilter("ignore")
                network.fit(seen, (accuracies - mean) / spread)
            found.append(network.predict(asked))
        return np.array(found) * spread + mean


def encoding(space: SearchSpace, arch: Arch) -> list[float]:
    """Indicators of paths in NAS-Bench-201, else of the operators of all sites."""
    if space.name != "nb201":
        pairs = zip(space.sites, arch, strict=True)
        return [float(gene == op) for site, gene in pairs for op in range(len(site.operators))]
    from searchspaces.nb201.cell import NONE, OPERATORS, WAYS

    real = [op for op in range(len(OPERATORS)) if op != NONE]
    own = {tuple(arch[edge] for edge in way) for way in WAYS}
    lengths = sorted({len(way) for way in WAYS})
    return [float(path in own) for length in lengths for path in product(real, repeat=length)]
