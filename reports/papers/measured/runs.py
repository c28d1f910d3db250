"""The recorded runs of configurations, found by their folder names, and how full they are."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from harness.config.config import Config, SupernetScale
from harness.config.presets import PRESETS
from harness.measured.packaged import places
from harness.tabular.table import SCHEMA_VERSION, Table
from reports.papers.definition.item import Item, Row
from reports.runs.record import Record, is_unfinished, load
from searchspaces.errors import UsageError

EMBEDDED = ("digits",)
FULL = "paper"  # the preset that has the printed hyper-parameters


class Absent(UsageError):
    """There is no finished run; the text says how far it got."""


def find(config: Config, runs: Path, table: Table | None) -> Record:
    """The finished run of ``config`` in the folder ``runs``, else of the package.

    ``table`` is what it is ranked against. None stands for a ground truth that is not here: then
    the run is recognised by what its record says about it. Raises :class:`Absent` where there is
    none, :class:`UsageError` for a damaged record and for runs of ``config`` on several unknown
    ground truths.
    """
    if table is not None:
        folders = [root / config.run_name(table.meta.identity) for root in places(runs)]
        for folder in folders:
            if (folder / "run.json").exists():
                return _checked(load(folder), config)
        if is_unfinished(folders[0]):
            raise Absent("not finished")
        for record in _recorded(config, runs):
            truth = record.get("ground_truth", "truth")
            if truth != table.meta.truth:
                raise Absent(f"ranked against the training {truth}, not {table.meta.truth}")
            raise Absent("ranked against another version of the ground truth")
        raise Absent("not recorded")
    found = list(_recorded(config, runs))
    if not found:
        raise Absent("not recorded")
    if len(found) > 1:
        names = " and ".join(str(record.folder) for record in found)
        raise UsageError(
            f"{names} are one configuration on two ground truths; move one to another folder."
        )
    return found[0]


def shortfalls(
    item: Item, row: Row, config: Config, record: Record, retrained: bool = False
) -> tuple[str, ...]:
    """Why a run is less than the paper's own training; nothing for one in full.

    ``retrained`` tells that stand-alone trainings by a printed recipe stand in for ground truth.
    """
    printed = item.config(row, config.seed, FULL, config.task)
    truth, whole = record.get("ground_truth") or {}, SupernetScale()
    reasons = {
        "the embedded task": config.task in EMBEDDED,
        f"preset {config.preset}": config.preset != FULL,
        "options other than the printed ones": config.preset == FULL and config != printed,
        "no printed hyper-parameters for the method": config.method not in PRESETS[FULL],
        "fewer training images": config.train_images > 0,
        "a smaller supernet": replace(config.supernet, affine=whole.affine) != whole,
        # A table that the harness built has the checksum of the task's images.
        "stand-alone training by the harness's short recipe": not retrained
        and record.get("data", "sha256") in (truth.get("sha256"), None),
        "a sample of the architectures": config.rank.architectures
        not in (0, item.study.get("rank.architectures")),
    }
    return tuple(reason for reason, holds in reasons.items() if holds)


def _recorded(config: Config, runs: Path) -> Iterator[Record]:
    """Finished runs of ``config``, each named after the ground truth that its record states."""
    pattern = f"{config.space}-{config.task}-{config.method}-????????-s{config.seed}"
    for folder in (found for root in places(runs) for found in sorted(root.glob(pattern))):
        if (folder / "run.json").exists():
            record = load(folder)
            if folder.name == config.run_name(_identity(record)):
                yield _checked(record, config)


def _identity(record: Record) -> str:
    table, version, sha256 = (
        record.get("ground_truth", key) for key in ("table", "version", "sha256")
    )
    return f"{table} {version} {sha256} schema {SCHEMA_VERSION}"


def _checked(record: Record, config: Config) -> Record:
    expected = json.loads(json.dumps(config.to_dict()))
    own = record.get("config") | {"preset": config.preset}
    if own != expected or config.run_name(_identity(record)) != record.folder.name:
        raise record.damaged("it is not the run that its folder is named after")
    return record
