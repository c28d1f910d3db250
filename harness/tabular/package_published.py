"""``python -m harness.tabular.package_published DIR``: the published tables of the package.

``DIR`` holds, at most two folders deep, the files that they are made of. What is left out can be
computed, or nothing here reads it: NOTICE says whose figures these are.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from harness.tabular import nasbench101_hashes
from harness.tabular.ground_truth import analytic_cost
from harness.tabular.importer import IMPORTERS
from harness.tabular.locate import EMBEDDED
from harness.tabular.table import Table
from searchspaces.errors import UsageError
from searchspaces.registry import SPACES


@dataclass(frozen=True)
class Published:
    """The file that the packaged tables of ``space`` are made of, and the splits that they keep."""

    space: str
    file: str
    splits: tuple[str, ...] = ("val", "test")

    def find(self, folder: Path) -> Path:
        """The file in ``folder``; raises :class:`UsageError` where there is none."""
        for level in ("", "*/", "*/*/"):
            for path in sorted(folder.glob(level + self.file)):
                return path
        raise UsageError(f"{folder} has no {self.file}.")

    def tables(self, folder: Path) -> Iterator[Table]:
        """What the package has of the file in ``folder``."""
        path, importer = self.find(folder), IMPORTERS[self.space]
        cost = analytic_cost(SPACES[self.space](importer.scale))
        for table in importer.read(path, cost):
            kept = {
                name: values
                for name, values in table.accuracies.items()
                if name.rpartition(":")[2].split(".")[0] in self.splits
            }
            meta = replace(
                table.meta, created_by=f"python -m harness.tabular.package_published {self.file}"
            )
            yield Table(meta, table.archs, kept, table.params, table.madds, distinct=True)


PUBLISHED = (
    Published("nb201", "nb201_v1_1.parquet"),
    Published("nb101", "nb101_108epochs_mean_test.npz"),
    Published("macro", "nas-bench-macro_cifar10.json"),
)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m harness.tabular.package_published",
        description="Make the published tables that come with the package.",
    )
    parser.add_argument("folder", type=Path, help="folder of the published files")
    parser.add_argument("--output", type=Path, default=EMBEDDED, help="where the tables go")
    given = parser.parse_args(arguments)
    for published in PUBLISHED:
        for table in published.tables(given.folder):
            path = given.output / f"{table.meta.name}.parquet"
            table.save(path, small=True)
            print(f"{path}: {path.stat().st_size:,} bytes")
        if published.space == "nb101":
            with np.load(published.find(given.folder)) as stored:
                print(nasbench101_hashes.save(stored["module_hash"], given.output))


if __name__ == "__main__":
    main()
