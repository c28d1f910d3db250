"""The official ``NAS-Bench-201-v1_1-096897.pth``, read through package nas-bench-201.

The file is one pickle of 4.7 GB, so all of it must be in memory at once: about 22 GB. Reading it
takes some three minutes.
"""

from __future__ import annotations

import pickle
import struct
import zipfile
import zlib
from collections import OrderedDict, defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from harness.files.sizes import check_zip
from harness.tabular.nasbench201_source import HALF, ROWS, Source
from harness.tabular.table import Table
from searchspaces.errors import UsageError

_EPOCHS = {"less": 12, "full": 200}
_SETS = {
    "cifar10": {
        "train": ("cifar10-valid", "train"),
        "val": ("cifar10-valid", "x-valid"),
        "test": ("cifar10", "ori-test"),
        f"{HALF}:test": (HALF, "ori-test"),
    },
    "cifar100": {
        "train": ("cifar100", "train"),
        "val": ("cifar100", "x-valid"),
        "test": ("cifar100", "x-test"),
    },
    "imagenet16-120": {
        "train": ("ImageNet16-120", "train"),
        "val": ("ImageNet16-120", "x-valid"),
        "test": ("ImageNet16-120", "x-test"),
    },
}
"""Task to split to the benchmark's names of what was trained on and what it was evaluated on."""


def read_official(path: Path) -> list[Table]:
    """The three tables, with every seed, at 12 and 200 epochs.

    Raises :class:`UsageError` for a file in another layout or without package nas-bench-201.
    """
    try:
        from nas_201_api import ArchResults
    except ImportError as error:
        raise UsageError(
            f"reading {path.name} needs package nas-bench-201: `pip install nas-bench-201`."
        ) from error
    source = Source.of(path, "NAS-Bench-201 (github.com/D-X-Y/NAS-Bench-201)", "MIT")
    try:
        content = _load(path)
        return _tables(source, content["meta_archs"], content["arch2infos"], ArchResults)
    except _BROKEN as error:
        raise UsageError(
            f"{path} is damaged or not a file of NAS-Bench-201 "
            f"({type(error).__name__}: {error}); get it again."
        ) from error


def _tables(
    source: Source, names: list[str], infos: dict[int, dict], results_class: Any
) -> list[Table]:
    indices = sorted(infos)
    columns: dict[str, dict[str, np.ndarray]] = {
        task: defaultdict(lambda: np.full(len(indices), np.nan)) for task in _SETS
    }
    costs = {task: np.zeros((len(indices), 2), dtype=np.int64) for task in _SETS}
    for row, index in enumerate(indices):
        info = infos.pop(index)
        for part, epochs in _EPOCHS.items():
            results = results_class.create_from_state_dict(info[part])
            for task, sets in _SETS.items():
                for split, (dataset, evaluation) in sets.items():
                    accuracies = _accuracies(results, dataset, evaluation)
                    for seed, accuracy in accuracies.items():
                        columns[task][f"{split}.{epochs}.{seed}"][row] = accuracy
                    if accuracies:
                        mean = np.mean(list(accuracies.values()))
                        columns[task][f"{split}.{epochs}.mean"][row] = mean
        for task, sets in _SETS.items():
            trial = next(iter(results.query(sets["test"][0]).values()))
            costs[task][row] = np.rint([trial.params * 1e6, trial.flop * 1e6])
    archs = [names[index] for index in indices]
    notes = ["Seeds are the benchmark's own; one to three per architecture."]
    if len(archs) != ROWS:
        notes.append(f"Partial: {len(archs)} of {ROWS} architectures; rows are not their indices.")
    return [
        source.table(
            task, archs, dict(sorted(columns[task].items(), key=_own_first)), costs[task], notes
        )
        for task in _SETS
    ]


def _own_first(column: tuple[str, np.ndarray]) -> tuple[bool, str]:
    """Columns of another training than the benchmark's own come last."""
    return ":" in column[0], column[0]


def _accuracies(results: Any, dataset: str, evaluation: str) -> dict[int, float]:
    """Seed to accuracy after the last epoch, empty where nothing was trained on ``dataset``."""
    if dataset not in results.get_dataset_names():
        return {}
    return {
        seed: (trial.get_train() if evaluation == "train" else trial.get_eval(evaluation))[
            "accuracy"
        ]
        for seed, trial in results.query(dataset).items()
    }


class _DType:
    """Stands for ``numpy.dtype`` in a pickle: type code and byte order."""

    def __init__(self, code: str, *_: object):
        self.code, self.order = code, "<"

    def __setstate__(self, state: tuple) -> None:
        self.order = state[1]


def _scalar(dtype: _DType, raw: bytes) -> float:
    return np.frombuffer(raw, np.dtype(dtype.order + dtype.code))[0].item()


def _latin1(text: str, codec: str) -> bytes:
    return text.encode("latin1")


class _PlainUnpickler(pickle.Unpickler):
    """Builds containers and numbers and refuses everything else, so it runs no foreign code.

    ``torch.load(weights_only=True)`` is as safe, but takes some fifteen times longer on this many
    small objects, and refuses the numpy numbers among them.
    """

    _known = {
        ("collections", "OrderedDict"): OrderedDict,
        ("__builtin__", "set"): set,
        ("_codecs", "encode"): _latin1,
        ("numpy", "dtype"): _DType,
        ("numpy.core.multiarray", "scalar"): _scalar,
        ("numpy._core.multiarray", "scalar"): _scalar,
    }

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self._known:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}")
        return self._known[module, name]


_BROKEN = (
    pickle.UnpicklingError,
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""What reading a damaged archive or pickle can raise."""

_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C


def _load(path: Path) -> Any:
    """The object in a file of ``torch.save``, in its zip or its older plain form."""
    if zipfile.is_zipfile(path):
        check_zip(path, "published benchmark")
        with zipfile.ZipFile(path) as archive:
            (name,) = (name for name in archive.namelist() if name.endswith("/data.pkl"))
            with archive.open(name) as stream:
                return _PlainUnpickler(stream).load()
    with open(path, "rb") as stream:
        magic, _protocol, _system, content, _tensors = (
            _PlainUnpickler(stream).load() for _ in range(5)
        )
    if magic != _LEGACY_MAGIC:
        raise ValueError("not written by torch.save")
    return content
