"""Searches on a table side by side: what ``nas-harness search`` computes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from functools import partial
from typing import Any

import numpy as np

from harness.simulation.budget import Budget, checkpoints
from harness.simulation.limits import within
from harness.simulation.published import beside
from harness.simulation.seconds import Seconds
from harness.simulation.simulate import Curves, Trainings, best_of_random, simulate
from harness.tabular.ground_truth import unusual_truth
from harness.tabular.table import Table
from methods.options import SearchLimits
from methods.search.candidates import Candidates
from methods.search.table_search import SEARCHES, is_sampler
from searchspaces.base import SearchSpace
from searchspaces.errors import UsageError

EXACT = "random-exact"
ADDED = ("min_madds", "max_params", "min_params")  # limits that results have where they are given
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
    min_madds: float = 0.0,
    max_params: float = 0.0,
    min_params: float = 0.0,
    cost: str = "",
    max_cost: float = 0.0,
    min_cost: float = 0.0,
    test_as_validation: bool = False,
    signal: str = "",
    budget_seconds: float = 0.0,
) -> dict[str, Any]:
    """Simulate each search named in ``options`` (name -> its options) on ``table``.

    The result is JSON without NaN. ``curves`` maps each search, and before them :data:`EXACT`, to
    a list of rows over ``queries``: of the incumbent, the accuracy by which it was selected
    (``selection``, of one training), its truth (``test``) and how far that is behind the best
    candidate's (``regret``), each the mean over repeats in percent and points with its standard
    deviation (``_sd``, null for a single repeat). ``selection_split`` says what the searches saw.
    ``max_madds`` limits the candidates, in millions; 0 does not; so do ``min_madds``, ``max_params``
    and ``min_params``, and ``max_cost`` and ``min_cost`` for a ``cost`` that the table knows, in its
    own unit. ``signal`` is the validation
    accuracy that searches see, as ``val.12``: of a training of 12 epochs; empty is the table's
    usual one. With ``budget_seconds`` a search ends once its trainings have taken so long, for
    which ``queries`` does not matter: rows are then over ``seconds``, with the mean number of
    ``queries`` made, and :data:`EXACT` is left out. A search that also asks for shorter trainings
    (``lengths`` of the result) pays for each by its seconds, or else by its epochs; its incumbent is
    the best of the longest so far. Where searches see another training than the table's own, rows
    also have its validation accuracy (``val``), which then selects nothing. ``published`` is what
    the benchmark's authors report of the same protocol, or empty. Raises :class:`UsageError` for a table without such
    validation accuracies unless ``test_as_validation``, for an unknown search, and for a budget
    where nobody knows how long trainings take.
    """
    if signal and test_as_validation:
        raise UsageError("--signal names validation accuracies: leave out --test-as-validation.")
    trainings = (
        Trainings.signalled(table, signal)
        if signal
        else Trainings.of(table, "test" if test_as_validation else "val")
    )
    staged = set(filter(_is_staged, options))
    lengths = trainings.lengths(table) if staged else [trainings]
    epochs = [each.epochs for each in lengths]
    limits = SearchLimits(
        max_madds=max_madds,
        min_madds=min_madds,
        max_params=max_params,
        min_params=min_params,
        cost=cost,
        max_cost=max_cost,
        min_cost=min_cost,
    )
    candidates = Candidates(space, table.archs, within(table, limits), epochs)
    truth = table.truth("test")
    best = float(truth[candidates.rows].max())
    seconds = [Seconds.estimated(table, each) for each in epochs] if budget_seconds else []
    budget, points = None, checkpoints(queries)
    in_stages = Budget.of_queries(queries, epochs, len(table))
    if seconds:
        budget = Budget([seconds[-1].each], budget_seconds)
        in_stages = Budget([each.each for each in seconds], budget_seconds)
        queries = budget.most_trainings(candidates.rows)
        points = budget.points(candidates.rows)
    starts = {name: partial(SEARCHES[name], candidates, o, queries) for name, o in options.items()}
    for start in starts.values():
        start(np.random.default_rng(seed))  # impossible options are refused before minutes pass
    curves = {}
    if budget is None:
        moments = best_of_random(trainings, candidates.rows, truth, points.tolist())
        exact = zip(points.tolist(), moments, strict=True)
        curves[EXACT] = [{"queries": point} | _row(best, found) for point, found in exact]
    for name, start in starts.items():
        seen, most, spends = [trainings], queries, budget
        if name in staged:
            seen, most, spends = lengths, in_stages.most_trainings(candidates.rows), in_stages
        found = simulate(start, seen, most, repeats, seed, name, spends, points)
        curves[name] = _rows(found, truth, best, budget is not None)
        if _unseen(table, trainings):
            vals = _moments(table.accuracy("val")[found.rows])
            for row, (val, val_sd) in zip(curves[name], vals, strict=True):
                row |= {"val": val, "val_sd": val_sd}
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
        "signal": trainings.signal,
        "lengths": epochs,
        "trainings": int(trainings.counts.max()),
        "best_test": best,
        "max_madds": max_madds,
        **{name: getattr(limits, name) for name in ADDED if getattr(limits, name)},
        "cost": cost,
        "max_cost": max_cost,
        "min_cost": min_cost,
        "queries": None if budget else queries,
        "budget_seconds": budget_seconds,
        "seconds_source": seconds[-1].source if seconds else None,
        "repeats": repeats,
        "seed": seed,
        "options": {name: asdict(chosen) for name, chosen in options.items()},
        "curves": curves,
    }
    result |= {"published": beside(result)}
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
        "signal",
        "budget_seconds",
        "moves",
        "n_candidates",
        "max_madds",
        *(name for name in ADDED if name in result),
        *(("cost", "max_cost", "min_cost") if result["cost"] else ()),
        "repeats",
        "seed",
    )
    return [
        {"method": name} | row | {key: result[key] for key in context}
        for name, rows in result["curves"].items()
        for row in rows
    ]


def _unseen(table: Table, trainings: Trainings) -> bool:
    """Whether the table's own validation accuracies are others than the searches see."""
    own = f"val.{table.meta.epochs}"
    return (
        trainings.split == "val" and trainings.signal != own and f"{own}.mean" in table.accuracies
    )


def _moments(found: np.ndarray) -> list[tuple[float, float | None]]:
    """Mean and standard deviation over the repeats of ``[repeats, points]``, at each point."""
    deviations: list[Any] = [None] * found.shape[1]
    if len(found) > 1:
        deviations = found.std(axis=0, ddof=1).tolist()
    return list(zip(found.mean(axis=0).tolist(), deviations, strict=True))


def _rows(curves: Curves, truth: np.ndarray, best: float, timed: bool) -> list[Row]:
    places = [{"queries": int(point)} for point in curves.points]
    if timed:
        made = zip(curves.points.tolist(), curves.made.mean(axis=0).tolist(), strict=True)
        places = [{"seconds": point, "queries": queries} for point, queries in made]
    moments = zip(_moments(curves.seen), _moments(truth[curves.rows]), strict=True)
    return [
        place | _row(best, (*seen, *test))
        for place, (seen, test) in zip(places, moments, strict=True)
    ]


def _row(best: float, moments: tuple[Any, Any, Any, Any]) -> Row:
    """``moments``: mean and deviation of the accuracy seen, then of the truth."""
    seen, seen_sd, test, test_sd = (None if m is None else float(m) for m in moments)
    return {
        "selection": seen,
        "selection_sd": seen_sd,
        "test": test,
        "test_sd": test_sd,
        "regret": best - float(moments[2]),
        "regret_sd": test_sd,
    }


def _is_staged(name: str) -> bool:
    return name != EXACT and SEARCHES[name].staged


def _listed(names: Iterable[str]) -> str:
    return " and ".join(names)


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
    if any(map(is_sampler, result["curves"])) and result["n_candidates"] < result["n_space"]:
        yield (
            "Where a sampler proposes what cannot be trained, the nearest in genes that can is, and "
            "the sampler is told its accuracy."
        )
    own = SearchLimits(**{k: result[k] for k in ("max_madds", *ADDED) if result.get(k)})
    if own.limited:
        yield f"Candidates have {own.described()}."
    if result["cost"]:
        bounds = (("at least", result["min_cost"]), ("at most", result["max_cost"]))
        words = " and ".join(f"{how} {value:g}" for how, value in bounds if value)
        yield f"Candidates have a {result['cost']} of {words}."
    if len(result["lengths"]) > 1:
        *shorter, whole = result["lengths"]
        paid = "their own seconds" if result["seconds_source"] else f"epochs / {whole} of a query"
        yield (
            f"{_listed(filter(_is_staged, result['curves']))} also asks for trainings of "
            f"{_listed(map(str, shorter))} epochs, which count {paid}. A longer training begins "
            "anew. The incumbent is the best of the longest so far."
        )
    if result["seconds_source"]:
        yield result["seconds_source"]
        yield "A training that would go beyond the budget is not made."
    if result["published"]:
        yield (
            f"Published: {result['published']['source']}. A standard deviation is over searches; "
            "the mean of so many is far surer."
        )
    seeds = result["trainings"]
    shown = f"one of up to {seeds} seeds, drawn anew" if seeds > 1 else "the mean of the seeds"
    yield f"Every query is a training and counts, also of what was trained before; it shows {shown}."
    if {"random", EXACT} <= result["curves"].keys() and result["curves"][EXACT][-1]["test_sd"]:
        exact, found = (result["curves"][name][-1] for name in (EXACT, "random"))
        error = exact["test_sd"] / math.sqrt(result["repeats"])
        yield (
            f"Random search is {found['test'] - exact['test']:+.3f} from its exact mean, whose "
            f"standard error is {error:.3f}."
        )
