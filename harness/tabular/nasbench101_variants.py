"""Tables of sub-spaces of NAS-Bench-101, taken from the files of the benchmark.

A labelled cell of the sub-space has the measurements of its class in the benchmark. The third
space of 1Shot1 has no table: it has three times as many labelled cells as the benchmark has cells.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np

from harness.tabular.importer import Cost, Importer
from harness.tabular.nasbench101 import IMPORTER as BENCHMARK
from harness.tabular.table import Table
from searchspaces.errors import UsageError
from searchspaces.nb101.cell import canonical_genes, encode_cell
from searchspaces.nb101.space import CellSpace
from searchspaces.nb101.variants import MixPathSpace, OneShot1Space1, OneShot1Space2


def restrict(table: Table, space: CellSpace, cost: Cost | None) -> Table:
    """The rows of the benchmark's ``table`` that ``space`` can express, one per labelled cell.

    Parameters are those of the network that was trained, which may have its vertices in another
    order, and then at times a channel elsewhere. Raises :class:`UsageError` if no row fits.
    """
    choices = product(*(range(len(site.operators)) for site in space.sites))
    archs = [arch for arch in choices if space.is_valid(arch)]
    rows = table.index([encode_cell(canonical_genes(space.genes(arch))) for arch in archs])
    names = [space.encode(arch) for arch, row in zip(archs, rows, strict=True) if row >= 0]
    if not names:
        raise UsageError(f"the table {table.meta.name} has no cell of {space.name}.")
    rows = rows[rows >= 0]
    meta = replace(
        table.meta,
        space=space.name,
        created_by=table.meta.created_by.replace(" nb101 ", f" {space.name} "),
        notes=f"{table.meta.notes} Isomorphic cells have one measurement.",
    )
    accuracies = {name: values[rows] for name, values in table.accuracies.items()}
    madds = None if cost is None else np.array([cost(name, meta.task)[1] for name in names])
    return Table(meta, names, accuracies, table.params[rows], madds)


def _read_file(make: type[CellSpace], path: Path, cost: Cost | None = None) -> list[Table]:
    return [restrict(table, make(), cost) for table in BENCHMARK.read_file(path, None)]


MIXPATH, ONE_SHOT_1_1, ONE_SHOT_1_2 = (
    Importer(BENCHMARK.files, partial(_read_file, make))
    for make in (MixPathSpace, OneShot1Space1, OneShot1Space2)
)
