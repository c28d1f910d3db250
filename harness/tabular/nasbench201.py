"""The published files of NAS-Bench-201 as tables: CSVs of one task each, and all joined."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from harness.files.sizes import check_file, check_parquet
from harness.tabular.importer import Cost, Importer
from harness.tabular.nasbench201_source import HALF, JOINED, Source
from harness.tabular.table import Table, numbers
from searchspaces.errors import UsageError

_OFFICIAL = "NAS-Bench-201-v1_1-096897.pth"
_CSV = {
    "nasbench201_cifar10.csv": "cifar10",
    "nasbench201_cifar100.csv": "cifar100",
    "nasbench201_ImageNet16-120.csv": "imagenet16-120",
}


def analytic_costs(archs: list[str], task: str, cost: Cost | None) -> np.ndarray | None:
    """``cost`` of every architecture, int64 ``[rows, 2]``; None without a ``cost``."""
    if cost is None:
        return None
    return np.array([cost(arch, task) for arch in archs], dtype=np.int64)


def _read_csv(path: Path, cost: Cost | None) -> list[Table]:
    """A CSV of the project NASGraph-Public: 200 epochs, means over the seeds."""
    check_file(path, "table")
    origin = "github.com/Zhenhan-Huang/NASGraph-Public @1f8fd621c60a48728fcc890818b6b94eee62e4dc"
    source, task = Source.of(path, origin, "Apache-2.0"), _CSV[path.name]
    named = {"train": "train accuracy", "val": "validation accuracy", "test": "test accuracy"}
    types = {"file id": pa.int64(), "arch str": pa.string()}
    types |= dict.fromkeys(named.values(), pa.float64())
    options = pa_csv.ConvertOptions(column_types=types, include_columns=list(types), null_values=[])
    content = path.read_bytes()
    if not content.endswith(b"\n"):
        raise UsageError(f"{path} is cut short: its last line has no end; get the file again.")
    try:
        rows = pa_csv.read_csv(pa.BufferReader(content), convert_options=options)
    except pa.ArrowException as error:
        raise UsageError(f"{path} is damaged: {error}; get the file again.") from error
    source.require_all_rows(rows["file id"])
    notes = ["Means over the seeds of each architecture."]
    if task == "cifar10":
        notes.append(
            "Test, too, is of the cifar10-valid training: not the benchmark's usual CIFAR-10 "
            "test accuracy, which is of networks trained on all 50,000 training images."
        )
    archs = rows["arch str"].to_pylist()
    accuracies = {f"{split}.200.mean": numbers(rows[name]) for split, name in named.items()}
    costs = analytic_costs(archs, task, cost)
    return [source.table(task, archs, accuracies, costs, notes, half=task == "cifar10")]


_JOINED_STEMS = {
    "cifar10": {"train": "c10valid_train", "val": "c10valid_valid", "test": "c10full_test"},
    "cifar100": {"train": "c100_train", "val": "c100_valid", "test": "c100_test"},
    "imagenet16-120": {"train": "in16_train", "val": "in16_valid", "test": "in16_test"},
}


def _read_joined(path: Path, cost: Cost | None) -> list[Table]:
    """The joined parquet: 200 and 12 epochs; CIFAR-10 test of both trainings, of one per run."""
    check_file(path, "table")
    source = Source.of(
        path,
        "NASGraph-Public CSVs joined with 12-epoch and per-run accuracies and costs",
        "MIT (the benchmark); Apache-2.0 (200-epoch means), MIT (12-epoch and per-run accuracies)",
    )
    try:
        check_parquet(path, "table")
        rows = pq.ParquetFile(path).read()
        source.require_all_rows(rows["arch_id"])
        archs = rows["arch_str"].to_pylist()
        tables = []
        for task, stems in _JOINED_STEMS.items():
            accuracies = {f"{s}.200.mean": numbers(rows[f"{c}_200"]) for s, c in stems.items()}
            for split in ("val", "test"):
                accuracies[f"{split}.12.mean"] = numbers(rows[f"{stems[split]}_12"])
            costs, notes = None, []
            if task == "cifar10":
                accuracies |= _runs(rows["c10full_test_200_per_seed"].to_pylist())
                accuracies[f"{HALF}:test.200.mean"] = numbers(rows["c10valid_test_200"])
                millions = [numbers(rows[name]) for name in ("params_M_c10", "flops_M_c10")]
                costs = np.rint(np.stack(millions, axis=1) * 1e6).astype(np.int64)
                notes.append(
                    "Columns test.200.0 to test.200.2 are the runs in the order of the source, "
                    "which does not say which seeds they had."
                )
            else:
                costs = analytic_costs(archs, task, cost)
            tables.append(source.table(task, archs, accuracies, costs, notes))
        return tables
    except (pa.ArrowException, OSError, KeyError, TypeError) as error:
        raise UsageError(f"{path} is damaged or another file: {error}; get it again.") from error


def _runs(lists: list[list[float]]) -> dict[str, np.ndarray]:
    """Columns ``test.200.k`` with the k-th run of each architecture, NaN where it had fewer."""
    columns = {f"test.200.{k}": np.full(len(lists), np.nan) for k in range(max(map(len, lists)))}
    for row, runs in enumerate(lists):
        for k, accuracy in enumerate(runs):
            columns[f"test.200.{k}"][row] = accuracy
    return columns


def _read_file(path: Path, cost: Cost | None = None) -> list[Table]:
    if path.suffix == ".pth":
        from harness.tabular.nasbench201_pth import read_official

        return read_official(path)
    if path.suffix == ".parquet":
        return _read_joined(path, cost)
    if path.name in _CSV:
        return _read_csv(path, cost)
    raise UsageError(
        f"{path.name} is no known file of NAS-Bench-201: give {', '.join(IMPORTER.files)}, "
        "or a folder that has them; for accuracies of your own, --truth-columns COLUMN."
    )


_TASKS = tuple(_CSV.values())
IMPORTER = Importer(
    files={JOINED: _TASKS, _OFFICIAL: _TASKS} | {name: (task,) for name, task in _CSV.items()},
    read_file=_read_file,
)
