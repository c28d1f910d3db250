"""``nas-harness grid``: many runs at once, of every combination of the values of their options."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from itertools import chain, product
from typing import Any

from harness.commands import run as run_command
from harness.config.config import Config
from harness.config.options import Parser, add_whole_numbers
from harness.jobs.cluster_options import add_cluster_options, cluster_of
from searchspaces.errors import UsageError
from searchspaces.registry import Registry

COMPARISONS = Registry(
    "comparison", "nas_harness.comparisons", {"runs": "reports.commands.compare:main"}
)  # called with the folders of finished runs


def main(arguments: list[str]) -> None:
    """Carry the runs out and print the folder of each; tell how they compare."""
    parser = Parser(
        prog="nas-harness grid",
        description="Carry out runs side by side: the options are those of 'nas-harness run', and "
        "one with several values stands for a run with each, as in `nas-harness grid --method "
        "spos fairnas --seed 0 1 2`. The same command continues a grid that was stopped. At the end "
        "stand the folders of the runs, and what 'nas-harness compare' says of them.",
    )
    workers = (
        "runs at a time; 0: one per core, or one on each GPU, on a cluster as many as have room"
    )
    add_whole_numbers(parser, [("--workers", 0, 0, workers)])
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="only name the runs, which of them are finished, and what the others cost",
    )
    add_cluster_options(parser)
    given, options = parser.parse_known_args(arguments)
    labelled, execution = parse(options)
    run_command.require_method(arguments, "grid")
    cluster = cluster_of(given, execution["device"])

    from harness.grid.grid import planned, run_grid
    from harness.grid.plan import planned_rows
    from harness.running.pipeline import Execution

    how = Execution(**execution)
    if given.dry_run:
        jobs, outcome, said = planned(labelled, how, given.workers, cluster)
        for _, folder, state in planned_rows(jobs, outcome, how.runs):
            if folder:
                print(f"{folder}  {state}")
        print(said)
        outcome.check()
        return
    outcome = run_grid(labelled, how, given.workers, cluster=cluster)
    folders = [str(how.runs / name) for name in outcome.finished.values()]
    for folder in folders:
        print(folder)
    if len(folders) > 1:
        compare(folders)
    outcome.check()


def compare(folders: list[str]) -> None:
    """Tell on standard error how the runs compare, or why they do not."""
    sys.stdout.flush()
    try:
        with redirect_stdout(sys.stderr):
            COMPARISONS["runs"](folders)
    except UsageError as error:
        print(f"not compared: {error}", file=sys.stderr)


def parse(
    arguments: list[str], command: str = "grid"
) -> tuple[list[tuple[str, Config]], dict[str, Any]]:
    """The labelled configurations of ``command`` and how to execute them.

    Raises :class:`UsageError` for what is no option of a run, and for several values where a grid
    can have but one.
    """
    options = split(arguments)
    varied = {flag for flag, values in options if len(values) > 1}
    labelled, execution = [], None
    for values in product(*(values or [""] for _, values in options)):
        line = [
            [flag, value] if value else [flag]
            for (flag, _), value in zip(options, values, strict=True)
        ]
        config, own, as_json, threads = run_command.parse(list(chain(*line)), command)
        if as_json or threads:
            raise UsageError(
                "a grid takes no --json; `nas-harness compare RUNS` writes what its runs say."
                if as_json
                else "a grid takes no --threads: each of its runs has one on a CPU; --workers tells "
                "how many of them go at a time."
            )
        if execution not in (None, own):
            raise UsageError(
                "--data, --runs, --device, --watch and --log take one value in a grid; --log may be "
                "given several times."
            )
        execution = own
        label = " ".join(chain(*(part for part in line if part[0] in varied)))
        labelled.append((label.replace("--", "") or config.method, config))
    return labelled, execution


def split(arguments: list[str]) -> list[tuple[str, list[str]]]:
    """Each flag of a command line with the values that follow it."""
    options: list[tuple[str, list[str]]] = []
    for text in arguments:
        if text.startswith("--"):
            flag, given, value = text.partition("=")
            options.append((flag, [value] if given else []))
        elif not options:
            raise UsageError(f"'{text}' follows no option; see 'nas-harness grid --help'.")
        else:
            options[-1][1].append(text)
    return options
