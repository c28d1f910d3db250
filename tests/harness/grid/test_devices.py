"""On which device each run of a grid is, how many at a time, and with how many threads."""

import os
from dataclasses import replace

import pytest
import tiny
import torch
from scripted import Scripted

from harness.grid import grid
from harness.grid.grid import run_grid
from harness.jobs import devices
from harness.running.pipeline import Execution
from searchspaces.errors import UsageError

SPOS = tiny.config("spos")


@pytest.fixture
def execution(tmp_path):
    tiny.make_table(tmp_path)
    return Execution(data=tmp_path, runs=tmp_path / "runs", device="cpu")


def test_a_device_that_is_not_there_is_refused(execution):
    with pytest.raises(UsageError, match="cuda:77"):
        run_grid([("spos", SPOS)], replace(execution, device="cuda:77"), executor=Scripted())


@pytest.mark.parametrize(
    ("device", "workers", "slots"),
    [("cpu", 0, 7), ("cpu", 3, 3), ("cuda:0", 0, 1), ("cuda:0", 2, 2), ("cuda", 0, 3)],
)
def test_a_run_per_core_or_one_on_each_gpu(execution, monkeypatch, device, workers, slots):
    made = []

    def make(slots, logs, preload):
        made.append((slots, bool(preload)))
        return Scripted(slots)

    monkeypatch.setattr(devices, "choose_device", torch.device)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    monkeypatch.setattr(os, "cpu_count", lambda: 7)
    monkeypatch.setattr(grid, "LocalExecutor", make)
    run_grid([("spos", SPOS)], replace(execution, device=device), workers)
    assert made == [(slots, device == "cpu")]


def test_runs_are_spread_over_all_gpus(execution, monkeypatch):
    class Noting(Scripted):
        def start(self, job, work):
            given.append(work.execution.device)
            super().start(job, work)

    monkeypatch.setattr(devices, "choose_device", torch.device)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    configs = [(str(seed), replace(SPOS, seed=seed)) for seed in range(5)]
    for device, slots, expected in (
        ("cuda", 3, ["cuda:0", "cuda:1", "cuda:2", "cuda:0", "cuda:1"]),
        ("cuda", 5, ["cuda:0", "cuda:1", "cuda:2", "cuda:0", "cuda:1"]),
        ("cuda:2", 3, ["cuda:2"] * 5),
    ):
        given = []
        run_grid(configs, replace(execution, device=device), executor=Noting(slots))
        assert given == expected


@pytest.mark.parametrize(
    ("device", "task", "threads"),
    [("cpu", "cifar10", 1), ("cuda", "digits", 1), ("cuda", "cifar10", 5)],
)
def test_a_job_on_a_cpu_has_one_thread(execution, monkeypatch, device, task, threads):
    set_to, told = [], []
    monkeypatch.setattr(torch, "set_num_threads", set_to.append)
    monkeypatch.setattr(grid, "watch", told.append)
    monkeypatch.setattr(grid, "run", lambda config, execution: {"run": f"{config.seed}"})
    config, watcher = replace(SPOS, task=task), object()
    work = grid.GridRun(config, replace(execution, device=device), "group", 5)
    assert work(watcher) == ["3"]
    assert (set_to, told) == ([threads], [watcher])
