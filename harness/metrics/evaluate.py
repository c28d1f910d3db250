"""Evaluation without training: scores against ground truth, with floors and ceiling beside them."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from harness.metrics.caveats import notes_on_intervals, notes_on_scores
from harness.metrics.ceiling import ceiling, training_noise
from harness.metrics.difference import tau_difference
from harness.metrics.floors import floors
from harness.metrics.intervals import Interval, measure, measure_all
from harness.metrics.metrics import METRICS
from harness.metrics.protocols import best, protocol
from harness.tabular.ground_truth import unusual_truth
from harness.tabular.table import Table
from searchspaces.base import SearchSpace
from searchspaces.errors import UsageError

Metrics = dict[str, dict[str, Interval]]


def evaluate_scores(
    table: Table,
    scores: Mapping[str, float],
    split: str,
    *,
    space: SearchSpace | None = None,
    population: int | None = None,
    seed: int = 0,
    lower_is_better: bool = False,
    protocols: Sequence[str] = (),
) -> dict[str, Any]:
    """Metrics, floors and ceiling of ``scores`` (encoded architecture → score).

    The result has ``space, task, split, truth`` (the training of the table's test networks, and
    ``truth_images``, the number of its images or None), ``epochs`` (0: not known), ``n, n_table``, ``metrics`` (subset → metric →
    interval, see :func:`evaluate`), ``floors``, ``over_floors`` (τ minus that of each floor whose
    sizes are known, :mod:`harness.metrics.difference`), ``ceiling`` and ``notes`` (plain
    sentences), and is JSON without NaN. Truth is the table's at the resolution of one image.
    ``space`` gives the canonical keys of the subset ``unique``; without it every architecture
    counts as unique. ``population`` is the number of architectures in the space, of which the
    scored ones are taken to be a random sample; by default ``space.size``, or without end if
    there is no ``space``. ``seed`` fixes the resampling. Where ``lower_is_better``, smaller
    scores are better. ``protocols`` (:mod:`harness.metrics.protocols`): each is an entry of the
    result's ``protocols``, with ``n``, its numbers, its ``metrics`` and ``floors`` on the same
    architectures. Raises :class:`UsageError` for architectures that the table lacks, scores that are not finite, and fewer than two of them.
    """
    archs, given = list(scores), np.array(list(scores.values()), dtype=float)
    score = -given if lower_is_better else given
    rows = table.index(archs)
    if len(rows) < 2:
        raise UsageError("a ranking needs scores of at least two architectures.")
    if (rows < 0).any():
        raise UsageError(f"'{archs[int(np.argmin(rows))]}' is not in the table {table.meta.name}.")
    if not np.isfinite(score).all():
        offender = int(np.argmin(np.isfinite(score)))
        raise UsageError(f"the score of '{archs[offender]}' is {score[offender]}.")
    if population is None and space is not None:
        population = space.size
    fraction = len(rows) / population if population and population >= len(rows) else 0.0
    truth, truth_sd = table.truth(split)[rows], _truth_deviation(_per_seed(table, split, rows))
    keys = None if space is None else space.canonical_keys(archs)
    deviation = np.zeros(len(rows)) if truth_sd is None else truth_sd
    measured = Scored.in_order(
        archs, rows, score, truth, deviation, keys, fraction=fraction, seed=seed
    )
    result = {
        "space": table.meta.space,
        "task": table.meta.task,
        "split": split,
        "truth": table.meta.truth,
        "truth_images": table.meta.truths[table.meta.truth] or None,
        "epochs": table.meta.epochs if table.meta.training.get("epochs_known", True) else 0,
        "n": len(rows),
        "n_table": len(table),
        "metrics": evaluate(score, truth, keys, fraction=fraction, truth_sd=truth_sd, seed=seed),
        "metrics_at": {"precision_at_top": {"share": 0.1}, "best_rank_at_k": {"k": 10}},
        "protocols": {name: measured.under(name, space, table, split) for name in protocols},
        **references(table, split, rows, fraction=fraction, seed=seed),
        "over_floors": {
            name: tau_difference(
                score, size[rows], truth, fraction=fraction, truth_sd=truth_sd, seed=seed
            )
            for name, size in (("params", table.params), ("flops", table.madds))
            if size is not None
        },
    }
    notes = [unusual_truth(table)] if split == "test" else []
    notes += notes_on_scores(result, given, lower_is_better)
    notes += notes_on_intervals(fraction, truth_sd is not None, keys is not None)
    return result | {"notes": [note for note in notes if note]}


def tau_of(
    table: Table, rows: np.ndarray, scores: np.ndarray, split: str, population: int
) -> Interval:
    """Kendall τ-b alone of ``scores`` ``[n]`` of the architectures at ``rows`` of ``table``.

    As :func:`evaluate_scores` has it; undefined where a score is not finite.
    """
    if not np.isfinite(scores).all():
        return Interval(value=None, low=None, high=None, n=len(rows))
    return measure(
        "kendall_tau",
        scores,
        table.truth(split)[rows],
        fraction=len(rows) / population,
        truth_sd=_truth_deviation(_per_seed(table, split, rows)),
    )


class Scored(NamedTuple):
    """Scored architectures in the order of the table, and all that is measured of them, ``[n]``."""

    archs: Sequence[str]
    rows: np.ndarray
    score: np.ndarray
    truth: np.ndarray
    noise: np.ndarray
    keys: Sequence[Hashable] | None
    fraction: float
    seed: int

    @classmethod
    def in_order(
        cls, archs: Sequence[str], rows: np.ndarray, *columns: Any, fraction: float, seed: int
    ) -> Scored:
        """Of ``columns`` in any order; what a protocol chooses does not depend on it."""
        order = np.argsort(rows)
        *values, keys = columns
        named = [archs[i] for i in order]
        score, truth, noise = (value[order] for value in values)
        known = None if keys is None else [keys[i] for i in order]
        return cls(named, rows[order], score, truth, noise, known, fraction, seed)

    def under(
        self, name: str, space: SearchSpace | None, table: Table, split: str
    ) -> dict[str, Any]:
        """Metrics and floors under the protocol ``name``; strata are of unrounded truths."""
        chosen = protocol(name)
        truths = table.accuracy(split)[self.rows] if name == "stratified" else self.truth
        kept = chosen.choose(self.archs, truths, space, self.seed)
        if kept.sum() < 2:
            raise UsageError(f"the protocol {name} leaves fewer than two of the architectures.")
        sizes = (
            None if s is None else s[self.rows].astype(float) for s in (table.params, table.madds)
        )
        share = float(kept.mean()) if name.startswith("random-") else 1.0

        def of(metrics: Sequence[str], values: np.ndarray) -> dict[str, Interval]:
            columns = values, self.truth, self.noise
            if name == "unique" and self.keys is not None:
                ranked, truth, noise = _per_class(self.keys, *columns)
            else:
                ranked, truth, noise = (column[kept] for column in columns)
            fraction, seed = self.fraction * share, self.seed
            return measure_all(metrics, ranked, truth, fraction=fraction, truth_sd=noise, seed=seed)

        metrics = of(tuple(METRICS), self.score)
        floor = {
            kind: of(["kendall_tau"], size)["kendall_tau"]
            for kind, size in zip(("params", "flops"), sizes, strict=True)
            if size is not None
        }
        n = metrics["kendall_tau"]["n"]
        return {"n": n, **chosen.numbers, "metrics": metrics, "floors": floor}


def references(
    table: Table,
    split: str,
    rows: np.ndarray | None = None,
    *,
    fraction: float = 0.0,
    seed: int = 0,
) -> dict[str, Any]:
    """``floors`` and ``ceiling`` of the architectures at ``rows`` of ``table`` (all if None)."""
    rows = np.arange(len(table)) if rows is None else rows
    truth, per_seed = table.truth(split)[rows], _per_seed(table, split, rows)
    sizes = (None if size is None else size[rows] for size in (table.params, table.madds))
    deviation = _truth_deviation(per_seed)
    other = {"test": "val", "val": "test"}.get(split, "")
    measured_twice = f"{other}.{table.meta.epochs}.mean" in table.accuracies
    second = table.accuracy(other)[rows] if measured_twice else None
    return {
        "floors": floors(truth, *sizes, fraction=fraction, truth_sd=deviation),
        "ceiling": ceiling(per_seed, second, truth, seed=seed),
    }


def evaluate(
    score: np.ndarray,
    truth: np.ndarray,
    keys: Sequence[Hashable] | None = None,
    *,
    fraction: float = 0.0,
    truth_sd: np.ndarray | None = None,
    seed: int = 0,
) -> Metrics:
    """Subset → metric → value with 95 % interval, of ``score`` against ``truth`` ``[n]``.

    ``all``: every architecture. ``unique``: one per canonical key in ``keys`` (every one its own
    if None), with the mean score and the mean truth of its class. ``top10``: the 10 % best by
    truth, all that equal the last of them included. ``fraction``, ``truth_sd`` ``[n]`` and
    ``seed`` as in :func:`harness.metrics.intervals.measure`.
    """
    noise = np.zeros(len(truth)) if truth_sd is None else truth_sd
    top = best(truth, 0.1)

    def metrics(score: np.ndarray, truth: np.ndarray, noise: np.ndarray) -> dict[str, Interval]:
        return measure_all(
            tuple(METRICS), score, truth, fraction=fraction, truth_sd=noise, seed=seed
        )

    everyone = unique = metrics(score, truth, noise)
    if keys is not None and len(set(keys)) < len(truth):
        unique = metrics(*_per_class(keys, score, truth, noise))
    top10 = metrics(score[top], truth[top], noise[top])
    return {"all": everyone, "unique": unique, "top10": top10}


def _per_class(
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


def _per_seed(table: Table, split: str, rows: np.ndarray) -> np.ndarray:
    """Accuracy ``[rows, seeds]``, NaN where a seed was not run."""
    columns = [table.accuracy(split, seed=seed)[rows] for seed in table.seeds(split)]
    return np.stack(columns, axis=1) if columns else np.empty((len(rows), 0))


def _truth_deviation(per_seed: np.ndarray) -> np.ndarray | None:
    """Standard error ``[n]`` of the seed means; None where the seeds do not tell."""
    runs = np.isfinite(per_seed).sum(axis=1)
    noise = training_noise(per_seed) if runs.min() > 0 else None
    return None if noise is None else noise / np.sqrt(runs)
