"""Evaluation without training: scores against ground truth, with floors and ceiling beside them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.metrics.ceiling import Ceiling, ceiling, training_noise
from harness.metrics.floors import floors
from harness.metrics.intervals import Interval
from harness.metrics.metrics import METRICS
from harness.metrics.subsets import Metrics, evaluate
from harness.tabular.table import Table
from searchspaces.base import SearchSpace
from searchspaces.errors import UsageError

if TYPE_CHECKING:
    from rich.table import Table as Grid

WIDTH = 100


def evaluate_scores(
    table: Table,
    scores: Mapping[str, float],
    split: str,
    *,
    space: SearchSpace | None = None,
    population: int | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """Metrics, floors and ceiling of ``scores`` (encoded architecture → score).

    The result has ``space, task, split, epochs, n, n_table``, ``metrics`` (subset → metric →
    interval, see :func:`harness.metrics.subsets.evaluate`), ``floors``, ``ceiling`` and ``notes`` (plain
    sentences), and is JSON without NaN. Truth is the table's at the resolution of one image.
    ``space`` gives the canonical keys of the subset ``unique``; without it every architecture
    counts as unique. ``population`` is the number of architectures in the space, of which the
    scored ones are taken to be a random sample; by default ``space.size``, or without end if
    there is no ``space``. ``seed`` fixes the resampling. Raises :class:`UsageError` for
    architectures that the table lacks, scores that are not finite, and fewer than two of them.
    """
    archs, score = list(scores), np.array(list(scores.values()), dtype=float)
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
    result = {
        "space": table.meta.space,
        "task": table.meta.task,
        "split": split,
        "epochs": table.meta.epochs,
        "n": len(rows),
        "n_table": len(table),
        "metrics": evaluate(score, truth, keys, fraction=fraction, truth_sd=truth_sd, seed=seed),
        **references(table, split, rows, fraction=fraction, seed=seed),
    }
    return result | {"notes": _notes(result, fraction, truth_sd is not None, keys is not None)}


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
    other = {"test": "val", "val": "test"}.get(split)
    measured_twice = f"{other}.{table.meta.epochs}.mean" in table.accuracies
    second = table.accuracy(other)[rows] if measured_twice else None
    return {
        "floors": floors(truth, *sizes, fraction=fraction, truth_sd=deviation),
        "ceiling": ceiling(per_seed, second, truth, seed=seed),
    }


def render(result: Mapping[str, Any]) -> str:
    """The result of :func:`evaluate_scores` as plain text for a terminal."""
    title = (
        f"{result['n']:,} of {result['n_table']:,} architectures of {result['space']} against "
        f"{result['task']} {result['split']} accuracy after {result['epochs']} epochs"
    )
    grids = _metrics_table(result["metrics"]), _reference_table(result["floors"], result["ceiling"])
    return _text(title, *grids, *(f"note  {note}" for note in result["notes"]))


def render_references(floors: Mapping[str, Interval], ceiling: Ceiling) -> str:
    """Floors and ceiling as plain text for a terminal."""
    return _text(_reference_table(floors, ceiling))


def _metrics_table(metrics: Metrics) -> Grid:
    """A rich table: a row per metric, a column per subset, value [low, high]."""
    grid = _grid("metric [95 %]")
    for subset, title in (("all", "all"), ("unique", "unique"), ("top10", "best 10 %")):
        grid.add_column(f"{title} ({metrics[subset]['kendall_tau']['n']:,})", justify="right")
    for name, metric in METRICS.items():
        cells = (_cell(values[name], metric.decimals) for values in metrics.values())
        grid.add_row(metric.label, *cells)
    return grid


def _reference_table(floors: Mapping[str, Interval], ceiling: Ceiling) -> Grid:
    """A rich table of the floors and of the ceilings that are known."""
    grid, decimals = _grid("Kendall τ-b [95 %]"), METRICS["kendall_tau"].decimals
    grid.add_column("all", justify="right")
    for name, label in (("params", "parameters"), ("flops", "FLOPs"), ("random", "random order")):
        grid.add_row(f"floor: {label}", _cell(floors[name], decimals))
    labels = {
        "single_seed": "one seed against another",
        "seed_mean": "mean of the seeds, repeated",
        "validation": "validation against test",
    }
    for name, label in labels.items():
        if ceiling[name] is not None:
            grid.add_row(f"ceiling: {label}", _cell(ceiling[name], decimals))
    if not any(ceiling[name] for name in labels):
        grid.add_row("ceiling", "unknown")
    return grid


def _grid(first: str) -> Grid:
    from rich import box
    from rich.table import Table as Grid

    grid = Grid(box=box.SIMPLE_HEAD)
    grid.add_column(first)
    return grid


def _text(*parts: Any) -> str:
    from rich.console import Console

    console = Console(width=WIDTH, color_system=None, highlight=False, markup=False)
    with console.capture() as captured:
        for part in parts:
            console.print(part)
    return captured.get().rstrip()


def _cell(interval: Interval, decimals: int) -> str:
    if interval["value"] is None:
        return "undefined"
    value = f"{interval['value']:,.{decimals}f}"
    if interval["low"] is None:
        return value
    low, high = (f"{interval[key]:,.{min(decimals, 3)}f}" for key in ("low", "high"))
    return f"{value} [{low}, {high}]"


def _per_seed(table: Table, split: str, rows: np.ndarray) -> np.ndarray:
    """Accuracy ``[rows, seeds]``, NaN where a seed was not run."""
    columns = [table.accuracy(split, seed=seed)[rows] for seed in table.seeds(split)]
    return np.stack(columns, axis=1) if columns else np.empty((len(rows), 0))


def _truth_deviation(per_seed: np.ndarray) -> np.ndarray | None:
    """Standard error ``[n]`` of the seed means; None where the seeds do not tell."""
    runs = np.isfinite(per_seed).sum(axis=1)
    noise = training_noise(per_seed) if runs.min() > 0 else None
    return None if noise is None else noise / np.sqrt(runs)


def _notes(result: dict[str, Any], fraction: float, noise: bool, keyed: bool) -> list[str]:
    """Plain sentences on what the numbers mean and do not mean."""
    notes = []
    tau = result["metrics"]["all"]["kendall_tau"]["value"]
    unbeaten = [
        f"by {label} ({floor:.4f})"
        for name, label in (("params", "parameters"), ("flops", "FLOPs"))
        if tau is not None and (floor := result["floors"][name]["value"]) is not None
        if tau <= floor
    ]
    if unbeaten:
        notes.append(f"These scores (τ = {tau:.4f}) do not beat ranking {', '.join(unbeaten)}.")
    if tau is None:
        notes.append("The scores (or the truths) are all equal: correlations are undefined.")
    if fraction < 1:
        notes.append("Intervals: what other architectures, each trained anew, would give.")
    elif noise:
        notes.append(
            "Intervals: what other trainings of the ground truth would give; every architecture of "
            "the space was scored."
        )
    else:
        notes.append("Intervals have no width: every architecture of the space was scored.")
    notes.append("Another supernet seed is not in the intervals of one run.")
    if not keyed:
        notes.append("Every architecture was counted as unique: no canonical keys were given.")
    return notes
