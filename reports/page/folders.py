"""Which folders are runs, which of them are whole, and what is the matter with the others."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.measured.packaged import place
from reports.runs.configuration import check_one_truth, configurations
from reports.runs.record import Record, is_run, is_unfinished, load
from reports.runs.row import describe
from searchspaces.errors import UsageError

FILES = ("scores.parquet", "history.parquet")  # a folder with these was a run even without record


@dataclass(frozen=True)
class Left:
    """A folder that the page can only name: ``status`` in a word, ``reason`` in a sentence."""

    name: str
    status: str
    reason: str


def gather(given: Sequence[Path], *, needed: bool = True) -> tuple[dict[str, Record], list[Left]]:
    """The whole runs by name, in the order of names, and the folders that are none.

    A name is the path from the innermost folder that holds all runs. Raises :class:`UsageError`
    where a path given holds no run at all, if they are ``needed``, and for runs ranked against
    different trainings.
    """
    folders = sorted(
        {folder for path in given for folder in _runs_in(place(path).resolve(), needed)}
    )
    if not folders:
        return {}, []
    top = os.path.commonpath([folder.parent for folder in folders])
    records: dict[str, Record] = {}
    left = []
    for folder in folders:
        name = folder.relative_to(top).as_posix()
        try:
            record = load(folder)
            describe(record)
            records[name] = record
        except UsageError as error:
            status = "unfinished" if is_unfinished(folder) else "damaged"
            left.append(Left(name, status, _without(folder, name, str(error))))
    repeated = _repeated(records)
    for other in repeated:
        del records[other.name]
    check_one_truth(records.values())
    return records, sorted(left + repeated, key=lambda folder: folder.name)


def _runs_in(path: Path, needed: bool) -> list[Path]:
    if _holds_run(path):
        return [path]
    try:
        inside = [folder for folder in path.iterdir() if folder.is_dir() and _holds_run(folder)]
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}; give a folder of runs.") from error
    if needed and not inside:
        raise UsageError(f"there is no run in {path}; give a folder of runs, as runs/.")
    return inside


def _holds_run(folder: Path) -> bool:
    return is_run(folder) or any((folder / name).exists() for name in FILES)


def _repeated(records: dict[str, Record]) -> list[Left]:
    """The runs that are the same seed of the same configuration as one before them."""
    if _differ(records.values()):
        return []
    kept: list[Record] = []
    repeated = []
    for name, record in records.items():
        if _differ([*kept, record]):
            kept.append(record)
        else:
            reason = "another folder holds the same seed of the same configuration."
            repeated.append(Left(name, "repeated", reason))
    return repeated


def _differ(records: Iterable[Record]) -> bool:
    try:
        configurations(records)
    except UsageError:
        return False
    return True


def _without(folder: Path, name: str, text: str) -> str:
    """``text`` without where on this machine the folder is, and its name where that stands alone."""
    named = text.replace(f"{folder}{os.sep}", "").replace(str(folder), name)
    return " ".join(named.replace(f"the run in {name} is", "the run is").split())
