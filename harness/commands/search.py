"""``nas-harness search``: searches on ground truth, which train nothing."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.config.config import with_values
from harness.config.constraints import LATENCY, add_constraints, limits_of
from harness.config.options import TRUTH, Parser, add_options, add_whole_numbers
from harness.files.endings import Terminated
from harness.simulation.published import WITHIN_SECONDS
from methods.options import check_limits
from methods.search.table_search import SEARCHES, USUAL, is_sampler
from searchspaces.errors import UsageError

if TYPE_CHECKING:
    from harness.tabular.table import Table
    from searchspaces.base import SearchSpace

ALL, LIMITS = "all", ("max_madds", "max_cost", "min_cost")


def main(arguments: list[str]) -> None:
    """Parse, simulate, print the curves (or the result with ``--json``), write ``--output``."""
    given, options = parse(arguments)
    from harness.simulation.rendering import render
    from harness.simulation.searches import compare_searches
    from harness.tabular.ground_truth import space_with_table

    space, table = space_with_table(given.space, given.task, given.scale, given.data, given.truth)
    limits = {name: getattr(given, name) for name in ("cost", *LIMITS)}
    limits |= limits_of(given.constraint, limits)
    note = ""
    if "latency" in given:
        table, note = _predicted(space, table, Path(given.latency), limits["cost"])
    try:
        result = compare_searches(
            table,
            space,
            options,
            queries=given.queries,
            repeats=given.repeats,
            seed=given.seed,
            **limits,
            test_as_validation=given.test_as_validation,
            signal=given.signal,
            budget_seconds=given.budget_seconds,
        )
    except (KeyboardInterrupt, Terminated) as stop:
        stop.args = ("the same command searches from the beginning.",)
        raise
    if note:
        result["notes"].insert(0, f"{note[0].upper()}{note[1:]}.")
    if given.output:
        save(result, given.output)
    print(json.dumps(result, indent=2, allow_nan=False) if given.json else render(result))


def _predicted(space: SearchSpace, table: Table, path: Path, cost: str) -> tuple[Table, str]:
    """``table`` with the latencies that the file at ``path`` predicts for a cost; a word on them."""
    import numpy as np

    from harness.latency.table import LatencyTable
    from harness.tasks import image_of

    if cost != LATENCY:
        limited = f", and --constraint limits {cost}" if cost else ""
        raise UsageError(
            f"--latency predicts what --constraint {LATENCY}=LOW:HIGH limits{limited}; give both of "
            "these, or leave --latency out."
        )
    latencies = LatencyTable.load(path)
    predict = latencies.predictor(space, image_of(table.meta.task))
    predicted = np.array([predict(space.decode(arch)) for arch in table.archs])
    return replace(
        table, costs=table.costs | {LATENCY: predicted}, distinct=True
    ), latencies.sentence


def parse(arguments: list[str]) -> tuple[argparse.Namespace, dict[str, Any]]:
    """What was given, and the options of each search to run, by its name.

    The method comes first, since it decides which options there are. Raises :class:`UsageError`
    for whatever is not known or out of its limits.
    """
    first = _parser(add_help=False)
    first.add_argument("--method", nargs="+", default=[ALL])
    first.add_argument("--budget-seconds", type=float, default=0.0)
    first.add_argument("--sampler", action="append", default=[])
    chosen, _ = first.parse_known_args([a for a in arguments if a not in ("-h", "--help")])
    for sampler in chosen.sampler:
        if not is_sampler(sampler):
            raise UsageError(
                f"--sampler is one of Optuna's, as optuna:TPESampler, not '{sampler}'."
            )
    methods = (USUAL if method == ALL else [method] for method in chosen.method)
    names = list(dict.fromkeys(chain(*methods, chosen.sampler)))
    benchmark = WITHIN_SECONDS if chosen.budget_seconds else {}
    defaults = {
        name: with_values(SEARCHES[name].Options(), benchmark.get(name, {})) for name in names
    }

    parser = _parser()
    parser.add_argument(
        "--method",
        nargs="+",
        default=[ALL],
        metavar="NAME",
        help=f"{', '.join(SEARCHES)}, or {ALL}: {', '.join(USUAL)}; several run side by side",
    )
    parser.add_argument(
        "--sampler",
        action="append",
        default=[],
        metavar="optuna:NAME",
        help="also a sampler of Optuna's (pip install optuna), as optuna:TPESampler or "
        "'optuna:TPESampler(n_startup_trials=20)'; may be given several times",
    )
    parser.add_argument("--space", default="nb201", help="search space; or FILE.py:CLASS")
    task = "cifar10" if chosen.budget_seconds else "digits"
    parser.add_argument(
        "--task", default=task, help="task of the ground truth; with --budget-seconds cifar10"
    )
    parser.add_argument("--scale", default="", help="its scale; empty: the task's usual one")
    parser.add_argument("--truth", default="", help=TRUTH)
    parser.add_argument("--data", type=Path, help="folder with published tables")
    numbers = (
        ("--queries", 1, 300, "trainings per search, where no --budget-seconds limits them"),
        ("--repeats", 1, 500, "searches, each with its own random numbers"),
        ("--seed", 0, 0, "of the random numbers"),
    )
    add_whole_numbers(parser, numbers)
    parser.add_argument(
        "--signal",
        default="",
        metavar="val.N",
        help="what searches see: validation accuracy after N epochs, as val.12; empty: after as "
        "many as the table's own",
    )
    parser.add_argument(
        "--budget-seconds",
        type=float,
        default=0.0,
        metavar="S",
        help="a search ends when its trainings have taken so long, and REA has the population of "
        "10 and the sample of 3 of NAS-Bench-201's authors (with --signal val.12, 12000 on "
        "cifar10 is their protocol); NAS-Bench-201 only, whose training times are ESTIMATED from "
        "multiply-adds because the published table has none; 0: no limit",
    )
    parser.add_argument(
        "--max-madds",
        type=float,
        default=0.0,
        metavar="X",
        help="largest number of multiply-adds, in millions; 0: no limit",
    )
    parser.add_argument(
        "--cost",
        default="",
        metavar="NAME",
        help="a cost that the table knows, such as a measured latency, for the next two to limit",
    )
    add_constraints(parser, "latency")
    for name, text in (
        ("--max-cost", "largest value; 0: no limit"),
        ("--min-cost", "smallest value"),
    ):
        parser.add_argument(
            name, type=float, default=0.0, metavar="X", help=f"its {text}, in its own unit"
        )
    parser.add_argument(
        "--test-as-validation",
        action="store_true",
        help="let searches see test accuracies, for tables without others; results are marked",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--output", type=Path, help="also write the curves: a .csv or .parquet")
    for name in names:
        add_options(parser, defaults[name], f"{name}.")
    given = parser.parse_args(arguments)
    check_limits({name: getattr(given, name) for name in (*LIMITS, "budget_seconds")}, {})
    if given.output and given.output.suffix not in _WRITERS:
        raise UsageError(f"--output takes a .csv or .parquet file, not {given.output}.")
    return given, {name: _with_given(name, defaults[name], vars(given)) for name in names}


def save(result: dict[str, Any], path: Path) -> None:
    """Write the curves of ``result`` as one row per method and number of queries, atomically."""
    import pandas

    from harness.files.store import atomic_path
    from harness.simulation.searches import flat_rows

    with atomic_path(path) as temporary:
        _WRITERS[path.suffix](pandas.DataFrame(flat_rows(result)), temporary)


_WRITERS: dict[str, Callable[[Any, Path], Any]] = {
    ".csv": lambda frame, path: frame.to_csv(path, index=False),
    ".parquet": lambda frame, path: frame.to_parquet(path, index=False),
}


def _with_given(name: str, defaults: Any, given: dict[str, Any]) -> Any:
    own = {key.removeprefix(f"{name}."): value for key, value in given.items()}
    return with_values(defaults, {k: v for k, v in own.items() if f"{name}.{k}" in given})


def _parser(**kwargs: Any) -> Parser:
    return Parser(
        prog="nas-harness search",
        description="Simulate random search, regularised evolution (REA) and REINFORCE on ground "
        "truth: what each would have found after so many trainings, without any training.",
        **kwargs,
    )
