"""``nas-harness table import|build|info|list|proxies``: ground truth."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.config.options import TRUTH, Parser, add_options, add_whole_numbers
from harness.jobs.cluster_options import add_cluster_options, cluster_of
from harness.tasks.own.place import FORMS
from searchspaces.errors import UsageError
from searchspaces.registry import SPACES, nearest

if TYPE_CHECKING:
    from harness.tabular.locate import Listed

_USAGE = """usage: nas-harness table COMMAND [options]

  import   turn published files, or a CSV of accuracies of your own, into tables
  build    train a sample of a space stand-alone, where nobody has published any
  info     what a table holds: size, spread, best, ceiling and floors, licence
  list     the tables that are found
  proxies  from finished runs of scorers to a table's best proxy, which is a floor from then on

nas-harness table COMMAND --help"""


def main(arguments: list[str]) -> None:
    actions: dict[str, Callable[[list[str]], None]] = {
        "import": _import,
        "build": _build,
        "info": _info,
        "list": _list,
        "proxies": _proxies,
    }
    if not arguments or arguments[0] in ("-h", "--help"):
        print(_USAGE)
        return
    if arguments[0] not in actions:
        raise UsageError(f"unknown table command '{arguments[0]}'{nearest(arguments[0], actions)}")
    actions[arguments[0]](arguments[1:])


def _import(arguments: list[str]) -> None:
    parser = Parser(
        prog="nas-harness table import",
        example="nas-harness table import nb201 FILE",
        description="Turn a benchmark's published files into tables in the home folder, or, with "
        "--truth-columns, a CSV of architectures and accuracies of your own.",
    )
    parser.add_argument("space", help="the search space, for instance nb201")
    parser.add_argument("source", type=Path, help="the published file, a folder of them, or a CSV")
    own = parser.add_argument_group("a table of your own accuracies")
    own.add_argument(
        "--truth-columns",
        nargs="+",
        metavar="[SPLIT=]COLUMN",
        help="columns of test accuracies, in percent, or val=COLUMN; several of one split are "
        "trainings with different seeds, of which the mean counts",
    )
    own.add_argument(
        "--cost-columns",
        nargs="+",
        default=(),
        metavar="COLUMN",
        help="columns of other costs than params and madds, such as a latency; searches can be "
        "bound by them",
    )
    own.add_argument("--arch-column", default="", help="empty: arch, architecture or the first")
    own.add_argument("--task", default="own", help="what they were measured on, by any name")
    own.add_argument("--scale", default="", help="scale of the networks; empty: the task's usual")
    own.add_argument("--truth", default="", help="name of the training; empty: as the task")
    add_whole_numbers(
        own,
        (
            ("--epochs", 0, 0, "of that training; 0: not known"),
            ("--images", 0, 0, "of the test split, whose accuracies then tie; 0: not known"),
        ),
    )
    own.add_argument("--fractions", action="store_true", help="accuracies are from 0 to 1")
    own.add_argument(
        "--names-only", action="store_true", help="the space has no networks here, only names"
    )
    given = parser.parse_args(arguments)
    if given.truth_columns:
        print(_import_own(given))
        return
    space = SPACES[given.space]

    from harness.tabular.ground_truth import analytic_cost
    from harness.tabular.importer import IMPORTERS, SCALE
    from harness.tabular.locate import import_tables

    if given.space not in IMPORTERS:
        raise UsageError(
            f"no published files of {given.space} can be read; --truth-columns COLUMN makes a "
            "table of a CSV of your own accuracies."
        )
    for path in import_tables(given.space, given.source, analytic_cost(space(SCALE))):
        print(path)


def _import_own(given: argparse.Namespace) -> Path:
    """Save the table of a CSV in the home folder."""
    from harness.tabular.ground_truth import analytic_cost, usual_scale
    from harness.tabular.locate import tables_folder
    from harness.tabular.own_table import NAMES, OwnTable, space_of
    from harness.tasks import image_of, settled_task

    given.task = settled_task(given.task)
    kind, space, scale = space_of(given.space, given.names_only), None, NAMES
    if kind is not None:
        usual = usual_scale(given.space, given.task) if image_of(given.task) else kind.scales[0]
        space = kind(given.scale or usual)
        scale = space.scale
    elif given.scale:
        raise UsageError("a space that has only names has no --scale; leave it out.")
    own = OwnTable(
        given.space if space is None else space.name,
        given.task,
        tuple(given.truth_columns),
        given.arch_column,
        scale,
        given.epochs,
        given.images,
        given.truth,
        given.fractions,
        tuple(given.cost_columns),
    )
    cost = analytic_cost(space) if space is not None and image_of(given.task) else None
    table = own.read(given.source, space, cost)
    path = tables_folder() / f"{table.meta.name}.parquet"
    table.save(path)
    return path


def _build(arguments: list[str]) -> None:
    from methods.standalone.recipe import StandaloneRecipe

    recipe = StandaloneRecipe()
    parser = Parser(
        prog="nas-harness table build",
        description="Train a sample of a space stand-alone, several seeds each, in parallel "
        "processes. A build that was stopped continues where it was.",
    )
    parser.add_argument("--space", default="nb201", help="search space; or FILE.py:CLASS")
    parser.add_argument("--scale", default="", help="scale; empty: the task's usual one")
    parser.add_argument("--task", default="digits", help=f"task; or {FORMS}")
    parser.add_argument("--data", type=Path, help="folder with data sets")
    numbers = (
        ("--architectures", 0, 0, "distinct ones; 0: 300, or all of a smaller space"),
        ("--seeds", 1, 3, "trainings of each"),
        (
            "--workers",
            0,
            0,
            "processes; 0: one per core, or one on each GPU; on a cluster jobs; 0: as many as fit",
        ),
    )
    add_whole_numbers(parser, numbers)
    parser.add_argument(
        "--device",
        default="cpu",
        help="auto, cpu, cuda (all GPUs) or cuda:N; cores suit networks as small as those on digits",
    )
    add_cluster_options(parser)
    parser.add_argument("--output", type=Path, help="table file; default: in the home folder")
    add_options(parser, recipe)
    parsed = parser.parse_args(arguments)
    given, cluster = vars(parsed), cluster_of(parsed, parsed.device)

    from harness.config.config import with_values
    from harness.running.own_files import errors_located
    from harness.standalone.build_table import build_table
    from harness.tabular.ground_truth import usual_scale
    from harness.tabular.locate import tables_folder
    from harness.tasks import load_task, settled_task

    given["task"] = settled_task(given["task"], given["data"])
    space = SPACES[given["space"]](given["scale"] or usual_scale(given["space"], given["task"]))
    recipe = with_values(
        recipe, {k: v for k, v in given.items() if k in StandaloneRecipe.__dataclass_fields__}
    )
    name = f"{space.name}-{space.scale}-{given['task']}"
    output = given["output"] or tables_folder() / f"{name}.parquet"
    with errors_located("", given["space"]):
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
            given["device"],
        )
    print(f"{output}: {len(table)} architectures x {given['seeds']} seeds")


def _info(arguments: list[str]) -> None:
    parser = Parser(
        prog="nas-harness table info",
        example="nas-harness table info nb201 cifar10",
        description="What a table holds.",
    )
    parser.add_argument("space", help="search space")
    parser.add_argument("task", help="task")
    parser.add_argument("--scale", default="", help="scale; empty: the task's usual one")
    parser.add_argument("--truth", default="", help=TRUTH)
    parser.add_argument("--data", type=Path, help="folder with published tables")
    parser.add_argument("--json", action="store_true", help="print JSON")
    given = parser.parse_args(arguments)

    from harness.metrics.describe_table import describe_table, render_description
    from harness.tabular.ground_truth import known_table

    space, table = known_table(given.space, given.task, given.scale, given.data, given.truth)
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
    print("\n".join(_listing(tables)))


def _listing(tables: list[Listed]) -> list[str]:
    """A line per table; where it is in several places, further ones are below it in their order."""
    from harness.tabular.locate import EMBEDDED

    places: dict[str, list[Listed]] = {}
    for table in tables:
        places.setdefault(table.name, []).append(table)
    width = max(map(len, ["table", *places]))
    lines = [f"{'table':<{width}}  architectures  where"]
    for name, there in sorted(places.items()):
        for number, table in enumerate(there):
            size = "" if table.rows is None else f"{table.rows:,}"
            where = "package" if EMBEDDED in table.path.parents else f"{table.path}"
            where += ", imported on first use" if table.origin == "source" else ""
            if table.problem:
                where = f"cannot be read: {table.problem}"
            lines.append(f"{'' if number else name:<{width}}  {size:>13}  {where}")
    return lines


def _proxies(arguments: list[str]) -> None:
    parser = Parser(
        prog="nas-harness table proxies",
        example="nas-harness table proxies runs",
        description="Keep the scores of finished runs of scorers beside their table, and choose the "
        "best by validation accuracies of its development sample (500 architectures, or half of a "
        "smaller table), among these and what is already known for the table. From then on it is a "
        "floor of whatever is ranked against the table. Runs of one scorer that differ only in what "
        "they ranked are put together.",
    )
    parser.add_argument("runs", type=Path, nargs="+", help="folders of runs, or runs' own")
    parser.add_argument("--best", default="", help="the proxy to take; else it is chosen")
    parser.add_argument("--data", type=Path, help="folder with published tables")
    parser.add_argument(
        "--output", type=Path, help="folder to write to; default: the home folder's"
    )
    given = parser.parse_args(arguments)

    from harness.running.best_proxy import gathered
    from harness.tabular.proxies import proxies_folder

    inside = [path.parent for folder in given.runs for path in folder.glob("*/run.json")]
    own = [folder for folder in given.runs if (folder / "run.json").exists()]
    for proxies in gathered([*own, *inside], given.data, given.best):
        path = (given.output or proxies_folder()) / f"{proxies.table}.parquet"
        proxies.save(path)
        taus = proxies.chosen.get("tau", {})
        of = ", ".join(f"{n} {t:.3f}" for n, t in sorted(taus.items(), key=lambda i: -i[1]))
        print(f"{path}: best proxy {proxies.best}" + (f" (τ on the sample: {of})" if of else ""))
        if reduced := proxies.chosen.get("reduced"):
            print(
                f"networks smaller than those of the ground truth were scored by {', '.join(reduced)}."
            )
