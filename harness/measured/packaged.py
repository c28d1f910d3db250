"""The finished runs of the package, and ``python -m harness.measured.packaged RUNS`` to add some.

A run of it is as it was written, without checkpoint and pictures: its record, its scores and its
history, whose checksums the record has.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Iterator
from pathlib import Path

from harness.resuming.workspace import Workspace
from searchspaces.errors import UsageError

PACKAGED = Path(__file__).parent / "runs"
NAME = "measured"  # what commands call them in place of a folder
KEPT = ("run.json", "scores.parquet", "history.parquet")


def place(folder: Path) -> Path:
    """``folder``, or the packaged runs where it is called ``measured`` and there is no such folder."""
    return PACKAGED if folder == Path(NAME) and not folder.exists() else folder


def places(runs: Path) -> tuple[Path, ...]:
    """Where the finished run of a configuration may lie: in ``runs``, else in the package."""
    return (place(runs),) if place(runs) == PACKAGED else (runs, PACKAGED)


def is_packaged(folder: Path) -> bool:
    """Whether the run in ``folder`` came with the package."""
    return PACKAGED in folder.parents


def pack(runs: Path, target: Path) -> Iterator[Path]:
    """Copy the finished runs in the folder ``runs`` to ``target``; yields the folder of each.

    Raises :class:`UsageError` where there is none.
    """
    folders = sorted(path.parent for path in runs.glob("*/run.json"))
    if not folders:
        raise UsageError(f"{runs} holds no finished run; give a folder of runs.")
    for folder in folders:
        if Workspace(folder).finished() is None:
            continue
        packed = target / folder.name
        packed.mkdir(parents=True, exist_ok=True)
        for name in KEPT:
            if (folder / name).exists():
                shutil.copyfile(folder / name, packed / name)
        yield packed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", type=Path, help="folder of finished runs")
    for packed in pack(parser.parse_args().runs, PACKAGED):
        size = sum(path.stat().st_size for path in packed.iterdir())
        print(f"{packed.name}: {size / 1024:.0f} kB")


if __name__ == "__main__":
    main()
