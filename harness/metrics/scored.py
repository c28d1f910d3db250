"""Scored architectures beside their truths, and what is measured of them under a protocol."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from harness.metrics.ceiling import Ceiling, ceiling, training_noise
from harness.metrics.difference import tau_difference
from harness.metrics.floors import Scores, floor_scores, floors
from harness.metrics.intervals import Interval, measure_all
from harness.metrics.metrics import METRICS
from harness.metrics.protocols import protocol
from harness.tabular.table import Table
from searchspaces.base import SearchSpace
from searchspaces.errors import UsageError


@dataclass(frozen=True, eq=False)
class Scored:
    """Architectures ``[n]`` at ``rows`` of ``table``, with score and truth, larger being better.

    ``noise``: the standard error of each truth, None where the table does not tell. ``keys``: equal
    where architectures are isomorphic, None without a ``space``. They are a ``fraction`` of it.
    """

    table: Table
    split: str
    space: SearchSpace | None
    archs: Sequence[str]
    rows: np.ndarray
    score: np.ndarray
    keys: Sequence[Hashable] | None
    fraction: float
    seed: int

    @classmethod
    def of(
        cls,
        table: Table,
        scores: Mapping[str, float],
        split: str,
        *,
        space: SearchSpace | None = None,
        population: int | None = None,
        seed: int = 0,
        lower_is_better: bool = False,
    ) -> Scored:
        """Of ``scores`` (encoded architecture → score), in their order.

        ``population`` is the number of architectures in the space, of which the scored ones are
        taken to be a random sample; by default ``space.size``, or without end if there is no
        ``space``. Raises :class:`UsageError` for architectures that the table lacks, scores that
        are not finite, and fewer than two of them.
        """
        archs, given = list(scores), np.array(list(scores.values()), dtype=float)
        rows = table.index(archs)
        if len(rows) < 2:
            raise UsageError("a ranking needs scores of at least two architectures.")
        if (rows < 0).any():
            raise UsageError(
                f"'{archs[int(np.argmin(rows))]}' is not in the table {table.meta.name}."
            )
        if not np.isfinite(given).all():
            offender = int(np.argmin(np.isfinite(given)))
            raise UsageError(f"the score of '{archs[offender]}' is {given[offender]}.")
        if population is None and space is not None:
            population = space.size
        fraction = len(rows) / population if population and population >= len(rows) else 0.0
        keys = None if space is None else space.canonical_keys(archs)
        score = -given if lower_is_better else given
        return cls(table, split, space, archs, rows, score, keys, fraction, seed)

    @property
    def truth(self) -> np.ndarray:
        """At the resolution of one image."""
        return self.table.truth(self.split)[self.rows]

    @property
    def noise(self) -> np.ndarray | None:
        return noise_of(self.table, self.split, self.rows)

    def sorted(self) -> Scored:
        """In the order of the table; what a protocol chooses does not depend on any other."""
        order = np.argsort(self.rows)
        return replace(
            self,
            archs=[self.archs[i] for i in order],
            rows=self.rows[order],
            score=self.score[order],
            keys=None if self.keys is None else [self.keys[i] for i in order],
        )

    def under(self, name: str) -> dict[str, Any]:
        """Numbers, metrics, floors and ceiling under the protocol ``name``.

        The result has ``n``, the protocol's own numbers (share, intervals, how many),
        ``metrics``, ``floors``, ``over_floors`` and ``ceiling``, all of the architectures that it
        leaves; of classes there are no ``over_floors`` and no ceiling. Raises :class:`UsageError` for an unknown protocol and where
        fewer than two architectures are left.
        """
        chosen, ordered = protocol(name), self.sorted()
        if name == "unique" and ordered.keys is not None:
            return ordered._of_classes(ordered.keys)
        truths = ordered.truth
        if name == "stratified":  # strata are of unrounded truths
            truths = self.table.accuracy(self.split)[ordered.rows]
        kept = chosen.choose(ordered.archs, truths, self.space, self.seed)
        if kept.sum() < 2:
            raise UsageError(f"the protocol {name} leaves fewer than two of the architectures.")
        share = float(kept.mean()) if name.startswith("random-") else 1.0
        rows, fraction = ordered.rows[kept], share * self.fraction
        truth, noise = ordered.truth[kept], ordered.noise
        noise = None if noise is None else noise[kept]
        found = self._measured(ordered.score[kept], truth, noise, fraction)
        without = floor_scores(self.table, rows)
        bounds = references(
            self.table, self.split, rows, without, fraction=fraction, seed=self.seed
        )
        bounds["over_floors"] = over_floors(
            ordered.score[kept],
            without,
            truth,
            fraction=fraction,
            truth_sd=noise,
            seed=self.seed,
        )
        return {"n": len(rows), **chosen.numbers, "metrics": found, **bounds}

    def _of_classes(self, keys: Sequence[Hashable]) -> dict[str, Any]:
        """Of each class of equal ``keys`` the mean, of floors too."""
        noise = np.zeros(len(self.rows)) if self.noise is None else self.noise
        score, truth, deviation = per_class(keys, self.score, self.truth, noise)
        own = {
            name: None if known is None else per_class(keys, known, noise, noise)[0]
            for name, known in floor_scores(self.table, self.rows).items()
        }
        return {
            "n": len(score),
            "metrics": self._measured(score, truth, deviation, self.fraction),
            "floors": floors(truth, own, fraction=self.fraction, truth_sd=deviation),
            "over_floors": {},
            "ceiling": Ceiling(
                single_seed=None, seed_mean=None, validation=None, how="unknown for classes"
            ),
        }

    def _measured(
        self, score: np.ndarray, truth: np.ndarray, noise: np.ndarray | None, fraction: float
    ) -> dict[str, Interval]:
        return measure_all(
            tuple(METRICS), score, truth, fraction=fraction, truth_sd=noise, seed=self.seed
        )


def over_floors(
    score: np.ndarray,
    without: Scores,
    truth: np.ndarray,
    *,
    fraction: float = 0.0,
    truth_sd: np.ndarray | None = None,
    seed: int = 0,
) -> dict[str, Interval]:
    """τ of ``score`` minus τ of each that is known of the floors ``without`` a method."""
    return {
        name: tau_difference(score, own, truth, fraction=fraction, truth_sd=truth_sd, seed=seed)
        for name, own in without.items()
        if own is not None
    }


def references(
    table: Table,
    split: str,
    rows: np.ndarray | None = None,
    without: Scores | None = None,
    *,
    fraction: float = 0.0,
    seed: int = 0,
) -> dict[str, Any]:
    """``floors`` and ``ceiling`` of the architectures at ``rows`` of ``table`` (all if None).

    ``without`` a method they are ranked by these scores; None: by all that is known of them.
    """
    rows = np.arange(len(table)) if rows is None else rows
    truth, per_seed = table.truth(split)[rows], _per_seed(table, split, rows)
    without = floor_scores(table, rows) if without is None else without
    deviation = _truth_deviation(per_seed)
    other = {"test": "val", "val": "test"}.get(split, "")
    measured_twice = f"{other}.{table.meta.epochs}.mean" in table.accuracies
    second = table.accuracy(other)[rows] if measured_twice else None
    return {
        "floors": floors(truth, without, fraction=fraction, truth_sd=deviation),
        "ceiling": ceiling(per_seed, second, truth, seed=seed),
    }


def per_class(
    keys: Sequence[Hashable], score: np.ndarray, truth: np.ndarray, noise: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean score and truth of each class of equal ``keys``, and the standard error of the latter.

    Means are taken of the differences from the smallest of the class, in ascending order: exact
    where all are equal (no tie is broken by rounding) and the same for every order of ``keys``.
    """
    member = np.unique(np.asarray(keys), return_inverse=True)[1]
    size = np.bincount(member)
    start = np.cumsum(size) - size

    def mean(values: np.ndarray) -> np.ndarray:
        ordered = values[np.lexsort((values, member))]
        least = ordered[start]
        return least + np.add.reduceat(ordered - np.repeat(least, size), start) / size

    return mean(score), mean(truth), np.sqrt(mean(noise**2) / size)


def noise_of(table: Table, split: str, rows: np.ndarray) -> np.ndarray | None:
    """Standard error ``[n]`` of the truths at ``rows``; None where the table does not tell."""
    return _truth_deviation(_per_seed(table, split, rows))


def _per_seed(table: Table, split: str, rows: np.ndarray) -> np.ndarray:
    """Accuracy ``[rows, seeds]``, NaN where a seed was not run."""
    columns = [table.accuracy(split, seed=seed)[rows] for seed in table.seeds(split)]
    return np.stack(columns, axis=1) if columns else np.empty((len(rows), 0))


def _truth_deviation(per_seed: np.ndarray) -> np.ndarray | None:
    """Standard error ``[n]`` of the seed means; None where the seeds do not tell."""
    runs = np.isfinite(per_seed).sum(axis=1)
    noise = training_noise(per_seed) if runs.min() > 0 else None
    return None if noise is None else noise / np.sqrt(runs)
