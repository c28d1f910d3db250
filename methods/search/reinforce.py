"""REINFORCE (Williams 1992) with a categorical policy per choice site.

As the authors of NAS-Bench-101 and NAS-Bench-201 run it: independent logits for every site, one
update per training, and the reward's exponential moving average as the baseline (Ying et al., ICML
2019; Dong & Yang, ICLR 2020, with the Adam optimiser of AutoDL-Projects, exps/NATS-algos).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from methods.options import option
from methods.search.candidates import TRIES, Candidates
from methods.search.table_search import TableSearch
from searchspaces.errors import UsageError

BETAS, EPSILON = (0.9, 0.999), 1e-8


@dataclass(frozen=True)
class REINFORCEOptions:
    """Defaults of NATS-Bench (Dong et al. 2021)."""

    lr: float = option(0.01, "Adam's learning rate; NAS-Bench-201 has 0.001, NATS-Bench 0.01")
    momentum: float = option(0.9, "decay of the baseline, the moving average of the rewards")

    def __post_init__(self) -> None:
        if not 0 < self.lr < np.inf:
            raise UsageError(f"--reinforce.lr must be a number above 0, not {self.lr}.")
        if not 0 <= self.momentum < 1:
            raise UsageError(f"--reinforce.momentum is from 0 to below 1, not {self.momentum}.")


class REINFORCE(TableSearch):
    """Ascends the expected validation accuracy by its policy gradient.

    ``logits`` are ``[sites, operators of the largest site]``, at first all zero. In a complete
    table the sites are drawn independently, anew until they make a candidate. In a sample of the
    space the probability of a candidate is the product over its sites, divided by the sum of these
    products over all candidates. Adam does not see the unit of the reward.
    """

    Options = REINFORCEOptions

    def __init__(
        self,
        candidates: Candidates,
        options: REINFORCEOptions,
        queries: int,
        rng: np.random.Generator,
    ):
        super().__init__(candidates, options, queries, rng)
        operators = np.array([len(site.operators) for site in candidates.space.sites])
        self.last, self.sites = operators - 1, np.arange(len(operators))
        self.logits = np.zeros((len(operators), operators.max()))
        self.absent = np.where(np.arange(operators.max()) < operators[:, None], 0.0, -np.inf)
        self.first, self.second = np.zeros_like(self.logits), np.zeros_like(self.logits)
        self.steps, self.baseline, self.weight = 0, 0.0, 0.0
        self.gradient = np.zeros_like(self.logits)  # of the log-probability of what was asked for

    def ask(self) -> int:
        return self._ask_sites() if self.candidates.complete else self._ask_rows()

    def tell(self, row: int, accuracy: float) -> None:
        keep = self.options.momentum
        self.baseline = keep * self.baseline + (1 - keep) * accuracy
        self.weight = keep * self.weight + (1 - keep)
        self._ascend((accuracy - self.baseline / self.weight) * self.gradient)

    def probabilities(self) -> np.ndarray:
        """Of the operators of each site ``[sites, operators]``, were sites independent."""
        return _softmax(self.logits + self.absent)

    def _ask_sites(self) -> int:
        chances = self.probabilities()
        below = chances.cumsum(axis=1)
        for _ in range(TRIES):
            drawn = (below <= self.rng.random((len(below), 1))).sum(axis=1)
            genes = np.minimum(drawn, self.last)
            row = self.candidates.find(tuple(genes.tolist()))
            if row >= 0:
                self.gradient = -chances
                self.gradient[self.sites, genes] += 1
                return row
        raise UsageError(
            f"REINFORCE drew {TRIES:,} architectures and none can be trained; widen the limits, such as --max-madds."
        )

    def _ask_rows(self) -> int:
        genes = self.candidates.genes
        chances = _softmax(self.logits[self.sites, genes].sum(axis=1))
        drawn = int(np.searchsorted(chances.cumsum(), self.rng.random(), side="right"))
        drawn = min(drawn, len(genes) - 1)
        # A row's genes as places in the flat logits: sums over rows become one bincount.
        places = (self.sites * self.logits.shape[1] + genes).ravel()
        weights = np.repeat(-chances, len(self.sites))
        self.gradient = np.bincount(places, weights, self.logits.size).reshape(self.logits.shape)
        self.gradient[self.sites, genes[drawn]] += 1
        return int(self.candidates.rows[drawn])

    def _ascend(self, gradient: np.ndarray) -> None:
        """One step of Adam (Kingma & Ba 2015, Algorithm 1), upwards."""
        self.steps += 1
        self.first = BETAS[0] * self.first + (1 - BETAS[0]) * gradient
        self.second = BETAS[1] * self.second + (1 - BETAS[1]) * gradient**2
        first = self.first / (1 - BETAS[0] ** self.steps)
        second = self.second / (1 - BETAS[1] ** self.steps)
        self.logits += self.options.lr * first / (np.sqrt(second) + EPSILON)


def _softmax(logits: np.ndarray) -> np.ndarray:
    """Over the last axis."""
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)
