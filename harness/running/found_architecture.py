"""The architecture a search found, measured: its ground truth and regret; a front that it found."""

from __future__ import annotations

from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np

from harness.config.config import with_values
from harness.config.constraints import LATENCY
from harness.jobs.devices import Devices
from harness.standalone.trainings import train_jobs, trainers
from harness.tabular.table import Table
from methods.base import Method
from methods.standalone.recipe import StandaloneRecipe
from searchspaces.base import Arch, SearchSpace


def measure_found(
    space: SearchSpace,
    arch: Arch,
    task: str,
    table: Table,
    train: bool,
    workers: int,
    data: Path | None = None,
    device: str = "cpu",
) -> dict[str, Any]:
    """Truth of ``arch`` on the test split, and how far it stays behind the best of ``table``.

    Read from the table where it has the architecture; otherwise, with ``train`` and a table that
    the harness built, trained now on ``device`` by the table's recipe with the table's seeds;
    otherwise null.
    A regret below zero means that it beats every architecture of the table.
    """
    name = space.encode(arch)
    row = int(table.index([name])[0])
    truth, how = None, "not measured: the table does not have it"
    if row >= 0:
        truth, how = float(table.truth("test")[row]), "read from the table"
    elif train and table.meta.training.keys() >= StandaloneRecipe.__dataclass_fields__.keys():
        recipe = with_values(
            StandaloneRecipe(),
            {k: table.meta.training[k] for k in StandaloneRecipe.__dataclass_fields__},
        )
        jobs = [(arch, int(seed)) for seed in table.seeds("test")]
        logs = Path(mkdtemp(prefix="nas-harness-"))
        devices = Devices(device)
        with trainers(logs, devices, min(workers, len(jobs))) as executor:
            trained = dict(train_jobs(space, task, recipe, jobs, executor, data, devices))
        results = [trained[job]["test"] for job in jobs]
        truth = float(np.mean(results))
        how = f"trained now by the table's recipe, mean of {len(results)} seeds"
    regret = None if truth is None else float(table.truth("test").max()) - truth
    return {"arch": name, "truth": truth, "regret": regret, "how": how}


def searched(method: Method, found: Arch, table: Table) -> dict[str, Any]:
    """What else a record tells of a search, each where there is such a thing.

    The predicted ``latency_ms`` of what it ``found``, where latency limits it; its ``front``, where it
    has several objectives: ``arch``, ``score``, ``params``, ``madds``, and ``truth``, null where the
    table lacks the architecture.
    """
    latency = method.setting.latency
    more = {LATENCY: latency(found)} if latency else {}
    front = method.evolution.front()
    if not front:
        return more
    rows = table.index([method.space.encode(arch) for arch in front]).tolist()
    truths = table.truth("test")
    return more | {"front": [_row(method, *each, truths) for each in zip(front, rows, strict=True)]}


def _row(method: Method, arch: Arch, row: int, truths: np.ndarray) -> dict[str, Any]:
    cost = method.cost_of(arch)
    return {
        "arch": method.space.encode(arch),
        "score": method.evolution.seen[arch],
        "truth": float(truths[row]) if row >= 0 else None,
        "params": cost.params,
        "madds": cost.madds,
    }
