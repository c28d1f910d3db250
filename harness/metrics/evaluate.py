"""Evaluation without training: scores against ground truth, with floors and ceiling beside them."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np

from harness.files.progress import patience
from harness.metrics.caveats import notes_on_intervals, notes_on_scores
from harness.metrics.floors import alike, floor_scores
from harness.metrics.intervals import Interval, measure, measure_all
from harness.metrics.metrics import METRICS
from harness.metrics.protocols import best
from harness.metrics.scored import Scored, noise_of, over_floors, per_class, references
from harness.tabular.ground_truth import unusual_truth
from harness.tabular.table import Table
from searchspaces.base import SearchSpace

Metrics = dict[str, dict[str, Interval]]


@patience("measuring metrics, floors and ceiling with their intervals: up to a minute or two")
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
    of_method: bool = False,
) -> dict[str, Any]:
    """Metrics, floors and ceiling of ``scores`` (encoded architecture → score).

    The result has ``space, task, split, truth`` (the training that accuracies of ``split``
    are of, and ``truth_images``, the number of its images or None), ``epochs`` (0: not known), ``n, n_table``,
    ``metrics`` (subset → metric → interval, see :func:`evaluate`), ``protocols`` (name → what
    :meth:`harness.metrics.scored.Scored.under` has of it), ``floors``, ``over_floors`` (τ minus that
    of each floor whose sizes are known, :mod:`harness.metrics.difference`), ``ceiling`` and ``notes``
    (plain sentences), and is JSON without NaN. Truth is the table's at the resolution of one image.
    ``space`` gives the canonical keys of the subset ``unique``; without it every architecture
    counts as unique. ``population`` is the number of architectures in the space, of which the
    scored ones are taken to be a random sample; by default ``space.size``, or without end if
    there is no ``space``. ``seed`` fixes the resampling. Where ``lower_is_better``, smaller
    scores are better. ``of_method``: they are no one's own that could be accuracies or turned round.
    ``protocols`` (:mod:`harness.metrics.protocols`): each is an entry of the
    result's ``protocols``, with ``n``, its numbers, its ``metrics`` and ``floors`` on the same
    architectures. Raises :class:`UsageError` for architectures that the table lacks, scores that are not finite, and fewer than two of them.
    """
    measured = Scored.of(
        table,
        scores,
        split,
        space=space,
        population=population,
        seed=seed,
        lower_is_better=lower_is_better,
    )
    rows, fraction, keys = measured.rows, measured.fraction, measured.keys
    truth, noise = measured.truth, measured.noise
    training = table.meta.training_of(split)
    metrics = evaluate(measured.score, truth, keys, fraction=fraction, truth_sd=noise, seed=seed)
    without = floor_scores(table, rows)
    result = {
        "space": table.meta.space,
        "task": table.meta.task,
        "split": split,
        "truth": training,
        "truth_images": table.meta.truths[training] or None,
        "epochs": table.meta.epochs if table.meta.training.get("epochs_known", True) else 0,
        "n": len(rows),
        "n_table": len(table),
        "metrics": metrics,
        "protocols": {name: measured.under(name) for name in protocols},
        **references(table, split, rows, without, fraction=fraction, seed=seed),
        "over_floors": over_floors(
            measured.score, without, truth, fraction=fraction, truth_sd=noise, seed=seed
        ),
    }
    given = -measured.score if lower_is_better else measured.score
    notes = [unusual_truth(table)] if split == "test" else []
    same = alike(measured.score, without)
    notes += notes_on_scores(result, given, lower_is_better, same, of_method)
    there = result["metrics"]["all"]["kendall_tau"]["low"] is not None
    notes += notes_on_intervals(fraction, noise is not None, keys is not None, there)
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
        truth_sd=noise_of(table, split, rows),
    )


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
        unique = metrics(*per_class(keys, score, truth, noise))
    top10 = metrics(score[top], truth[top], noise[top])
    return {"all": everyone, "unique": unique, "top10": top10}
