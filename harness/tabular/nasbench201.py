"""NAS-Bench-201 v1.1 (Dong and Yang, ICLR 2020, arXiv:2001.00326): its published files as tables.

On CIFAR-10 the benchmark's test accuracy is of networks trained on all 50,000 training images,
its validation accuracy of networks trained on one half and validated on the other
("cifar10-valid").
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from harness.files.sizes import check_file
from harness.files.unpacked import check_parquet
from harness.tabular.importer import Cost, Importer, sha256
from harness.tabular.table import Table, TableMeta, numbers
from searchspaces.errors import UsageError

ROWS = 15_625
_JOINED, _OFFICIAL = "nb201_v1_1.parquet", "NAS-Bench-201-v1_1-096897.pth"
_CSV = {
    "nasbench201_cifar10.csv": "cifar10",
    "nasbench201_cifar100.csv": "cifar100",
    "nasbench201_ImageNet16-120.csv": "imagenet16-120",
}
_PUBLISHED = {
    "nasbench201_cifar10.csv": "c82e70b5ffb0dba0f09d88ecc8df5a6d3ce8da8a99ad223285104f4537314033",
    "nasbench201_cifar100.csv": "87a42005d7005fdb5e4a938ed83dd306d907523f23e70af907dfd276dd5fe35d",
    "nasbench201_ImageNet16-120.csv": (
        "f5225573584977b283f473b0ded7fe51ae599a67063b3bd02b18de36b29fcd6b"
    ),
    _JOINED: "85b4f892c35a2803e9421db9c791b4fdc267f0adddcde861032df83a03a3e788",
}
_IMAGES = {
    "cifar10": {"train": 25_000, "val": 25_000, "test": 10_000},
    "cifar100": {"train": 50_000, "val": 5_000, "test": 5_000},
    "imagenet16-120": {"train": 151_700, "val": 3_000, "test": 3_000},
}
_RECIPE = {
    "optimizer": "SGD, Nesterov momentum 0.9, weight decay 5e-4",
    "schedule": "learning rate 0.1, cosine to 0",
    "batch": 256,
    "augmentation": "horizontal flip, random crop (padding 4; 2 at 16x16)",
}
_OP = "(none|skip_connect|nor_conv_1x1|nor_conv_3x3|avg_pool_3x3)"
_CELL = re.compile(rf"\|{_OP}~0\|\+\|{_OP}~0\|{_OP}~1\|\+\|{_OP}~0\|{_OP}~1\|{_OP}~2\|")


@dataclass(frozen=True)
class Source:
    """One published file and what holds for every table made of it."""

    path: Path
    sha256: str
    origin: str
    licence: str

    @classmethod
    def of(cls, path: Path, origin: str, licence: str) -> Source:
        """The source at ``path``, hashed."""
        return cls(path, sha256(path), origin, licence)

    def table(
        self,
        task: str,
        archs: list[str],
        accuracies: dict[str, np.ndarray],
        costs: np.ndarray | None,
        notes: list[str],
        test_trained_on_all: bool = True,
    ) -> Table:
        """The checked table of one task; ``costs`` int64 ``[rows, 2]``: params, multiply-adds.

        Raises :class:`UsageError`, naming the file, for strings that are no architectures and
        whatever :class:`Table` refuses.
        """
        for arch in archs:
            if not isinstance(arch, str) or not _CELL.fullmatch(arch):
                raise UsageError(f"{self.path}: '{arch}' is not a NAS-Bench-201 architecture.")
        if task == "cifar10":
            notes = [*notes, "Train and validation are of the cifar10-valid training (25k/25k)."]
        if _PUBLISHED.get(self.path.name, self.sha256) != self.sha256:
            notes = [*notes, "SHA-256 differs from that of the published file of this name."]
        meta = TableMeta(
            space="nb201",
            scale=IMPORTER.scale,
            task=task,
            source=self.origin,
            licence=self.licence,
            version="1.1",
            sha256=self.sha256,
            created_by=f"nas-harness table import nb201 {self.path.name}",
            epochs=200,
            resolution={split: 100 / images for split, images in _IMAGES[task].items()},
            training={**_RECIPE, "test_trained_on_all": test_trained_on_all},
            notes=" ".join(notes),
        )
        params, madds = (None, None) if costs is None else costs.T
        try:
            return Table(meta, archs, accuracies, params, madds)
        except UsageError as error:
            raise UsageError(f"{self.path} is damaged: {error}") from error

    def require_all_rows(self, index: pa.ChunkedArray) -> None:
        """Raise :class:`UsageError` unless ``index`` counts all architectures in order."""
        if index.to_pylist() != list(range(ROWS)):
            raise UsageError(
                f"{self.path} is cut short or damaged: it has {len(index)} architectures, not "
                f"the {ROWS} of the benchmark in their order; get the file again."
            )


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
    return [source.table(task, archs, accuracies, costs, notes, task != "cifar10")]


_JOINED_STEMS = {
    "cifar10": {"train": "c10valid_train", "val": "c10valid_valid", "test": "c10full_test"},
    "cifar100": {"train": "c100_train", "val": "c100_valid", "test": "c100_test"},
    "imagenet16-120": {"train": "in16_train", "val": "in16_valid", "test": "in16_test"},
}


def _read_joined(path: Path, cost: Cost | None) -> list[Table]:
    """The joined parquet: 200 and 12 epochs; CIFAR-10 test after full training, also per run."""
    check_file(path, "table")
    source = Source.of(
        path,
        "NASGraph-Public CSVs joined with 12-epoch and per-run accuracies and costs",
        "Apache-2.0 (200-epoch means), MIT (12-epoch and per-run accuracies)",
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
        "or a folder that has them."
    )


_TASKS = tuple(_CSV.values())
IMPORTER = Importer(
    files={_JOINED: _TASKS, _OFFICIAL: _TASKS} | {name: (task,) for name, task in _CSV.items()},
    read_file=_read_file,
)
