"""Runs of two processes under torchrun: what one process gives, whoever is killed."""

import os
import subprocess
import sys
from pathlib import Path

import crew_runs
import numpy as np
import pandas as pd
import pytest
import tiny
import torch

from harness.distributed.crew import ALONE
from harness.files.store import read_json
from harness.resuming.workspace import load_tensors

ROOT = Path(__file__).parents[3]
SUPPORT = Path(crew_runs.__file__).parent


def torchrun(*arguments):
    """The result of two processes."""
    environment = os.environ | {
        "PYTHONPATH": f"{ROOT}:{SUPPORT}",
        "OMP_NUM_THREADS": "1",
        "CUDA_VISIBLE_DEVICES": "",
    }
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    return subprocess.run(
        [*command, "--nproc-per-node", "2", *map(str, arguments)],
        env=environment, capture_output=True, text=True, timeout=300,
    )  # fmt: skip


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    tiny.make_table(folder)
    return folder


@pytest.fixture(scope="module")
def undisturbed(data, tmp_path_factory):
    """The folder of what two processes make of :mod:`crew_runs`."""
    runs = tmp_path_factory.mktemp("undisturbed")
    done = torchrun(crew_runs.__file__, data, runs, -1, 0)
    assert done.returncode == 0, done.stderr
    return runs


def outcome(runs, space):
    """Scores and weights of the run on a space."""
    (scores,) = runs.glob(f"{space}-*/scores.parquet")
    (supernet,) = (runs / "supernets").glob(f"{space}-*.pt")
    return pd.read_parquet(scores), load_tensors(supernet)


@pytest.mark.slow
@pytest.mark.parametrize(("space", "method"), crew_runs.RUNS)
def test_two_processes_give_what_one_gives(undisturbed, data, tmp_path, space, method):
    """In double: in single precision an image whose first two logits agree may change sides."""
    config = crew_runs.config(space, method)
    with crew_runs.in_double():
        record = tiny.run_plainly(config, {"data": data, "runs": tmp_path})
    (scores, net), (others, other) = (
        outcome(runs, space) for runs in (tmp_path, undisturbed / "double")
    )
    assert scores["arch"].tolist() == others["arch"].tolist()
    np.testing.assert_allclose(others["score"], scores["score"], rtol=0, atol=1e-9)
    weights, same = (each["trained"]["supernet"] for each in (net, other))
    assert any(tensor.dtype == torch.float64 for tensor in weights.values())
    for name, tensor in weights.items():
        torch.testing.assert_close(same[name], tensor, rtol=1e-9, atol=1e-11)
    assert net["costs"] == other["costs"]
    assert net["history"][0]["loss"] == pytest.approx(other["history"][0]["loss"], rel=1e-9)
    (folder,) = (undisturbed / "double").glob(f"{space}-*")
    two = read_json(folder / "run.json")["costs"]
    assert two.pop("processes") == 2
    for name in record["costs"].keys() - {"seconds", "peak_memory_mb"}:
        assert two[name] == record["costs"][name]
    assert not list(folder.glob("scores.partial*"))


@pytest.mark.slow
@pytest.mark.parametrize(("space", "method"), crew_runs.TRAININGS)
def test_two_processes_do_the_arithmetic_of_one(undisturbed, space, method):
    with crew_runs.in_double():
        one = crew_runs.trained(space, method, ALONE)
    parts = [torch.load(undisturbed / f"{space}-{method}-{rank}.pt") for rank in (0, 1)]
    for name, tensor in one.items():
        assert torch.equal(parts[0][name], parts[1][name])
        # Weights of an ensemble are solved until a step gains less than 1e-9: another order of
        # sums may end that a little elsewhere. What two processes can do wrongly moves far more.
        near = 1e-6 if method == "ennas" else 1e-9
        torch.testing.assert_close(parts[0][name], tensor, rtol=near, atol=near / 100)


@pytest.mark.slow
def test_a_run_of_which_a_process_was_killed_is_continued_to_the_same_bits(
    undisturbed, data, tmp_path
):
    died = torchrun(crew_runs.__file__, data, tmp_path, 1, 3)
    assert died.returncode != 0 and "SIGKILL" in died.stderr
    (folder,) = tmp_path.glob("nb201-*")
    assert load_tensors(folder / "checkpoint.pt")["done"] == 2
    arguments = tiny.arguments("mngnas", "--data", data, "--runs", tmp_path)
    done = torchrun("-m", "harness.run", *arguments)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("continuing") == 1
    (scores, net), (others, other) = (outcome(runs, "nb201") for runs in (tmp_path, undisturbed))
    pd.testing.assert_frame_equal(scores, others, check_exact=True)
    weights, same = (each["trained"]["supernet"] for each in (net, other))
    assert all(torch.equal(weights[name], same[name]) for name in weights)
