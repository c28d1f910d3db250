"""Searches on a table side by side: what ``nas-harness search`` computes and prints."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from functools import partial
from typing import Any

import numpy as np

from harness.simulation.simulate import Curves, Trainings, best_of_random, checkpoints, simulate
from harness.tabular.ground_truth import unusual_truth
from harness.tabular.table import Table
from methods.search.candidates import Candidates
from methods.search.table_search import SEARCHES
from searchspaces.base import SearchSpace
from searchspaces.errors import UsageError

EXACT = "random-exact"
Row = dict[str, Any]


def compare_searches(
    table: Table,
    space: SearchSpace,
    options: Mapping[str, Any],
    *,
    queries: int = 300,
    repeats: int = 500,
    seed: int = 0,
    max_madds: float = 0.0,
    test_as_validation: bool = False,
) -> dict[str, Any]:
    """Simulate each search named in ``options`` (name -> its options) on ``table``.

    The result is JSON without NaN. ``curves`` maps each search, and before them :data:`EXACT`, to
    a list of rows over ``queries``: of the incumbent, the accuracy by which it was selected
    (``selection``, of one training), its truth (``test``) and how far that is behind the best
    candidate's (``regret``), each the mean over repeats in percent and points with its standard
    deviation (``_sd``, null for a single repeat). ``selection_split`` says what the searches saw.
    ``max_madds`` limits the candidates, in millions; 0 does not. Raises :class:`UsageError` for a
    table without validation accuracies unless ``test_as_validation``, and for an unknown search.
    """
    trainings = Trainings.of(table, "test" if test_as_validation else "val")
    candidates = Candidates(space, table.archs, _within(table, max_madds))
    truth = table.truth("test")
    best = float(truth[candidates.rows].max())
    starts = {name: partial(SEARCHES[name], candidates, o, queries) for name, o in options.items()}
    for start in starts.values():
        start(np.random.default_rng(seed))  # impossible options are refused before minutes pass
    points = checkpoints(queries).tolist()
    exact = zip(points, best_of_random(trainings, candidates.rows, truth, points), strict=True)
    curves = {EXACT: [_row(point, best, moments) for point, moments in exact]}
    for name, start in starts.items():
        found = simulate(start, trainings, queries, repeats, seed, name)
        curves[name] = _rows(found, truth, best)
    result = {
        "space": table.meta.space,
        "scale": table.meta.scale,
        "task": table.meta.task,
        "table": table.meta.identity,
        "truth": table.meta.truth,
        "epochs": table.meta.epochs,
        "n_table": len(table),
        "n_space": space.size,
        "n_candidates": len(candidates),
        "moves": "space" if candidates.complete else "table",
        "selection_split": trainings.split,
        "trainings": int(trainings.counts.max()),
        "best_test": best,
        "max_madds": max_madds,
        "queries": queries,
        "repeats": repeats,
        "seed": seed,
        "options": {name: asdict(chosen) for name, chosen in options.items()},
        "curves": curves,
    }
    notes = [unusual_truth(table), *_notes(result)]
    return result | {"notes": [note for note in notes if note]}


def flat_rows(result: Mapping[str, Any]) -> list[Row]:
    """One row per method and number of queries, each with what it was measured on."""
    context = (
        "space",
        "scale",
        "task",
        "table",
        "truth",
        "epochs",
        "selection_split",
        "moves",
        "n_candidates",
        "max_madds",
        "repeats",
        "seed",
    )
    return [
        {"method": name} | row | {key: result[key] for key in context}
        for name, rows in result["curves"].items()
        for row in rows
    ]


def render(result: Mapping[str, Any]) -> str:
    """The result of :func:`compare_searches` as plain text for a terminal."""
    seen = {"val": "validation", "test": "TEST"}[result["selection_split"]]
    titles = {
        "selection": f"{seen} accuracy of the incumbent, by which it was selected",
        "test": "test accuracy of the incumbent",
        "regret": f"regret: points behind the best test accuracy, {result['best_test']:.2f}",
    }
    lines = [
        f"{result['n_candidates']:,} architectures of {result['space']} on {result['task']}, "
        f"{result['epochs']} epochs; mean ± sd over {result['repeats']:,} repeats, "
        f"seed {result['seed']}"
    ]
    for measure, title in titles.items():
        lines += ["", title, *_grid(result["curves"], measure)]
    lines += ["", *(f"note  {note}" for note in result["notes"])]
    for name, rows in result["curves"].items():
        last = rows[-1]
        lines.append(
            f"{name}: test {_cell(last, 'test')}, regret {last['regret']:.2f} after "
            f"{last['queries']:,} queries"
            + (", selected by TEST accuracy" if result["selection_split"] == "test" else "")
        )
    return "\n".join(lines)


def _within(table: Table, max_madds: float) -> np.ndarray | None:
    if not max_madds:
        return None
    if table.madds is None:
        raise UsageError(
            f"the table {table.meta.name} does not know multiply-adds; leave out --max-madds."
        )
    return table.madds <= max_madds * 1e6


def _rows(curves: Curves, truth: np.ndarray, best: float) -> list[Row]:
    tests = truth[curves.rows]
    means = zip(curves.seen.mean(axis=0), tests.mean(axis=0), strict=True)
    deviations: Iterable[Any] = [(None, None)] * len(curves.queries)
    if len(tests) > 1:
        deviations = zip(curves.seen.std(axis=0, ddof=1), tests.std(axis=0, ddof=1), strict=True)
    return [
        _row(int(queries), best, (seen, seen_sd, test, test_sd))
        for queries, (seen, test), (seen_sd, test_sd) in zip(
            curves.queries, means, deviations, strict=True
        )
    ]


def _row(queries: int, best: float, moments: tuple[Any, Any, Any, Any]) -> Row:
    """``moments``: mean and deviation of the accuracy seen, then of the truth."""
    seen, seen_sd, test, test_sd = (None if m is None else float(m) for m in moments)
    return {
        "queries": queries,
        "selection": seen,
        "selection_sd": seen_sd,
        "test": test,
        "test_sd": test_sd,
        "regret": best - test,
        "regret_sd": test_sd,
    }


def _notes(result: Mapping[str, Any]) -> Iterator[str]:
    """Plain sentences on what the numbers mean."""
    if result["selection_split"] == "test":
        yield (
            "Searches saw test accuracies in place of validation accuracies "
            "(--test-as-validation): they select by what they are judged by."
        )
    if result["moves"] == "space":
        yield f"The table has the whole space ({result['n_space']:,}): moves are the space's own."
    else:
        yield (
            f"The table has {result['n_table']:,} of {result['n_space']:,} architectures: searches "
            "stay among them. A mutation is one of the nearest in genes; REINFORCE's "
            "probabilities are renormalised."
        )
    if result["max_madds"]:
        yield f"Candidates have at most {result['max_madds']:g} million multiply-adds."
    seeds = result["trainings"]
    shown = f"one of up to {seeds} seeds, drawn anew" if seeds > 1 else "the mean of the seeds"
    yield f"Every query is a training and counts, also of what was trained before; it shows {shown}."
    if "random" in result["curves"] and result["curves"][EXACT][-1]["test_sd"]:
        exact, found = (result["curves"][name][-1] for name in (EXACT, "random"))
        error = exact["test_sd"] / math.sqrt(result["repeats"])
        yield (
            f"Random search is {found['test'] - exact['test']:+.3f} from its exact mean, whose "
            f"standard error is {error:.3f}."
        )


def _grid(curves: Mapping[str, list[Row]], measure: str) -> list[str]:
    lines = ["queries" + "".join(f"{name:>18}" for name in curves)]
    for rows in zip(*curves.values(), strict=True):
        cells = "".join(f"{_cell(row, measure):>18}" for row in rows)
        lines.append(f"{rows[0]['queries']:>7,}{cells}")
    return lines


def _cell(row: Row, measure: str) -> str:
    deviation = row[f"{measure}_sd"]
    return f"{row[measure]:.2f}" + ("" if deviation is None else f" ± {deviation:.2f}")
