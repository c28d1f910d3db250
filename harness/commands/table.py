"""``nas-harness table import|build|info|list``: ground truth."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from harness.config.options import TRUTH, Parser, add_options, add_whole_numbers
from harness.jobs.cluster_options import add_cluster_options, cluster_of
from searchspaces.errors import UsageError
from searchspaces.registry import SPACES, nearest


def main(arguments: list[str]) -> None:
    actions: dict[str, Callable[[list[str]], None]] = {
        "import": _import,
        "build": _build,
        "info": _info,
        "list": _list,
    }
    if not arguments or arguments[0] in ("-h", "--help"):
        print("usage: nas-harness table import|build|info|list [--help]")
        return
    if arguments[0] not in actions:
        raise UsageError(f"unknown table command '{arguments[0]}'{nearest(arguments[0], actions)}")
    actions[arguments[0]](arguments[1:])


def _import(arguments: list[str]) -> None:
    parser = Parser(
        prog="nas-harness table import",
        description="Turn a benchmark's published files into tables in the home folder.",
    )
    parser.add_argument("space", help="the benchmark's search space, for instance nb201")
    parser.add_argument("source", type=Path, help="the published file, or a folder of them")
    given = parser.parse_args(arguments)
    space = SPACES[given.space]("benchmark")

    from harness.tabular.ground_truth import analytic_cost
    from harness.tabular.locate import import_tables

    for path in import_tables(given.space, given.source, analytic_cost(space)):
        print(path)


def _build(arguments: list[str]) -> None:
    from harness.standalone.recipe import StandaloneRecipe

    recipe = StandaloneRecipe()
    parser = Parser(
        prog="nas-harness table build",
        description="Train a sample of a space stand-alone, several seeds each, in parallel "
        "processes. A build that was stopped continues where it was.",
    )
    parser.add_argument("--space", default="nb201", help="search space")
    parser.add_argument("--scale", default="", help="scale; empty: the task's usual one")
    parser.add_argument("--task", default="digits", help="task")
    parser.add_argument("--data", type=Path, help="folder with data sets")
    numbers = (
        ("--architectures", 1, 300, "distinct architectures"),
        ("--seeds", 1, 3, "trainings of each"),
        ("--workers", 0, 0, "processes; 0: one per core; on a cluster jobs; 0: as many as fit"),
    )
    add_whole_numbers(parser, numbers)
    add_cluster_options(parser, gpus=False)
    parser.add_argument("--output", type=Path, help="table file; default: in the home folder")
    add_options(parser, recipe)
    parsed = parser.parse_args(arguments)
    given, cluster = vars(parsed), cluster_of(parsed)

    from harness.config.config import with_values
    from harness.standalone.build_table import build_table
    from harness.tabular.ground_truth import usual_scale
    from harness.tabular.locate import tables_folder
    from harness.tasks import load_task

    space = SPACES[given["space"]](given["scale"] or usual_scale(given["space"], given["task"]))
    recipe = with_values(
        recipe, {k: v for k, v in given.items() if k in StandaloneRecipe.__dataclass_fields__}
    )
    name = f"{space.name}-{space.scale}-{given['task']}"
    output = given["output"] or tables_folder() / f"{name}.parquet"
    table = build_table(
        space,
        load_task(given["task"], given["data"]),
        recipe,
        given["architectures"],
        given["seeds"],
        output,
        given["workers"],
        given["data"],
        cluster,
    )
    print(f"{output}: {len(table)} architectures x {given['seeds']} seeds")


def _info(arguments: list[str]) -> None:
    parser = Parser(prog="nas-harness table info", description="What a table holds.")
    parser.add_argument("space", help="search space")
    parser.add_argument("task", help="task")
    parser.add_argument("--scale", default="", help="scale; empty: the task's usual one")
    parser.add_argument("--truth", default="", help=TRUTH)
    parser.add_argument("--data", type=Path, help="folder with published tables")
    parser.add_argument("--json", action="store_true", help="print JSON")
    given = parser.parse_args(arguments)
    SPACES[given.space]  # refuses an unknown name before the slow imports

    from harness.metrics.describe_table import describe_table, render_description
    from harness.tabular.ground_truth import space_with_table

    space, table = space_with_table(given.space, given.task, given.scale, given.data, given.truth)
    description: dict[str, Any] = describe_table(table, space) | {"meta": asdict(table.meta)}
    print(json.dumps(description, indent=2) if given.json else render_description(description))


def _list(arguments: list[str]) -> None:
    parser = Parser(prog="nas-harness table list", description="Tables that can be used.")
    parser.add_argument("--data", type=Path, help="folder with published tables")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--markdown", action="store_true", help="print what builders measured, as a table"
    )
    given = parser.parse_args(arguments)

    from harness.tabular.locate import list_tables

    tables = list_tables(given.data)
    if given.json:
        print(json.dumps([asdict(table) for table in tables], indent=2, default=str))
        return
    if given.markdown:
        from harness.metrics.describe_table import overview

        print(overview(tables))
        return
    for table in tables:
        size = "" if table.rows is None else f"{table.rows:>8,} architectures"
        what = table.problem or size or "published file, imported on first use"
        print(f"{table.name:<28} {table.origin:<8} {what}  {table.path}")
