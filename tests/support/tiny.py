"""A run that takes a second: twenty architectures with made-up truths, six training steps."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.context import BaseContext
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tables import made_meta

from harness.commands.run import parse
from harness.config.config import Config
from harness.distributed.crew import Crew
from harness.tabular.table import Table
from harness.tasks import IMAGES
from searchspaces.registry import SPACES

ARCHITECTURES, RANKED = 20, 12
_OF_ALL = (
    "--preset smoke --seed 3 --device cpu --train.steps 6 --train.batch-size 16 --equalise steps "
    "--score.calibration-images 64 --score.images 200 --search.population 4 --search.parents 2 "
    f"--rank.architectures {RANKED}"
)
_OF_METHOD = {
    "spos": "",
    "fairnas": "",
    "mixpath": "",
    "cream": "--options.slice 2 --options.update-share 0.34",
    "ennas": "--options.probe-images 16 --options.report-images 32",
    "darts": "",
    "gdas": "",
    "dna": "",
    "few-shot": "",
    "sandwich": "",
    "mngnas": "--options.population 4 --options.retrain-steps 2 --options.perturbed 2 "
    "--options.teachers 2",
}
METHODS = tuple(_OF_METHOD)
# Those that keep each something else between steps, and so between processes and kills.
KINDS = ("spos", "cream", "ennas", "dna", "few-shot", "mngnas")
# An item of a paper whose only row is such a run.
ITEM = """
title = "Table I"
kind = "table"
class = "N"
caption = "How it ranks."
reduced = "Six steps stand for many."

[study]
space = "nb201"
preset = "smoke"
seeds = [0, 1]
train = {steps = 6, batch_size = 16}
score = {calibration_images = 64, images = 200}
search = {population = 4, parents = 2}
rank = {architectures = 12}

[[columns]]
id = "tau"
head = "Kendall τ"
measure = "tau"

[[rows]]
id = "spos"
label = "SPOS"
run = {method = "spos"}
printed = {tau = "56.4"}
"""


def make_table(folder: Path, seeds: int = 0, **changes: Any) -> Table:
    """A table of random truths for NAS-Bench-201 on digits, saved in ``folder``.

    The best architecture by validation accuracy is another than the best by test accuracy.
    """
    space, rng = SPACES["nb201"]("compact"), np.random.default_rng(0)
    archs = [space.sample(rng) for _ in range(ARCHITECTURES)]
    costs = [space.cost(arch, IMAGES["digits"]) for arch in archs]
    runs = rng.uniform(20, 90, ARCHITECTURES) + rng.normal(size=(max(seeds, 1), ARCHITECTURES))
    columns = {"test.4.mean": runs.mean(axis=0)}
    columns["val.4.mean"] = columns["test.4.mean"] + rng.normal(scale=5, size=ARCHITECTURES)
    columns |= {f"test.4.{seed}": runs[seed] for seed in range(seeds)}
    usual = {"scale": "compact", "epochs": 4, "resolution": {"val": 0.1, "test": 0.025}}
    table = Table(
        made_meta(**usual | changes),
        [space.encode(arch) for arch in archs],
        columns,
        np.array([cost.params for cost in costs]),
        np.array([cost.madds for cost in costs]),
    )
    table.save(folder / f"{table.meta.name}.parquet")
    return table


def arguments(method: str, *more: str) -> list[str]:
    """What follows ``nas-harness run``."""
    return ["--method", method, *_OF_ALL.split(), *_OF_METHOD.get(method, "").split(), *more]


def config(method: str, *more: str) -> Config:
    return parse(arguments(method, *more))[0]


def quick_context(_: str = "") -> BaseContext:
    """For ``get_context``: processes that need not import what a run needs, a server has."""
    context = get_context("forkserver")
    context.set_forkserver_preload(
        [
            "harness.running.pipeline",
            "methods.mngnas.method",
            "torch._dynamo",
            "sklearn.datasets",
            "scipy.stats",
        ]
    )
    return context


def run_killed(config: Config, folders: dict[str, Path], writes: int) -> int | None:
    """As :func:`killed`, for :func:`run_plainly`."""
    return killed(writes, run_plainly, config, folders)


def killed(writes: int, function: Callable[..., Any], *given: Any) -> int | None:
    """``function(*given)`` in a process that dies by SIGKILL in its write number ``writes``.

    Returns its exit code.
    """
    process = quick_context().Process(target=_call_and_die, args=(writes, function, given))
    process.start()
    process.join()
    return process.exitcode


def _call_and_die(writes: int, function: Callable[..., Any], given: tuple[Any, ...]) -> None:
    import torch

    sync, left = os.fsync, writes

    def count(descriptor: int) -> None:
        nonlocal left
        left -= 1
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)
        sync(descriptor)

    os.fsync = count
    torch.set_num_threads(1)
    function(*given)


def run_plainly(
    config: Config,
    folders: dict[str, Path],
    workers: int = 1,
    pictures: bool = False,
    crew: Crew | None = None,
    **more: Any,
) -> dict[str, Any]:
    """Run in this process with a checkpoint every two steps, as a rule without pictures."""
    from harness.running import pipeline, training

    kept = pipeline.FINISHERS, training.RECORD_EVERY, training.train_supernet.__defaults__
    pipeline.FINISHERS = pipeline.FINISHERS if pictures else {}
    training.RECORD_EVERY = 2
    training.train_supernet.__defaults__ = (0.0,)
    try:
        execution = pipeline.Execution(**folders, workers=workers, **more)
        return pipeline.run(config, execution, *([] if crew is None else [crew]))
    finally:
        pipeline.FINISHERS, training.RECORD_EVERY, training.train_supernet.__defaults__ = kept


def same(first, second):
    """Two run folders with equal records and files, time and memory apart."""
    records = [json.loads((folder / "run.json").read_text()) for folder in (first, second)]
    for record in records:
        del record["costs"]["seconds"], record["costs"]["peak_memory_mb"], record["versions"]
    assert records[0] == records[1]
    for name in ("scores.parquet", "history.parquet"):
        pd.testing.assert_frame_equal(
            *(pd.read_parquet(folder / name) for folder in (first, second)), check_exact=True
        )
    return True
