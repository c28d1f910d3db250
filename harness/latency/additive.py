"""Latency as a sum: a constant, and what the operator of each site adds where the network runs it.

The usual model of searches under a latency, as ProxylessNAS (Cai et al., ICLR 2019) and FBNet (Wu et
al., CVPR 2019) look operators up. Here the terms are fitted to whole networks by non-negative least
squares (Lawson and Hanson, 1974), so that what operators cost between each other is in them on average.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from searchspaces.base import Arch, SearchSpace

FOLDS, SEED = 5, 0  # of the cross-validation, and of who is in which part


def terms(sizes: Sequence[int]) -> int:
    """Free terms of sites with so many operators each, the constant among them."""
    return 1 + sum(size - 1 for size in sizes)


@dataclass(frozen=True)
class Networks:
    """The ``genes`` of architectures, int ``[n, sites]``, and which sites they run, bool.

    ``sizes``: how many operators each site has.
    """

    genes: np.ndarray
    runs: np.ndarray
    sizes: tuple[int, ...]

    @classmethod
    def of(cls, space: SearchSpace, archs: Sequence[Arch]) -> Networks:
        runs = np.zeros((len(archs), len(space.sites)), dtype=bool)
        for row, arch in enumerate(archs):
            runs[row, list(space.active_sites(arch))] = True
        return cls(np.array(archs), runs, tuple(len(site.operators) for site in space.sites))

    def __getitem__(self, rows: np.ndarray) -> Networks:
        return Networks(self.genes[rows], self.runs[rows], self.sizes)


@dataclass(frozen=True)
class AdditiveModel:
    """``constant`` and, per site, ``[operators]`` in the unit of what was fitted, here ms.

    Of a site that all networks run terms are above its cheapest operator, which has 0; else they
    are above not running it, and ``idle`` has the site. NaN is what no network ran.
    """

    constant: float
    sites: tuple[tuple[float, ...], ...]
    idle: frozenset[int] = frozenset()

    @classmethod
    def fitted(cls, networks: Networks, values: np.ndarray) -> AdditiveModel:
        """The model nearest to ``values`` ``[n]``.

        Sums do not change where a number moves from all operators of a site that always runs to
        the constant: it goes there as far as it can, which makes terms unique where the networks
        tell them apart.
        """
        from scipy.optimize import nnls

        starts = np.concatenate([[0], np.cumsum(networks.sizes)])
        rows, sites = np.nonzero(networks.runs)
        design = np.zeros((len(values), starts[-1] + 1))
        design[rows, starts[sites] + networks.genes[rows, sites]] = 1
        design[:, -1] = 1
        found, _ = nnls(design, values)
        constant, shares, ran = float(found[-1]), [], design.any(axis=0)
        always = networks.runs.all(axis=0)
        for site, (first, last) in enumerate(zip(starts[:-1], starts[1:], strict=True)):
            own = np.where(ran[first:last], found[first:last], math.nan)
            least = float(np.nanmin(own)) if always[site] else 0.0
            constant += least
            shares.append(tuple((own - least).tolist()))
        return cls(constant, tuple(shares), frozenset(np.flatnonzero(~always).tolist()))

    def predict(self, arch: Sequence[int], runs: Sequence[int]) -> float:
        """Of an architecture whose sites ``runs`` run; NaN where the networks did not tell."""
        if len(runs) < len(arch) and not self.idle.issuperset({*range(len(arch))} - {*runs}):
            return math.nan
        return self.constant + sum(self.sites[site][arch[site]] for site in runs)

    def of_space(self, space: SearchSpace) -> Callable[[Arch], float]:
        """:meth:`predict` of the architectures of ``space``."""
        return lambda arch: self.predict(arch, space.active_sites(arch))


def held_out(networks: Networks, values: np.ndarray, folds: int = FOLDS) -> np.ndarray:
    """What models predict, ``[n]``, each of which was fitted to the other parts of ``folds``.

    NaN where those lack an operator.
    """
    order = np.random.default_rng(SEED).permutation(len(values))
    predicted = np.empty(len(values))
    for fold in range(folds):
        rest = np.delete(order, np.s_[fold::folds])
        model = AdditiveModel.fitted(networks[rest], values[rest])
        for row in order[fold::folds]:
            runs = np.flatnonzero(networks.runs[row]).tolist()
            predicted[row] = model.predict(networks.genes[row].tolist(), runs)
    return predicted


def errors(predicted: np.ndarray, values: np.ndarray) -> dict[str, Any]:
    """How far ``predicted`` is from ``values``, both ``[n]`` and in ms, where it is a number.

    ``rmse_ms`` is the root of the mean square, ``relative`` the mean of what the error is of the
    value, ``kendall_tau`` has its 95 % interval.
    """
    from harness.metrics.intervals import measure

    known = np.isfinite(predicted)
    missed = predicted[known] - values[known]
    return {
        "n": int(known.sum()),
        "rmse_ms": math.sqrt(np.mean(missed**2)),
        "relative": float(np.mean(np.abs(missed) / values[known])),
        "kendall_tau": measure("kendall_tau", predicted[known], values[known]),
    }
