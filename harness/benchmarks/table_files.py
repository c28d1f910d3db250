"""Tables to measure with: published ones where they are to be had, or made up in the same size."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path

import numpy as np

from harness.benchmarks.programs import ROOT, completed
from harness.tabular.locate import MissingTable, find_table
from harness.tabular.table import Table, TableMeta
from searchspaces.registry import SPACES

ROWS = {"nb201": 15_625, "nb101": 423_624}
_OPEN = """
import json, sys, time
from harness.benchmarks.memory import peak_mb, resident_mb
from harness.tabular.table import Table

before, began, cpu = resident_mb(), time.perf_counter(), time.process_time()
table = Table.load(sys.argv[1])
spent = time.perf_counter() - began, time.process_time() - cpu
stays, peak = resident_mb() - before, peak_mb() - before
print(json.dumps({"wall": spent[0], "cpu": spent[1], "mb": stays, "peak_mb": peak}))
"""


def table_of(space: str, data: Path | None, rng: np.random.Generator) -> tuple[Table, str]:
    """The table of ``space`` on CIFAR-10 and its origin: ``published`` or ``synthetic``."""
    try:
        return find_table(space, "benchmark", "cifar10", data), "published"
    except MissingTable:
        return synthetic(space, ROWS[space], rng), "synthetic"


def synthetic(space: str, rows: int, rng: np.random.Generator) -> Table:
    """A table of so many rows with made-up accuracies at the resolution of 10,000 images.

    Architectures are those of NAS-Bench-201 as far as they go, and else names of that length.
    """
    cells = SPACES["nb201"]()
    archs = [cells.encode(arch) for arch in product(range(5), repeat=6)][:rows]
    archs += [
        f"made up, and as long as one of a cell: {row:08d}" for row in range(len(archs), rows)
    ]
    seeds = [np.round(rng.normal(90, 3, rows).clip(0, 100), 2) for _ in range(3)]
    accuracies = {f"test.200.{seed}": values for seed, values in enumerate(seeds)}
    accuracies["test.200.mean"] = np.mean(seeds, axis=0)
    meta = TableMeta(
        space=space,
        scale="benchmark",
        task="cifar10",
        source="made up",
        licence="none",
        version="1",
        sha256="",
        created_by="nas-harness bench",
        epochs=200,
        resolution={"test": 0.01},
        training={},
    )
    costs = (rng.integers(10**5, 10**7, rows) for _ in range(2))
    return Table(meta, archs, accuracies, *costs)


def opened(path: Path) -> dict[str, float]:
    """Seconds (``wall``, ``cpu``) and megabytes of opening ``path`` in a process of its own.

    Modules are imported before; ``mb`` is what stays, ``peak_mb`` what was needed for a moment.
    """
    return json.loads(completed("Table.load", ["-c", _OPEN, str(path)], cwd=ROOT).stdout)


def command_line_help() -> None:
    """``nas-harness --help`` in a process of its own."""
    _call(["--help"])


def evaluate_command(scores: Path, space: str) -> None:
    """``nas-harness evaluate`` of a file of scores in a process of its own, with its imports."""
    _call(["evaluate", str(scores), "--space", space, "--task", "cifar10"])


def _call(arguments: list[str]) -> None:
    script = f"import sys; from harness.cli import main; sys.exit(main({arguments!r}))"
    completed(" ".join(["nas-harness", *arguments]), ["-c", script], cwd=ROOT)
