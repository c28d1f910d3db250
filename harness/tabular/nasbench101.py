"""NAS-Bench-101 (Ying et al., ICML 2019, arXiv:1902.09635): its published files as a table.

Every cell was trained three times for 108 epochs on 40,000 of CIFAR-10's training images; the
other 10,000 are the validation images.

Tables of sub-spaces are taken from it: a labelled cell of the sub-space has the measurements of
its class in the benchmark. The third space of 1Shot1 has no table: it has three times as many
labelled cells as the benchmark has cells.
"""

from __future__ import annotations

import zipfile
import zlib
from dataclasses import replace
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np

from harness.files.checksums import sha256
from harness.files.sizes import check_file, check_zip
from harness.tabular.importer import SCALE, Cost, Importer
from harness.tabular.nasbench101_tfrecord import EPOCHS, REPEATS, SPLITS, read_runs
from harness.tabular.table import Table, TableMeta
from searchspaces.errors import UsageError
from searchspaces.nb101.cell import EDGES, GENES, INTERIOR, OUTPUT, canonical_genes, encode_cell
from searchspaces.nb101.classes import CLASSES, canonical_strings
from searchspaces.nb101.space import CellSpace
from searchspaces.nb101.variants import MixPathSpace, OneShot1Space1, OneShot1Space2

TASK = "cifar10"
_OFFICIAL, _MEANS = "nasbench_only108.tfrecord", "nb101_108epochs_mean_test.npz"
_PUBLISHED = {
    _OFFICIAL: "4c39c3936e36a85269881d659e44e61a245babcb72cb374eacacf75d0e5f4fd1",
    _MEANS: "086de1ac3090a0b5404d68e73f2cebfc2180ed16dbd4f12a2b7a167fb8e5b585",
}
_BROKEN = (
    OSError,
    LookupError,
    MemoryError,
    TypeError,
    ValueError,
    zipfile.BadZipFile,
    zlib.error,
)
_IMAGES = 10_000  # of validation, and of test
_AUTHORS = (
    "Chris Ying, Aaron Klein, Esteban Real, Eric Christiansen, Kevin Murphy and Frank Hutter "
    "(ICML 2019, arXiv:1902.09635)"
)
_RECIPE = {
    "optimizer": "RMSProp (TensorFlow's: decay 0.9, momentum 0.9, epsilon 1), L2 penalty 1e-4",
    "schedule": "learning rate 0.2, cosine to 0",
    "batch": 256,
    "augmentation": "horizontal flip, random crop (padding 4)",
    "test_trained_on_all": False,
    "truth": TASK,
    "truth_images": {TASK: 40_000},
}


def _table(
    path: Path,
    cost: Cost | None,
    genes: np.ndarray,
    params: np.ndarray,
    fractions: dict[str, np.ndarray],
    source: str,
    licence: str,
    notes: list[str],
) -> Table:
    """The checked table; ``fractions`` of images right, by column.

    Raises :class:`UsageError`, naming the file, for cells outside the space and whatever
    :class:`Table` refuses.
    """
    digest = sha256(path)
    if digest != _PUBLISHED.get(path.name, digest):
        notes = [*notes, "SHA-256 differs from that of the published file of this name."]
    if len(genes) != CLASSES:
        notes = [*notes, f"Partial: {len(genes)} of {CLASSES} cells."]
    meta = TableMeta(
        space="nb101",
        scale=IMPORTER.scale,
        task=TASK,
        source=source,
        licence=licence,
        version="1.0",
        sha256=digest,
        created_by=f"nas-harness table import nb101 {path.name}",
        epochs=EPOCHS,
        resolution={name.split(".")[0]: 100 / _IMAGES for name in fractions},
        training=_RECIPE,
        notes=" ".join(notes),
        authors=_AUTHORS,
    )
    try:
        archs = canonical_strings(genes)
        madds = None if cost is None else np.array([cost(arch, TASK)[1] for arch in archs])
        percent = {name: 100 * values for name, values in fractions.items()}
        return Table(meta, archs, percent, params, madds)
    except UsageError as error:
        raise UsageError(f"{path} is damaged: {error}") from error


def _read_official(path: Path, cost: Cost | None) -> list[Table]:
    """Every training run of the official file; rows in the order of the file."""
    genes, params, runs = read_runs(path)
    fractions = {}
    for index, split in enumerate(SPLITS):
        fractions[f"{split}.{EPOCHS}.mean"] = np.nanmean(runs[:, :, index], axis=1)
        for repeat in range(REPEATS):
            fractions[f"{split}.{EPOCHS}.{repeat}"] = runs[:, repeat, index]
    source = "NAS-Bench-101 (github.com/google-research/nasbench)"
    notes = ["Seeds are the benchmark's repeats in the order of its file."]
    return [_table(path, cost, genes, params, fractions, source, "Apache-2.0", notes)]


def _read_means(path: Path, cost: Cost | None) -> list[Table]:
    """An npz of all cells with mean test accuracies; rows in the order of their hashes."""
    names = ("n_vertices", "adj_bits", "ops_base3", "trainable_params", "mean_test_acc_108")
    check_file(path, "table")
    try:
        check_zip(path, "table")
        with np.load(path) as stored:
            vertices, bits, operators, params, means = (stored[name] for name in names)
        genes = np.zeros((len(vertices), GENES), dtype=np.int8)
        for count in np.unique(vertices).tolist():
            if count not in range(2, INTERIOR + 3):
                raise ValueError(f"a cell of {count} vertices")
            rows = vertices == count
            genes[rows] = _genes(count, bits[rows], operators[rows])
        fractions = {f"test.{EPOCHS}.mean": means.astype(np.float64)}
        params = params.astype(np.int64)
    except _BROKEN as error:
        raise UsageError(f"{path} is damaged or another file: {error}; get it again.") from error
    source = "github.com/NiccoloCavagnero/FreeREA @9c2a726c, cells enumerated and matched by params"
    notes = ["Means over three trainings; no validation accuracy."]
    licence = "Apache-2.0 (the benchmark), MIT (FreeREA)"
    return [_table(path, cost, genes, params, fractions, source, licence, notes)]


def _genes(vertices: int, bits: np.ndarray, operators: np.ndarray) -> np.ndarray:
    """Genes of cells with so many vertices, from their upper triangles read row by row."""
    genes = np.zeros((len(bits), GENES), dtype=np.int8)
    slots = [*range(vertices - 1), OUTPUT]
    pairs = [(source, target) for i, source in enumerate(slots) for target in slots[i + 1 :]]
    for number, edge in enumerate(pairs):
        genes[:, INTERIOR + EDGES.index(edge)] = bits >> number & 1
    for slot in range(vertices - 2):
        genes[:, slot] = operators // 3**slot % 3
    return genes


def _read_file(path: Path, cost: Cost | None = None) -> list[Table]:
    if path.suffix == ".tfrecord":
        return _read_official(path, cost)
    if path.suffix == ".npz":
        return _read_means(path, cost)
    raise UsageError(
        f"{path.name} is no known file of NAS-Bench-101: give {', '.join(IMPORTER.files)}, "
        "or a folder that has one; for accuracies of your own, --truth-columns COLUMN."
    )


TABLE = f"nb101-{SCALE}-{TASK}.parquet"
"""The benchmark's own table, of which those of smaller spaces can be made."""
IMPORTER = Importer(files={_OFFICIAL: (TASK,), _MEANS: (TASK,)}, read_file=_read_file)


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


def _read_restricted(make: type[CellSpace], path: Path, cost: Cost | None = None) -> list[Table]:
    tables = [Table.load(path)] if path.name == TABLE else IMPORTER.read_file(path, None)
    return [restrict(table, make(), cost) for table in tables]


MIXPATH, ONE_SHOT_1_1, ONE_SHOT_1_2 = (
    Importer(IMPORTER.files | {TABLE: (TASK,)}, partial(_read_restricted, make))
    for make in (MixPathSpace, OneShot1Space1, OneShot1Space2)
)
