"""Whole runs of scorers: what they record, and that they repeat, however they are carried out."""

import json
from signal import SIGKILL

import numpy as np
import pandas as pd
import pytest
import tiny
import torch

from harness.commands.run import parse
from harness.running.assembly import make_method
from harness.running.run_record import render_record
from harness.tasks import load_task
from searchspaces.registry import SPACES

SOURCE = "def spread(network, images, labels):\n    return network(images).std().item()\n"
CALLS = [["synflow"], ["params"], ["az-nas", "--options.reference", "4", "--options.images", "8"]]


def config(method, *more):
    given = [
        "--preset",
        "smoke",
        "--seed",
        "3",
        "--search.population",
        "4",
        "--search.parents",
        "2",
    ]
    return parse(["--method", method, *given, "--rank.architectures", "12", *more])[0]


@pytest.fixture(params=CALLS, ids=lambda call: call[0])
def call(request):
    return request.param


def carried_out(folders, name, call, **how):
    own = folders(name)
    record = tiny.run_plainly(config(*call), own, **how)
    return record, pd.read_parquet(own["runs"] / record["run"] / "scores.parquet"), own["runs"]


@pytest.mark.slow
def test_a_run_trains_nothing_and_ranks_by_the_scores(folders, call):
    record, frame, runs = carried_out(folders, f"plain-{call[0]}", call)
    assert record["training"]["steps"] == record["costs"]["steps"] == 0
    assert record["costs"]["image_passes"] == 0
    assert (record["costs"]["compute"] > 0) == (call[0] != "params")
    assert (record["scoring"]["split"], record["scoring"]["bn"]) == ("none", "none")
    assert record["supernet"]["parameters"] == 0 and not (runs / "supernets").exists()
    assert any("nothing was trained" in note for note in record["notes"])
    assert "; nothing trained\n" in render_record(record, runs)
    task = load_task("digits")
    method = make_method(config(*call), task, torch.device("cpu"))
    archs = [SPACES["nb201"]("compact").decode(text) for text in frame["arch"]]
    assert method.score(archs).tolist() == frame["score"].tolist()
    if call[0] == "params":
        assert frame["score"].tolist() == frame["params"].tolist()
        assert record["metrics"]["all"]["kendall_tau"] == record["floors"]["params"]


@pytest.mark.slow
def test_a_short_training_is_scored_on_validation_images_with_its_own_norms(folders):
    call = ["short-training", "--train-images", "64", "--search.generations", "1"]
    record, frame, runs = carried_out(folders, "short", call)
    assert record["scoring"] == {"split": "val", "bn": "own", "by": "accuracy", "images": 1000}
    assert (
        record["costs"]["steps"] == 12 + 4
    )  # one of 64 images for each that is ranked or searched
    assert "no weights are shared" in " ".join(record["notes"])
    assert "scores on the val split, BN own" in render_record(record, runs)
    assert (frame["score"] <= 100).all() and frame["score"].nunique() > 3


@pytest.mark.slow
def test_processes_and_interruptions_change_no_score_and_no_cost(folders):
    call = CALLS[-1]  # which has references of its own besides
    record, frame, _ = carried_out(folders, f"alone-{call[0]}", call)
    together, same, _ = carried_out(folders, f"two-{call[0]}", call, workers=2)
    pd.testing.assert_frame_equal(frame, same, check_exact=True)
    assert together["costs"]["compute"] == record["costs"]["compute"]
    cut = folders(f"cut-{call[0]}")
    assert tiny.run_killed(config(*call), cut, 3) == -SIGKILL
    resumed, again, _ = carried_out(folders, f"cut-{call[0]}", call)
    pd.testing.assert_frame_equal(frame, again, check_exact=True)
    assert resumed["costs"]["compute"] == record["costs"]["compute"]
    assert json.dumps(resumed["metrics"]) == json.dumps(record["metrics"])


@pytest.mark.slow
def test_a_function_in_a_file_runs_and_a_changed_file_is_another_run(folders, tmp_path):
    names = []
    for number, factor in enumerate((1, 2)):
        path = tmp_path / f"my_scorer_{number}.py"
        path.write_text(SOURCE.replace("return", f"return {factor} *"))
        record, frame, _ = carried_out(folders, "file", [f"{path}:spread"])
        names.append(record["run"])
        assert np.isfinite(frame["score"]).all() and frame["score"].nunique() > 6
    assert names[0] != names[1] and all("-spread-" in name for name in names)
