"""Runs whose steps are counted by seconds: the steps measured, measured once, and kept to."""

import json
from dataclasses import replace
from shutil import copytree
from signal import SIGKILL

import pandas as pd
import pytest
import tiny

from harness.running import timing
from searchspaces.errors import UsageError


@pytest.fixture(scope="module")
def by_seconds(folders):
    """Configuration, folders, record of a run whose steps take twice as long as those of SPOS."""
    config, own = tiny.config("fairnas", "--equalise", "seconds"), folders("seconds")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(timing, "measure", lambda *pair: timing.Timing(2.0, 0.02, 0.01, "here"))
        return config, own, tiny.run_plainly(config, own)


@pytest.mark.slow
def test_a_run_by_seconds_is_that_of_the_steps_measured(by_seconds, folders):
    config, own, record = by_seconds
    assert record["config"]["train"]["steps"] == 6
    assert record["costs"]["steps"] == record["training"]["steps"] == 3
    assert record["training"]["timing"]["ratio"] == 2.0
    assert any("2 times as long as one of SPOS" in note for note in record["notes"])
    plain = tiny.run_plainly(tiny.config("fairnas", "--train.steps", "3"), folders("three"))
    assert "timing" not in plain["training"]
    assert plain["metrics"] == record["metrics"]
    scores = [
        pd.read_parquet(folders(name)["runs"] / run["run"] / "scores.parquet")
        for name, run in (("seconds", record), ("three", plain))
    ]
    pd.testing.assert_frame_equal(*scores, check_exact=True)


@pytest.mark.slow
def test_a_measurement_serves_other_seeds_and_runs_continued(by_seconds, folders, monkeypatch):
    config, own, record = by_seconds
    again = folders("seconds again")
    copytree(own["runs"] / "timings", again["runs"] / "timings")
    monkeypatch.setattr(timing, "measure", pytest.fail)
    other = tiny.run_plainly(replace(config, seed=5), again)
    assert other["training"] == record["training"]
    assert tiny.run_killed(config, again, 2) == -SIGKILL
    assert tiny.run_plainly(config, again) == json.loads(
        (again["runs"] / record["run"] / "run.json").read_text()
    )
    assert tiny.same(own["runs"] / record["run"], again["runs"] / record["run"])


@pytest.mark.slow
def test_a_run_is_not_continued_with_other_steps(by_seconds, folders):
    config, own, _ = by_seconds
    lost = folders("seconds lost")
    copytree(own["runs"] / "timings", lost["runs"] / "timings")
    assert tiny.run_killed(config, lost, 2) == -SIGKILL
    (path,) = (lost["runs"] / "timings").glob("*.json")
    path.write_text(path.read_text().replace("2.0", "3.0"))
    with pytest.raises(UsageError, match="begun with 3 steps.*begin anew"):
        tiny.run_plainly(config, lost)
