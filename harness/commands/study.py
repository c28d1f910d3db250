"""``nas-harness study``: choose how supernets are made on a development sample, report on the rest.

What is chosen is chosen by validation accuracies of 500 architectures, and reported by test
accuracies of all others, so that no choice is made on what is reported.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING

import numpy as np

from harness.commands import grid as grid_command
from harness.config.config import DEVELOPMENT, Config
from harness.config.options import Parser, add_whole_numbers
from searchspaces.errors import UsageError

if TYPE_CHECKING:
    from harness.tabular.table import Table

DEFAULTS = {"--method": ["spos"], "--task": ["cifar10"]}
SEEDS = {"choose": ["100", "101", "102"], "report": ["0", "1", "2"]}


def main(arguments: list[str]) -> None:
    """Carry the runs out, print a row for each setting."""
    parser = Parser(
        prog="nas-harness study",
        description="Carry out runs as 'nas-harness grid' does, on a fixed development sample with "
        "seeds 100 to 102, and print a row for each combination of values: mean tau-b with the "
        "validation accuracies of the sample. With --report: seeds 0 to 2, tau-b with the test "
        "accuracies of all architectures that are not in the sample. The other options are those "
        "of 'nas-harness run', by default --method spos --task cifar10.",
    )
    parser.add_argument("--report", action="store_true", help="report a choice on the rest")
    add_whole_numbers(
        parser,
        [
            ("--workers", 0, 0, "runs at a time; 0: one per core, or one on each GPU"),
            ("--development", 2, DEVELOPMENT, "architectures of the development sample"),
        ],
    )
    given, options = parser.parse_known_args(arguments)
    labelled, execution = grid_command.parse(
        complete(options, given.development, report=given.report), "study"
    )

    from harness.grid.grid import run_grid
    from harness.running.assembly import ground_truth
    from harness.running.pipeline import Execution
    from harness.tasks import settled_task

    settled = cache(settled_task)
    labelled = [
        (label, replace(config, task=settled(config.task, execution["data"])))
        for label, config in labelled
    ]
    tables = {label: ground_truth(config, execution["data"])[1] for label, config in labelled}
    if not given.report:
        for table in tables.values():
            table.truth("val")  # refuses a table without, before anything is trained
    outcome = run_grid(labelled, Execution(**execution), given.workers)
    outcome.check()
    found = {label: execution["runs"] / name for label, name in outcome.finished.items()}
    print(rendered(labelled, found, tables, given.development, report=given.report))


def complete(options: list[str], development: int, *, report: bool) -> list[str]:
    """``options`` with those that a study has of itself.

    Raises :class:`UsageError` where they name the architectures to rank.
    """
    flags = {flag for flag, _ in grid_command.split(options)}
    if "--rank.architectures" in flags:
        raise UsageError("a study ranks its sample or the rest; use --development for the sample.")
    own = DEFAULTS | {"--seed": SEEDS["report" if report else "choose"]}
    added = [text for flag, values in own.items() if flag not in flags for text in (flag, *values)]
    return [*options, *added, "--rank.architectures", "0" if report else str(development)]


def tau(folder: Path, table: Table, development: int, *, report: bool) -> float | None:
    """τ-b of a finished run's scores.

    Of the development sample with validation accuracies, or of all others with test accuracies.
    """
    from pyarrow import parquet

    from harness.metrics.metrics import kendall_tau
    from harness.running.assembly import sampled_rows

    scores = parquet.read_table(folder / "scores.parquet", columns=["arch", "score"])
    rows = table.index(scores["arch"].to_pylist())
    within = np.isin(rows, sampled_rows(table, development))
    truth = table.truth("test" if report else "val")
    chosen = within != report
    return kendall_tau(scores["score"].to_numpy()[chosen], truth[rows[chosen]])


def rendered(
    labelled: Iterable[tuple[str, Config]],
    found: Mapping[str, Path],
    tables: Mapping[str, Table],
    development: int,
    *,
    report: bool,
) -> str:
    """A Markdown row for each setting, best first: mean and range of τ over seeds, and minutes."""
    from harness.files.store import read_json

    groups: dict[str, list[tuple[float, float]]] = {}
    for label, config in labelled:
        folder = found[label]
        value = tau(folder, tables[label], development, report=report)
        setting = label.replace(f"seed {config.seed}", "").strip() or config.method
        minutes = read_json(folder / "run.json")["costs"]["seconds"] / 60
        groups.setdefault(setting, []).append((-1.0 if value is None else value, minutes))
    what = "test accuracy, all but" if report else "validation accuracy of"
    lines = [
        f"| setting | τ, {what} the {development:,} of the sample | lowest | highest | seeds | minutes |",
        "|:--|--:|--:|--:|--:|--:|",
    ]
    for setting, pairs in sorted(groups.items(), key=lambda item: -mean(t for t, _ in item[1])):
        taus = [value for value, _ in pairs]
        minutes = mean(spent for _, spent in pairs)
        lines.append(
            f"| {setting} | {mean(taus):.3f} | {min(taus):.3f} | {max(taus):.3f} | {len(taus)} "
            f"| {minutes:.1f} |"
        )
    return "\n".join(lines)
