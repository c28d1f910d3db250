"""The one schema of ground truth: stand-alone accuracies of architectures in a parquet file."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import InitVar, asdict, dataclass, field, fields, replace
from functools import cached_property
from itertools import repeat
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from harness.files.checksums import BLANK, is_intact, is_sealed, seal
from harness.files.counts import counted
from harness.files.sizes import check_parquet, read_bytes
from harness.files.store import atomic_path
from searchspaces.errors import UsageError
from searchspaces.registry import nearest

SCHEMA_VERSION = 1
_ACCURACY = re.compile(r"(?:([a-z0-9-]+):)?(train|val|test)\.[1-9]\d*\.(mean|\d+)")
_COSTS = ("params", "madds")
_COST = "cost:"  # before the name of any other cost's column in the file
_SMALLEST = 22  # zstd's highest level


@dataclass(frozen=True)
class TableMeta:
    """What a table is about and where it comes from.

    ``epochs`` is the default training length. ``resolution`` maps each split to the accuracy of
    one image, 100 / number of images. ``sha256`` is that of the file the table was made from,
    ``created_by`` the command that makes it again, ``authors`` who measured. ``training``
    describes the recipe; its key ``test_trained_on_all`` is false where the networks behind the
    test columns saw only a part of the training images, ``truth`` names that training (by default
    as the task), ``truth_images`` maps every training whose test accuracies the table has to its
    number of images. ``measured`` is what the builder found out about its table: accuracy
    spread, floors, ceiling (:func:`harness.metrics.describe_table.measure`) and the median of
    ``cpu_seconds`` of a training, or of ``gpu_seconds`` on the wall. Raises :class:`UsageError` for values of other kinds.
    """

    space: str
    scale: str
    task: str
    source: str
    licence: str
    version: str
    sha256: str
    created_by: str
    epochs: int
    resolution: dict[str, float]
    training: dict[str, Any]
    notes: str = ""
    measured: dict[str, Any] = field(default_factory=dict)
    authors: str = ""
    schema_version: int = SCHEMA_VERSION

    def __post_init__(self) -> None:
        texts = (f.name for f in fields(self) if f.type == "str")
        good = dict.fromkeys(texts, str) | dict.fromkeys(
            ("resolution", "training", "measured"), dict
        )
        wrong = [name for name, kind in good.items() if not isinstance(getattr(self, name), kind)]
        if not wrong and not all(map(_is_resolution, self.resolution.values())):
            wrong = ["resolution"]
        if type(self.epochs) is not int or self.epochs < 1:
            wrong.append("epochs")
        if wrong:
            raise UsageError(
                f"the metadata of a table have a wrong value for {', '.join(wrong)}; make the "
                "table again."
            )

    @property
    def name(self) -> str:
        """``space-scale-task``, which is also the stem of the table's file."""
        return f"{self.space}-{self.scale}-{self.task}"

    @property
    def identity(self) -> str:
        """What a result that was ranked against the table depends on."""
        return f"{self.name} {self.version} {self.sha256} schema {self.schema_version}"

    @property
    def truth(self) -> str:
        """The name of the training whose networks the test columns are of."""
        # NAS-Bench-201's CSVs, imported before tables named their training
        half = self.space == "nb201" and not self.training.get("test_trained_on_all", True)
        return self.training.get("truth", f"{self.task}-valid" if half else self.task)

    @property
    def truths(self) -> dict[str, int]:
        """The trainings whose test accuracies the table has, its own first: images of each.

        0 stands for a number that nobody noted.
        """
        return {self.truth: 0} | self.training.get("truth_images", {})

    def training_of(self, split: str) -> str:
        """The name of the training that accuracies of ``split`` are of.

        Where a benchmark trained on all images and, as ``{task}-valid``, on a part of them, only
        the latter left validation images.
        """
        part = f"{self.task}-valid"
        return part if split == "val" and part in self.truths else self.truth

    @property
    def truth_text(self) -> str:
        """``cifar10-valid (trained on 25,000 images)``: for titles and notes."""
        images = self.truths[self.truth]
        return f"{self.truth} (trained on {images:,} images)" if images else self.truth


def _is_resolution(value: Any) -> bool:
    return type(value) in (int, float) and 0 < value <= 100


@dataclass(frozen=True, eq=False, repr=False)
class Table:
    """Ground truth of one (space, scale, task); row order is the architecture index.

    ``archs`` are encoded architectures. ``accuracies`` maps ``{split}.{epochs}.{seed|mean}`` to
    float64 percent, NaN where that seed was not run; with ``{truth}:`` before it, it is of
    another training than the test columns (:meth:`of_training`). ``params`` and ``madds`` are int64 per
    architecture, or None where unknown; ``costs`` are others by name, float64, such as a latency that
    was measured, NaN where unknown. Raises :class:`UsageError` for repeated architectures
    (not looked for if they are known to be ``distinct``), wrong lengths or column names,
    accuracies outside 0..100, and a default mean with gaps.
    """

    meta: TableMeta
    archs: list[str]
    accuracies: dict[str, np.ndarray]
    params: np.ndarray | None = None
    madds: np.ndarray | None = None
    costs: dict[str, np.ndarray] = field(default_factory=dict)
    distinct: InitVar[bool] = False

    def __post_init__(self, distinct: bool) -> None:
        if not distinct and len(self._rows) != len(self.archs):
            raise UsageError(f"{self.meta.name}: the same architecture appears in several rows.")
        columns = {**self.accuracies, **self.costs, "params": self.params, "madds": self.madds}
        for name, values in columns.items():
            if values is not None and len(values) != len(self.archs):
                raise UsageError(
                    f"{self.meta.name}: column {name} has {len(values)} values for "
                    f"{len(self.archs)} architectures."
                )
        for name, values in self.accuracies.items():
            self._check_accuracy(name, values)

    def _check_accuracy(self, name: str, values: np.ndarray) -> None:
        if not _ACCURACY.fullmatch(name):
            raise UsageError(
                f"{self.meta.name}: column '{name}' is not called split.epochs.seed, "
                "for instance test.200.mean."
            )
        wrong = np.flatnonzero((values < 0) | (values > 100))
        if len(wrong):
            raise UsageError(
                f"{self.meta.name}: {name} of row {wrong[0]} is {values[wrong[0]]}, "
                "which is no percentage."
            )
        if name.endswith(f".{self.meta.epochs}.mean") and np.isnan(values).any():
            row = np.flatnonzero(np.isnan(values))[0]
            raise UsageError(f"{self.meta.name}: row {row} has no {name}.")

    def __len__(self) -> int:
        return len(self.archs)

    def __repr__(self) -> str:
        splits = " and ".join(
            split
            for split in ("train", "val", "test")
            if f"{split}.{self.meta.epochs}.mean" in self.accuracies
        )
        return (
            f"<Table {self.meta.name}: {len(self):,} architectures, {splits or 'no'} accuracy "
            f"after {counted(self.meta.epochs, 'epochs')}>"
        )

    @cached_property
    def _rows(self) -> dict[str, int]:
        return {arch: row for row, arch in enumerate(self.archs)}

    def index(self, strings: Sequence[str]) -> np.ndarray:
        """The row of each encoded architecture, int64; -1 where the table has none.

        Raises :class:`UsageError` for one string, whose letters are no architectures.
        """
        if isinstance(strings, str):
            raise UsageError(f"index takes several architectures; give one as [{strings!r}].")
        rows = map(self._rows.get, strings, repeat(-1))
        return np.fromiter(rows, dtype=np.int64, count=len(strings))

    def accuracy(
        self, split: str, epochs: int | None = None, seed: int | str = "mean"
    ) -> np.ndarray:
        """Percent per row, float64, NaN where not run; raises :class:`UsageError` if no column."""
        name = f"{split}.{epochs or self.meta.epochs}.{seed}"
        if name not in self.accuracies:
            raise UsageError(
                f"the table {self.meta.name} has no {name}{nearest(name, self.accuracies)}"
            )
        return self.accuracies[name]

    def cost(self, name: str) -> np.ndarray:
        """``params``, ``madds`` or another cost, each in its own unit, per row.

        Raises :class:`UsageError` for any other name: accuracies are no costs, for no search may
        see them.
        """
        own = {key: getattr(self, key) for key in _COSTS if getattr(self, key) is not None}
        known = own | self.costs
        if name not in known:
            has = f"it has {', '.join(known)}" if known else "it has none"
            raise UsageError(f"the table {self.meta.name} has no cost '{name}'; {has}.")
        return known[name]

    def seeds(self, split: str, epochs: int | None = None) -> list[str]:
        """The seeds with a column of their own, in ascending order."""
        stem = f"{split}.{epochs or self.meta.epochs}."
        found = [name[len(stem) :] for name in self.accuracies if name.startswith(stem)]
        return sorted((seed for seed in found if seed != "mean"), key=int)

    def truth(self, split: str) -> np.ndarray:
        """Mean accuracy at the resolution of one image: what scores are compared with.

        Ties then do not depend on how many seeds an architecture had. Exact halves round to
        even; sources carry noise around 1e-7 that must not decide them, hence the inner rounding.
        """
        mean = self.accuracy(split)
        if split not in self.meta.resolution:
            raise UsageError(f"the table {self.meta.name} does not say how many {split} images.")
        step = self.meta.resolution[split]
        return np.rint(np.round(mean / step, 4)) * step

    def of_training(self, truth: str) -> Table:
        """The table whose test columns are of the training named ``truth``; "" is its own.

        Its ``version``, and so its identity, names a training that is not the table's own. Raises
        :class:`UsageError` where the table has none of that name.
        """
        if truth in ("", self.meta.truth):
            return self
        if truth not in self.meta.truths:
            raise UsageError(
                f"the table {self.meta.name} has test accuracies of the training "
                f"{' and '.join(self.meta.truths)}, none of '{truth}'."
            )
        kept = {
            name: values
            for name, values in self.accuracies.items()
            if ":" not in name and not name.startswith("test.")
        }
        prefix = f"{truth}:"
        for name, values in self.accuracies.items():
            if name.startswith(prefix):
                kept[name.removeprefix(prefix)] = values
        images = self.meta.truths
        training = self.meta.training | {
            "truth": truth,
            "truth_images": {truth: images[truth]},
            "test_trained_on_all": images[truth] == max(images.values()),
        }
        meta = replace(self.meta, version=f"{self.meta.version} {truth}", training=training)
        return Table(meta, self.archs, kept, self.params, self.madds, self.costs, distinct=True)

    def save(self, path: Path | str, *, small: bool = False) -> None:
        """Write the table atomically; raises :class:`UsageError` if the folder is not writable.

        A ``small`` file takes long to write and holds every number just the same.
        """
        costs = {name: getattr(self, name) for name in _COSTS}
        arrays = {"arch": pa.array(self.archs, pa.string())}
        arrays |= {k: pa.array(v, pa.int64()) for k, v in costs.items() if v is not None}
        arrays |= {k: pa.array(v, pa.float64()) for k, v in self.accuracies.items()}
        arrays |= {f"{_COST}{k}": pa.array(v, pa.float64()) for k, v in self.costs.items()}
        meta = json.dumps(asdict(self.meta), allow_nan=False)
        table = pa.table(arrays).replace_schema_metadata({"nas_harness": meta, "seal": BLANK})
        sink = pa.BufferOutputStream()
        dictionary = [name for name in arrays if name != "arch"] if small else False
        level = _SMALLEST if small else None
        pq.write_table(
            table, sink, compression="zstd", compression_level=level, use_dictionary=dictionary
        )
        with atomic_path(path) as temporary:
            temporary.write_bytes(seal(sink.getvalue().to_pybytes()))

    @classmethod
    def load(cls, path: Path | str) -> Table:
        """Read a table; raises :class:`UsageError` if missing, damaged, too large or no table."""
        content = _read_whole(Path(path))
        try:
            check_parquet(path, "table", content)
            stored = pq.ParquetFile(pa.BufferReader(content)).read(use_threads=False)
            meta = json.loads(stored.schema.metadata[b"nas_harness"])
            version = meta["schema_version"]
            if version != SCHEMA_VERSION:
                raise UsageError(
                    f"{path} has table schema {version}, this version reads {SCHEMA_VERSION}; "
                    "make it again, or use the version that wrote it."
                )
            columns = {name: numbers(stored[name]) for name in stored.column_names[1:]}
            costs: dict[str, Any] = {name: columns.pop(name, None) for name in _COSTS}
            others = [name for name in columns if name.startswith(_COST)]
            costs["costs"] = {name.removeprefix(_COST): columns.pop(name) for name in others}
            if stored["arch"].null_count or stored["arch"].type != pa.string():
                raise TypeError("architectures are not text")
            archs = stored["arch"].to_pylist()
            return cls(TableMeta(**meta), archs, columns, **costs, distinct=True)  # as saved
        except (pa.ArrowException, OSError, KeyError, TypeError, ValueError) as error:
            raise UsageError(f"{path} does not have the columns of a table: {error}") from error


def numbers(column: pa.ChunkedArray) -> np.ndarray:
    """The values of a numeric column; raises ``TypeError`` if one is missing or it is text.

    ``to_numpy`` would import pandas: half a second.
    """
    array = column.combine_chunks()
    if array.null_count or not pa.types.is_primitive(array.type):
        raise TypeError(f"{array.type} with {array.null_count} gaps where numbers are due")
    return np.from_dlpack(array)


def _read_whole(path: Path) -> bytes:
    """The bytes of a sealed parquet file, every one of them checked."""
    try:
        content = read_bytes(path, "table")
    except OSError as error:
        raise UsageError(f"cannot read the table {path}: {error.strerror}.") from error
    if not content.startswith(b"PAR1"):
        raise UsageError(f"{path} is not a table: it is not a parquet file.")
    again = "get or make the file again (`nas-harness table import` or `table build`)."
    if not content.endswith(b"PAR1"):
        raise UsageError(f"the table {path} is cut short; {again}")
    if not is_sealed(content):
        raise UsageError(f"{path} is a parquet file but not a table of this harness; {again}")
    if not is_intact(content):
        raise UsageError(f"the table {path} is damaged (its checksum differs); {again}")
    return content
