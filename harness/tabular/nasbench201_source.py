"""NAS-Bench-201 v1.1 (Dong and Yang, ICLR 2020, arXiv:2001.00326): what holds of all its files.

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

from harness.files.checksums import sha256
from harness.tabular.importer import SCALE
from harness.tabular.table import Table, TableMeta
from searchspaces.errors import UsageError

ROWS = 15_625
JOINED = "nb201_v1_1.parquet"
_PUBLISHED = {
    "nasbench201_cifar10.csv": "c82e70b5ffb0dba0f09d88ecc8df5a6d3ce8da8a99ad223285104f4537314033",
    "nasbench201_cifar100.csv": "87a42005d7005fdb5e4a938ed83dd306d907523f23e70af907dfd276dd5fe35d",
    "nasbench201_ImageNet16-120.csv": (
        "f5225573584977b283f473b0ded7fe51ae599a67063b3bd02b18de36b29fcd6b"
    ),
    JOINED: "85b4f892c35a2803e9421db9c791b4fdc267f0adddcde861032df83a03a3e788",
}
HALF_FILE = _PUBLISHED["nasbench201_cifar10.csv"]
"""Of the file that has CIFAR-10's training on half of the images only."""
_IMAGES = {
    "cifar10": {"train": 25_000, "val": 25_000, "test": 10_000},
    "cifar100": {"train": 50_000, "val": 5_000, "test": 5_000},
    "imagenet16-120": {"train": 151_700, "val": 3_000, "test": 3_000},
}
_TRAINED_ON = {"cifar10": 50_000, "cifar100": 50_000, "imagenet16-120": 151_700}
HALF, HALF_IMAGES = "cifar10-valid", 25_000
"""CIFAR-10's training on half of the images, and their number."""
_AUTHORS = "Xuanyi Dong and Yi Yang (NAS-Bench-201, ICLR 2020, arXiv:2001.00326)"
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
        half: bool = False,
    ) -> Table:
        """The checked table of one task; ``costs`` int64 ``[rows, 2]``: params, multiply-adds.

        ``half`` says that the test columns are of the training :data:`HALF`. Raises
        :class:`UsageError`, naming the file, for strings that are no architectures and whatever
        :class:`Table` refuses.
        """
        for arch in archs:
            if not isinstance(arch, str) or not _CELL.fullmatch(arch):
                raise UsageError(f"{self.path}: '{arch}' is not a NAS-Bench-201 architecture.")
        if task == "cifar10":
            notes = [*notes, "Train and validation are of the cifar10-valid training (25k/25k)."]
        truth, truths = task, {task: _TRAINED_ON[task]}
        if half:
            truth, truths = HALF, {HALF: HALF_IMAGES}
        elif any(name.startswith(f"{HALF}:") for name in accuracies):
            truths[HALF] = HALF_IMAGES
        if _PUBLISHED.get(self.path.name, self.sha256) != self.sha256:
            notes = [*notes, "SHA-256 differs from that of the published file of this name."]
        meta = TableMeta(
            space="nb201",
            scale=SCALE,
            task=task,
            source=self.origin,
            licence=self.licence,
            version="1.1",
            sha256=self.sha256,
            created_by=f"nas-harness table import nb201 {self.path.name}",
            epochs=200,
            resolution={split: 100 / images for split, images in _IMAGES[task].items()},
            training={
                **_RECIPE,
                "test_trained_on_all": not half,
                "truth": truth,
                "truth_images": truths,
            },
            notes=" ".join(notes),
            authors=_AUTHORS,
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
