"""Draw the operators of several subnets at one site: diverse, but each one uniformly distributed.

EnNAS eq. 5 prints ``p(o|A) = g(o, A) / (T sum_A' g(o, A'))`` for the operator ``o`` of the next
subnet given those ``A`` of the subnets before; ``g`` is the mean dissimilarity of ``o`` to ``A``,
``T`` the number of operators. It is a joint law of ``o`` and ``A`` rather than a conditional one,
under which ``o`` is uniform, and it takes another law of ``A`` for granted than the one that the
draws before have. What stands here is the closest law that is well defined: of all joint laws with
``o`` uniform and ``A`` as it was drawn, the one with the least Kullback-Leibler divergence from
``g(o, A) P(A)``.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np

FLOOR = 1e-6  # least dissimilarity of two operators: identical ones must not make laws impossible
TOLERANCE = 1e-12
MAX_ROUNDS = 1000
REACH = 5.0  # largest change of a potential in one Newton step


class SamplingLaw:
    """The law of ``draws`` operators taken one after another, each of them uniform for itself.

    ``dissimilarity`` ``[T, T]``, symmetric and non-negative. Without ``replacement`` no operator
    repeats before all ``T`` were drawn; further draws begin anew, independent of those before.
    ``conditional`` maps the operators drawn so far (ascending; without replacement those since the
    last new beginning) to the probabilities ``[T]`` of the next one.
    """

    def __init__(self, dissimilarity: np.ndarray, draws: int, replacement: bool):
        operators = len(dissimilarity)
        self.operators, self.draws, self.replacement = operators, draws, replacement
        dependent = draws if replacement else min(draws, operators)
        self.conditional = {(): np.full(operators, 1 / operators)}
        drawn = {(operator,): 1 / operators for operator in range(operators)}
        for _ in range(1, dependent):
            drawn = self._extend(dissimilarity, drawn)
        self._thresholds = {
            before: np.cumsum(law) / np.sum(law) for before, law in self.conditional.items()
        }

    @classmethod
    def diverse(cls, zeta: np.ndarray, draws: int, replacement: bool) -> SamplingLaw:
        """After the table of :mod:`methods.ennas.diversity`; its diagonal is zero."""
        others = ~np.eye(len(zeta), dtype=bool) if len(zeta) > 1 else True
        return cls(np.maximum(zeta, FLOOR * others), draws, replacement)

    @classmethod
    def uniform(cls, operators: int, draws: int, replacement: bool) -> SamplingLaw:
        """Without a preference: independent draws, or a random order."""
        return cls(np.ones((operators, operators)), draws, replacement)

    def draw(self, rng: np.random.Generator) -> list[int]:
        """The operators of all draws, in their order."""
        drawn: list[int] = []
        for number in range(self.draws):
            begin = 0 if self.replacement else number - number % self.operators
            thresholds = self._thresholds[tuple(sorted(drawn[begin:]))]
            drawn.append(int(np.searchsorted(thresholds, rng.random(), side="right")))
        return drawn

    def _extend(
        self, dissimilarity: np.ndarray, drawn: dict[tuple[int, ...], float]
    ) -> dict[tuple[int, ...], float]:
        """Add the law of the next operator; the law of the collections that include it."""
        before = np.array(list(drawn))
        kernel = dissimilarity[:, before].mean(axis=2)
        if not self.replacement:
            kernel[before.T, np.arange(len(before))] = 0
        joint = fit_margins(kernel, np.array(list(drawn.values())))
        longer: defaultdict[tuple[int, ...], float] = defaultdict(float)
        for column, collection in zip(joint.T, drawn, strict=True):
            self.conditional[collection] = column / drawn[collection]
            for operator in np.flatnonzero(column).tolist():
                longer[tuple(sorted((*collection, operator)))] += column[operator]
        return longer


def fit_margins(kernel: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Scale the rows and columns of ``kernel`` ``[T, S]``: each row sums to 1/T, columns as given.

    Iterative proportional fitting (Sinkhorn & Knopp 1967), sped up: Newton's step for the
    logarithms of the row factors, or a part of it, is taken wherever it comes closer than the next
    round of fitting.
    """
    share = 1 / len(kernel)

    def scaled(potential: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        table = kernel * np.exp(potential - potential.max())[:, None]
        table *= columns / table.sum(axis=0)
        return table, share - table.sum(axis=1)

    potential = np.zeros(len(kernel))
    table, missing = scaled(potential)
    for _ in range(MAX_ROUNDS):
        if np.abs(missing).max() <= TOLERANCE:
            break
        rows = table.sum(axis=1)
        curvature = np.diag(rows) - (table / columns) @ table.T
        newton = np.linalg.pinv(curvature, hermitian=True) @ missing
        newton *= REACH / max(np.abs(newton).max(), REACH)
        steps = (np.log(share / rows), newton, newton / 2, newton / 4)
        tried = [(potential + step, *scaled(potential + step)) for step in steps]
        best = min(tried, key=lambda t: np.abs(t[2]).sum())
        if np.abs(best[2]).sum() >= np.abs(missing).sum():  # below the resolution of float64
            break
        potential, table, missing = best
    return table
