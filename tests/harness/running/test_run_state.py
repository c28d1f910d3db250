"""What decides where a run finds a supernet, how many processes rank, and what is refused."""

from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace

import pytest
import tiny
import torch

from harness.config.config import Config, digest, with_values
from harness.distributed.crew import Crew
from harness.environment import describe_device, processor
from harness.running import pipeline, run_state
from harness.running.assembly import training_identity
from harness.running.budget import equalised
from harness.running.run_state import Execution, RunState
from methods.registry import METHODS
from searchspaces.errors import UsageError
from searchspaces.registry import SPACES

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("asked", "cores", "beside", "device", "workers"),
    [
        (0, 8, 1, "cpu", 8),
        (0, 8, 3, "cpu", 2),
        (0, 8, 9, "cpu", 1),
        (0, None, 1, "cpu", 1),
        (0, 8, 1, "cuda", 1),
        (5, 8, 3, "cpu", 5),
        (5, 8, 1, "cuda", 5),
    ],
)
def test_as_many_processes_rank_as_there_are_cores(
    monkeypatch, asked, cores, beside, device, workers
):
    monkeypatch.setattr(run_state.os, "cpu_count", lambda: cores)
    run = SimpleNamespace(
        execution=Execution(workers=asked),
        crew=SimpleNamespace(beside=beside),
        device=torch.device(device),
    )
    assert RunState.workers.func(run) == workers


@pytest.mark.parametrize("processes", [{}, {"processes": 2}])
def test_runs_share_a_supernet_of_equal_training_data_machine_and_software(monkeypatch, processes):
    asked = []

    def identity(*given):
        asked.append(given)
        return {"of": "the training"}

    monkeypatch.setattr(run_state, "training_identity", identity)
    settled, space = tiny.config("spos", "--train.steps", "3"), object()
    run = SimpleNamespace(
        config=tiny.config("spos"),
        settled=settled,
        method=SimpleNamespace(space=space),
        task=SimpleNamespace(train=range(70)),
        images="f" * 64,
        device=CPU,
        processes=processes,
        execution=Execution(runs=Path("runs")),
    )
    expected = {
        "of": "the training",
        "data": "f" * 64,
        "device": describe_device(CPU),
        "processor": processor(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
    } | processes
    name = f"nb201-digits-{digest(expected)}.pt"
    assert RunState.shared_supernet(run) == Path("runs") / "supernets" / name
    assert asked == [(settled, space, 70)]


def test_a_training_is_what_shapes_the_supernet(monkeypatch):
    """Limits of the search only where the method trains by them."""
    values = {"seed": 3, "supernet.width": 4, "equalise": "compute", "train.batch_size": 10}
    values |= {"cutout": 5, "accelerate.precision": "bfloat16", "search.max_madds": 2.0}
    config, space = with_values(tiny.config("fairnas"), values), SPACES["nb201"]("compact")
    monkeypatch.setattr(Config, "sources", lambda self: {"sources": {"space": "hash"}})
    expected = {
        "method": METHODS["fairnas"].training_identity(config.options),
        "space": "nb201",
        "scale": "compact",
        "supernet": {"width": 4, "cells": 0, "affine": "method"},
        "train": asdict(config.train) | {"steps": equalised(config, space, 100).steps},
        "seed": 3,
        "cutout": 5,
        "accelerate": {"precision": "bfloat16", "compile": False},
        "sources": {"space": "hash"},
    }
    assert expected["train"]["steps"] < config.train.steps
    assert training_identity(config, space, 100) == expected
    bins = with_values(tiny.config("spos"), {"options.sampler": "flops_bins"})
    limited = with_values(bins, {"search.max_madds": 2.0, "search.population": 9})
    assert training_identity(limited, space, 100)["max_madds"] == 2.0
    assert "max_madds" not in training_identity(tiny.config("spos"), space, 100)


@pytest.mark.parametrize(
    ("values", "execution", "sentence"),
    [
        (
            {"equalise": "seconds"},
            {},
            "--equalise seconds measures one process; leave torchrun out",
        ),
        ({"accelerate.compile": True}, {}, "leave torchrun or --accelerate.compile out"),
        ({}, {"watch": 2}, "--watch is for one process; leave torchrun or --watch out"),
    ],
)
def test_what_is_for_one_process_is_refused_to_two(
    values, execution, sentence, tmp_path, monkeypatch
):
    task = SimpleNamespace(to=lambda device: None)
    monkeypatch.setattr(run_state, "load_limited", lambda *_: task)
    config = with_values(tiny.config("spos"), values)
    how = Execution(runs=tmp_path, device="cpu", **execution)
    with pytest.raises(UsageError, match=sentence):
        RunState(config, how, None, None, None, Crew(0, 2))


def test_a_run_waits_for_its_folder_as_long_as_it_is_told(monkeypatch, tmp_path):
    tiny.make_table(tmp_path / "data")
    waited = []

    def lock(self, seconds):
        waited.append((self.folder.parent, seconds))
        raise UsageError("enough")

    monkeypatch.setattr(pipeline, "Run", lambda *_: None)
    monkeypatch.setattr(pipeline.Workspace, "lock", lock)
    how = {"data": tmp_path / "data", "runs": tmp_path / "runs"}
    with pytest.raises(UsageError, match="enough"):
        pipeline.run(tiny.config("spos"), Execution(**how, patience=7.5))
    assert waited == [(tmp_path / "runs", 7.5)]
    with pytest.raises(UsageError, match="unknown protocol 'best'"):  # before anything is opened
        pipeline.run(tiny.config("spos"), Execution(tmp_path / "nowhere", protocols=("best",)))
    assert len(waited) == 1
