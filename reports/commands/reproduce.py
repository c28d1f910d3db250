"""``nas-harness reproduce``: carry out the runs that printed tables and figures lack, then report."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from harness.config.options import Parser, add_whole_numbers
from harness.files.counts import counted
from harness.jobs.cluster_options import add_cluster_options, cluster_of
from reports.commands.report import add_arguments, check_choices, chosen, publish
from searchspaces.errors import UsageError

if TYPE_CHECKING:
    from harness.config.config import Config
    from harness.grid.queue import Outcome
    from harness.running.pipeline import Execution
    from reports.papers.definition.item import Item

TRAINED = "FI"  # items that print what full trainings, on CIFAR and on ImageNet, end with


def main(arguments: list[str]) -> None:
    """Run, then report whatever there is; runs that failed are named at the end."""
    parser = Parser(
        prog="nas-harness reproduce",
        example="nas-harness reproduce mngnas table-1 --dry-run",
        description="Carry out the runs that fill printed tables and figures, as far as they are "
        "missing, side by side on the cores; then report these as 'nas-harness report' does. The "
        "same command continues what was stopped. With --preset paper, what is found for tables of "
        "test errors is trained stand-alone by the papers' recipes, one network after another and "
        "on this machine, with --ray as well.",
    )
    add_arguments(parser)
    run = parser.add_argument_group("execution (changes no result)")
    run.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    workers = (
        "runs at a time; 0: one per core, or one on each GPU, on a cluster as many as have room"
    )
    add_whole_numbers(run, [("--workers", 0, 0, workers)])
    run.add_argument(
        "--anew", action="store_true", help="carry out those runs too that came with the package"
    )
    run.add_argument(
        "--dry-run",
        action="store_true",
        help="only list the runs that each item needs, which are finished, and what others cost",
    )
    add_cluster_options(parser)
    given = parser.parse_args(arguments)
    cluster = cluster_of(given, given.device)
    names = chosen(given)
    check_choices(given)

    from harness.grid.grid import run_grid
    from harness.running.pipeline import Execution
    from reports.papers.definition.loading import load_item

    items = [load_item(given.paper, name) for name in names]
    execution = Execution(data=given.data, runs=given.runs, device=given.device)
    if given.dry_run:
        for item in items:
            print(listed(item, given, execution))
        return
    there, missing = split(labelled(items, given), given.anew, execution)
    if there:
        print(f"{_came(len(there))}; --anew carries them out too.", file=sys.stderr)
    outcome = run_grid(missing, execution, given.workers, cluster=cluster)
    here = replace(execution, device="auto") if cluster else execution
    retrain(items, given, here, outcome)
    publish(given, names)
    sys.stdout.flush()
    outcome.check()


def listed(item: Item, given: argparse.Namespace, execution: Execution) -> str:
    """The runs of an item, each with its folder and what it lacks, under how many these are."""
    from harness.grid.grid import planned
    from harness.grid.plan import planned_rows
    from reports.papers.measured.runs import FULL

    there, missing = split(labelled([item], given), given.anew, execution)
    jobs, outcome, said = planned(missing, execution, given.workers)
    rows: list[tuple[str, Path | None, str]] = [
        (label, folder, "came with the package") for label, folder in there.items()
    ]
    rows += planned_rows(jobs, outcome, execution.runs)
    more = f" {_came(len(there))}." if there else ""
    lines = [f"{item.name}, {item.title}: {said}{more}"]
    lines += [f"  {label}  {folder or '–'}  {state}" for label, folder, state in rows]
    if rows and item.demand in TRAINED and (given.preset or item.preset) == FULL:
        lines.append("  then what each run finds is trained stand-alone, by the paper's recipe")
    return "\n".join(lines)


def _came(number: int) -> str:
    return f"{counted(number, 'runs')} more came with the package"


def split(
    wanted: Iterable[tuple[str, Config]], anew: bool, execution: Execution
) -> tuple[dict[str, Path], list[tuple[str, Config]]]:
    """The folders of what came with the package, by label, and what has to be carried out.

    A run that is begun in the folder of runs, ``anew``, or trained stand-alone after it is of the
    latter.
    """
    from reports.papers.measured.runs import FULL

    wanted = list(wanted)
    kept = [(label, config) for label, config in wanted if not anew and config.preset != FULL]
    found = {label: _packaged(config, execution) for label, config in kept}
    there = {label: folder for label, folder in found.items() if folder}
    return there, [(label, config) for label, config in wanted if label not in there]


def _packaged(config: Config, execution: Execution) -> Path | None:
    from harness.measured.packaged import PACKAGED
    from harness.running.assembly import ground_truth
    from reports.papers.measured.runs import find

    try:
        table = ground_truth(config, execution.data)[1]
        begun = (execution.runs / config.run_name(table.meta.identity)).exists()
        return None if begun else find(config, PACKAGED, table).folder
    except UsageError:  # what is wrong is told of where it is to be carried out
        return None


def retrain(
    items: Iterable[Item], given: argparse.Namespace, execution: Execution, outcome: Outcome
) -> None:
    """Train what finished runs found, for items that print its errors after a full training."""
    from harness.standalone.run import StandaloneExecution, train_found
    from reports.papers.measured.runs import FULL

    how = StandaloneExecution(execution.data, execution.runs, execution.device)
    trained = (item for item in items if item.demand in TRAINED)
    for label, config in labelled(trained, given):
        if config.preset != FULL or label not in outcome.finished:
            continue
        try:
            train_found(execution.runs / outcome.finished[label], how)
        except UsageError as error:
            del outcome.finished[label]
            outcome.failed[label] = str(error)


def labelled(items: Iterable[Item], given: argparse.Namespace) -> Iterator[tuple[str, Config]]:
    """The runs of all ``items``, each called after the item and row that it is for."""
    for item in items:
        for row, config in item.configs(given.preset, given.task, given.seeds):
            yield f"{item.name} {row.id} s{config.seed}", config
