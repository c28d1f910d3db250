"""What turns the published files of a benchmark into tables, one importer per space."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from harness.files.sizes import check_file
from harness.tabular.table import Table
from searchspaces.errors import UsageError
from searchspaces.registry import Registry

SCALE = "benchmark"  # of the networks that published benchmarks trained

Cost = Callable[[str, str], tuple[int, int]]
"""(encoded architecture, task) to (params, multiply-adds of one image)."""


@dataclass(frozen=True)
class Importer:
    """``files`` maps each published file name, preferred first, to the tasks that it holds.

    ``read_file`` makes the tables of one file; it takes a cost from the :data:`Cost` only where
    the file has none of its own.
    """

    files: dict[str, tuple[str, ...]]
    read_file: Callable[[Path, Cost | None], list[Table]]
    scale: str = SCALE

    def read(self, source: Path | str, cost: Cost | None = None) -> list[Table]:
        """One table per task of a file, or of the published files lying in a folder.

        Raises :class:`UsageError` for a missing, damaged, too large or unknown source.
        """
        source = Path(source)
        if not source.exists():
            raise UsageError(f"{source} does not exist.")
        if not source.is_dir():
            return self._read(source, cost)
        tables: dict[str, Table] = {}
        for name, tasks in self.files.items():
            if (source / name).is_file() and not tables.keys() >= set(tasks):
                for table in self._read(source / name, cost):
                    tables.setdefault(table.meta.task, table)
        if not tables:
            raise UsageError(f"the folder {source} has none of {', '.join(self.files)}.")
        return list(tables.values())

    def _read(self, path: Path, cost: Cost | None) -> list[Table]:
        check_file(path, "published benchmark")
        return self.read_file(path, cost)


IMPORTERS = Registry(
    "benchmark",
    "nas_harness.importers",
    {
        "nb201": "harness.tabular.nasbench201:IMPORTER",
        "nb101": "harness.tabular.nasbench101:IMPORTER",
        "nb101-mixpath": "harness.tabular.nasbench101:MIXPATH",
        "nb101-1shot1-1": "harness.tabular.nasbench101:ONE_SHOT_1_1",
        "nb101-1shot1-2": "harness.tabular.nasbench101:ONE_SHOT_1_2",
        "macro": "harness.tabular.nasbenchmacro:IMPORTER",
    },
)
