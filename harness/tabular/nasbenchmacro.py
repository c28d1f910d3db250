"""NAS-Bench-Macro (Su et al., CVPR 2021, arXiv:2103.11922): its published JSON as a table.

Keys whose networks are the same share one training, copied: 6,561 rows, 3,969 trainings.
"""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from harness.files.checksums import sha256
from harness.files.sizes import check_file
from harness.tabular.importer import Cost, Importer
from harness.tabular.table import Table, TableMeta
from searchspaces.errors import UsageError

_FILE = "nas-bench-macro_cifar10.json"
_PUBLISHED = "686dee8363cc21cca8c1f321ad5749454f2d9b9ca5972682e137e539bc522297"
_EPOCHS, _TRIALS, _TEST_IMAGES = 50, 3, 10_000
_KEYS = ["".join(digits) for digits in product("012", repeat=8)]


def _read_file(path: Path, cost: Cost | None = None) -> list[Table]:
    """The table of the JSON, rows in the order of the keys as numbers.

    Raises :class:`UsageError` for a file that is not the whole benchmark, or whose accuracies do
    not agree with the means and deviations beside them.
    """
    check_file(path, "table")
    digest = sha256(path)
    notes = [
        "Accuracies are of each training's best epoch on the test images, not of its last, and "
        "none is of validation images.",
        "Keys of isomorphic networks carry the numbers of one and the same training: 3,969 "
        "networks were trained.",
    ]
    if digest != _PUBLISHED:
        notes.append("SHA-256 differs from that of the published file of this name.")
    try:
        content = json.loads(path.read_bytes(), object_pairs_hook=_without_repeats)
        if not isinstance(content, dict) or sorted(content) != _KEYS:
            raise ValueError(f"it does not have the {len(_KEYS)} keys of the benchmark")
        accuracies, costs = _numbers(content)
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise UsageError(
            f"{path} is damaged or not the file of NAS-Bench-Macro "
            f"({type(error).__name__}: {error}); get it again."
        ) from error
    columns = {f"test.{_EPOCHS}.{trial}": accuracies[:, trial] for trial in range(_TRIALS)}
    columns[f"test.{_EPOCHS}.mean"] = accuracies.mean(axis=1)
    meta = TableMeta(
        space="macro",
        scale=IMPORTER.scale,
        task="cifar10",
        source="github.com/xiusu/NAS-Bench-Macro @61a2bfc2ca0dce04d0997e6cf498047c27d6acf2",
        licence="Apache-2.0",
        version="1",
        sha256=digest,
        created_by=f"nas-harness table import macro {path.name}",
        epochs=_EPOCHS,
        resolution={"test": 100 / _TEST_IMAGES},
        training={
            "optimizer": "SGD, momentum 0.9, weight decay 5e-4",
            "schedule": "learning rate 0.1, cosine to 0",
            "batch": 256,
            "augmentation": "random crop (padding 4), horizontal flip",
            "selection": "best epoch on test",
            "test_trained_on_all": True,
            "truth_images": {"cifar10": 50_000},
        },
        notes=" ".join(notes),
        authors="Xiu Su, Tao Huang, Yanxi Li, Shan You, Fei Wang, Chen Qian, Changshui Zhang "
        "and Chang Xu (CVPR 2021, arXiv:2103.11922)",
    )
    try:
        return [Table(meta, list(_KEYS), columns, *costs.T)]
    except UsageError as error:
        raise UsageError(f"{path} is damaged: {error}") from error


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) != len(pairs):
        raise ValueError("a key appears twice")
    return content


def _numbers(content: dict[str, dict[str, Any]]) -> tuple[np.ndarray, np.ndarray]:
    """Accuracies ``[keys, trials]``; parameters and multiply-adds, int64 ``[keys, 2]``.

    Raises ``ValueError`` where they are no numbers, or the accuracies have another mean or
    standard deviation than the file states.
    """
    entries = [content[key] for key in _KEYS]
    accuracies = _array([entry["test_acc"] for entry in entries], float)
    stated = _array([[entry["mean_acc"], entry["std"]] for entry in entries], float)
    costs = _array([[entry["params"], entry["flops"]] for entry in entries], int)
    if accuracies.shape != (len(_KEYS), _TRIALS) or (costs < 1).any():
        raise ValueError(f"not {_TRIALS} accuracies and two costs for every key")
    found = np.stack([accuracies.mean(axis=1), accuracies.std(axis=1)], axis=1)
    wrong = np.flatnonzero(~np.isclose(found, stated, rtol=0, atol=1e-9).all(axis=1))
    if len(wrong):
        raise ValueError(
            f"the accuracies of {_KEYS[wrong[0]]} have another mean or deviation than it states"
        )
    return accuracies, costs


def _array(rows: list[list[Any]], kind: type) -> np.ndarray:
    """``rows`` as an array; raises ``ValueError`` if they are ragged or hold another type."""
    if not all(type(value) is kind for row in rows for value in row):
        raise ValueError(f"something that is no {kind.__name__} where one is due")
    return np.array(rows, dtype=kind)


IMPORTER = Importer(files={_FILE: ("cifar10",)}, read_file=_read_file)
