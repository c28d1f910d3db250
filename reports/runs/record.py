"""A finished run as reports see it, checked: its record, its scores, what its τ is read between."""

from __future__ import annotations

import hashlib
import json
import math
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from harness.config.config import SCHEMA_VERSION
from harness.files.checksums import check_unchanged
from harness.files.sizes import check_file, check_parquet
from harness.files.store import read_json
from harness.measured.packaged import place
from harness.metrics.floors import LABELS, RANDOM, floor_label
from harness.metrics.intervals import Interval
from harness.metrics.metrics import with_present_names
from searchspaces.errors import UsageError

if TYPE_CHECKING:
    import pandas

REQUIRED = (
    ("config", "method"),
    ("config", "space"),
    ("config", "task"),
    ("config", "seed"),
    ("ground_truth", "table"),
    ("ground_truth", "split"),
    ("scoring", "split"),
    ("scoring", "bn"),
    ("epochs",),
    ("n",),
    ("n_table",),
    ("metrics", "all", "kendall_tau"),
)
T = TypeVar("T")
CEILINGS = {  # best first: the second measurement most like the truth itself
    "seed_mean": "ceiling",
    "validation": "ceiling (val)",
    "single_seed": "ceiling (1 seed)",
}
UNSHOWN = ("costs", "files", "processor", "versions", "watch", "training", "checkpoint_kept")
TRACES = ("checkpoint.pt", "scores.partial.jsonl", ".lock")


@dataclass(frozen=True)
class Record:
    """The record of one run and the folder it came from."""

    folder: Path
    content: dict[str, Any]

    def get(self, *keys: str) -> Any:
        """What lies under nested ``keys``; None where one of them is absent."""
        tree: Any = self.content
        for key in keys:
            if not isinstance(tree, dict):
                return None
            tree = tree.get(key)
        return tree

    def number(self, *keys: str) -> float | None:
        """The number under ``keys``; None where it is absent or null.

        Raises :class:`UsageError` for anything else that is no finite number.
        """
        found = self.get(*keys)
        if found is None:
            return None
        if not isinstance(found, int | float) or not math.isfinite(found):
            raise self.damaged(f"{'.'.join(keys)} is no number")
        return float(found)

    def interval(self, *keys: str) -> Interval:
        """The interval under ``keys``; all None where it is absent or null."""
        if not isinstance(self.get(*keys), dict | None):
            raise self.damaged(f"{'.'.join(keys)} is no interval")
        value, low, high = (self.number(*keys, bound) for bound in ("value", "low", "high"))
        return Interval(value=value, low=low, high=high, n=int(self.number(*keys, "n") or 0))

    @property
    def truth_scale(self) -> str:
        """The scale of the ground truth's networks; before both were recorded the supernet's too."""
        own = self.get("ground_truth", "scale")
        return str(self.get("supernet", "scale") if own is None else own)

    def scores(self) -> pandas.DataFrame:
        """``scores.parquet``: ``arch``, finite ``score`` and ``truth``, sizes where known."""
        import numpy as np
        from pyarrow import ArrowException

        path = self.folder / "scores.parquet"
        try:
            frame = read_frame(path)
            frame = frame.astype({"arch": str, "score": float, "truth": float})
        except (OSError, ArrowException, KeyError, TypeError, ValueError) as error:
            raise UsageError(
                f"cannot read {path}: {error}; delete the folder and run again."
            ) from error
        whole = np.isfinite(frame[["score", "truth"]].to_numpy()).all()
        if frame.empty or not whole or frame["arch"].isna().any():
            raise UsageError(
                f"{path} holds no finite scores and truths; delete the folder and run again."
            )
        return frame

    def damaged(self, what: str) -> UsageError:
        """An error to raise: the record says something that no run writes."""
        path = self.folder / "run.json"
        return UsageError(f"{path} is damaged: {what}; delete the folder and run again.")


@dataclass(frozen=True)
class Bound:
    """A floor or a ceiling: what people call it, τ over all architectures, its name in records."""

    label: str
    tau: Interval
    name: str


def floors(record: Record) -> list[Bound]:
    """The floors that the record has."""
    own = record.get("floors")
    names = [*LABELS, *(own if isinstance(own, dict) else {})]
    ordered = sorted(dict.fromkeys(names), key=lambda name: name == RANDOM)
    return _known(record, "floors", {name: floor_label(name) for name in ordered})


def ceiling(record: Record) -> Bound | None:
    """The ceiling of what the scores are compared with; None where the table allows none."""
    return next(iter(_known(record, "ceiling", CEILINGS)), None)


def _known(record: Record, kind: str, labels: dict[str, str]) -> list[Bound]:
    bounds = [Bound(text, record.interval(kind, name), name) for name, text in labels.items()]
    return [bound for bound in bounds if bound.tau["value"] is not None]


def read_frame(path: Path) -> pandas.DataFrame:
    """A parquet file of a run.

    Raises :class:`UsageError` where it is too large, ``OSError`` and ``pyarrow.ArrowException``.
    """
    import pandas

    check_file(path, "table")
    check_parquet(path, "table")
    return pandas.read_parquet(path)


def load(folder: Path | str) -> Record:
    """The record of the finished run in ``folder``.

    Raises :class:`UsageError` for a folder that is unfinished, damaged (a file of it too), or no run.
    """
    folder = Path(folder)
    path = folder / "run.json"
    if is_unfinished(folder):
        raise UsageError(f"the run in {folder} is not finished; run its command again to continue.")
    if not path.exists():
        if not folder.is_dir():
            raise UsageError(f"there is no folder {folder}; give one of runs, or a run's own.")
        raise UsageError(
            f"{folder} holds no run, neither a run.json nor folders with one; give the folder that "
            "`nas-harness run` names, by default one under runs/."
        )
    content = read_json(path)
    record = Record(folder, content)
    if not isinstance(content, dict):
        raise record.damaged("it is no record")
    if content.get("schema_version") != SCHEMA_VERSION:
        raise UsageError(f"{path} was written by another version; delete its folder and run again.")
    for keys in REQUIRED:
        if record.get(*keys) is None:
            raise record.damaged(f"{'.'.join(keys)} is missing")
    record.number("n")
    check_unchanged(folder, content.get("files"))
    content["ground_truth"].setdefault("truth", _truth(record))
    content.setdefault("protocol", "all")
    return Record(folder, with_present_names(content))


def _truth(record: Record) -> str:
    """The training behind a ground truth, of records from before they named it."""
    task = str(record.get("config", "task"))
    if (record.get("config", "space"), task) == ("nb201", "cifar10"):
        from harness.tabular.nasbench201_source import HALF, HALF_FILE

        return HALF if record.get("ground_truth", "sha256") == HALF_FILE else task
    return task


def fingerprint(folder: Path) -> str:
    """SHA-256 of what pictures show of the run in ``folder``, and of the version that draws it now.

    That is the scores, and the record without what differs between two runs of one configuration.
    Empty where one of the two is not there, or damaged.
    """
    from harness.environment import harness_version

    digest = hashlib.sha256(harness_version().encode())
    try:
        content = dict(read_json(folder / "run.json"))
        digest.update((folder / "scores.parquet").read_bytes())
    except (OSError, TypeError, ValueError, UsageError):
        return ""
    shown = {key: value for key, value in content.items() if key not in UNSHOWN}
    digest.update(json.dumps(shown, sort_keys=True).encode())
    return digest.hexdigest()


def load_all(folders: Iterable[Path | str]) -> list[Record]:
    """The finished runs among ``folders``, in the order of their paths, each once.

    Says on standard error which unfinished ones are left out; raises :class:`UsageError` for a
    damaged one and when none is finished.
    """
    records = []
    for folder in sorted({Path(folder).resolve() for folder in folders}):
        if is_unfinished(folder):
            print(f"left out {folder}: the run is not finished.", file=sys.stderr)
        else:
            records.append(load(folder))
    if not records:
        raise UsageError(
            "there is no finished run to report; give the folders of finished runs, or run the "
            "commands of unfinished ones again, which continues them."
        )
    return records


def run_folders(folders: Iterable[Path]) -> list[Path]:
    """``folders``, with those that hold run folders replaced by what they hold.

    ``measured`` are the runs that come with the package.
    """
    expanded = []
    for folder in map(place, folders):
        inside = sorted(path for path in folder.glob("*/") if is_run(path))
        expanded += [folder] if is_run(folder) or not inside else inside
    return expanded


def beside(runs: Path, kind: str, read: Callable[[Any], T]) -> list[T]:
    """What ``read`` makes of the records ``kind`` (as ``standalone``) in the folder ``runs``.

    Those of other versions are left out. Raises :class:`UsageError` for a damaged one, of which
    ``read`` raises ``KeyError``, ``TypeError`` or ``ValueError``.
    """
    found = []
    for path in sorted(runs.glob(f"{kind}/*/{kind}.json")):
        content = read_json(path)
        try:
            if content["schema_version"] == SCHEMA_VERSION:
                found.append(read(content))
        except (KeyError, TypeError, ValueError) as error:
            what = f"{type(error).__name__}: {error}"
            raise UsageError(
                f"{path} is damaged: {what}; delete its folder and run its command again."
            ) from error
    return found


def finite(value: Any) -> float:
    """``value``, a number of a record; raises ``ValueError`` where it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{value!r} is no number")
    return float(value)


def is_run(folder: Path) -> bool:
    """Whether ``folder`` holds a run, finished or not."""
    return (folder / "run.json").exists() or is_unfinished(folder)


def is_unfinished(folder: Path) -> bool:
    """Whether a run was begun in ``folder`` and has not written its record yet."""
    begun = any((folder / name).exists() for name in TRACES)
    return begun and not (folder / "run.json").exists()
