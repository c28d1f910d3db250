"""What trackers are told of a run, and that no run fails or waits because of one."""

import time
from pathlib import Path

import kept_tracker
import pytest
from kept_tracker import TOLD
from tracked import HISTORY, LINES, tell_all

from harness.commands import grid, run
from harness.trackers import tracking
from harness.trackers.tracker import check_trackers
from harness.trackers.tracking import Tracking
from searchspaces.errors import UsageError

FILE = kept_tracker.__file__


@pytest.fixture(autouse=True)
def told():
    TOLD.clear()
    return TOLD


def test_a_tracker_is_told_each_point_once_and_then_the_results(tmp_path, told):
    picture = tmp_path / "scatter.png"
    picture.write_bytes(b"\x89PNG...")
    tell_all([f"{FILE}:Kept"], tmp_path, picture)
    assert told == [
        ("begin", "the-run", tmp_path, {"seed": 3, "train.steps": 100}),
        ("log", 0, 50, {"train/loss": 2.5}),
        ("log", 1, 50, {"watch/tau": 0.4, "watch/tau_low": 0.3, "watch/tau_high": 0.5}),
        ("log", 2, 1, {"search/best": 90.0}),
        ("log", 3, 0, LINES),
        ("log", 4, 100, LINES),
        ("picture", "scatter", b"\x89PNG"),
        ("end", LINES | {"found/truth": 92.0, "costs/steps": 100.0}),
    ]


def test_one_that_fails_is_named_once_and_the_others_go_on(told, capsys):
    tell_all([f"{FILE}:Failing", f"{FILE}:Kept"])
    assert capsys.readouterr().err.splitlines() == [
        f"--log {FILE}:Failing: RuntimeError: the disk is full; the run goes on without it."
    ]
    assert [call[0] for call in told].count("end") == 1


def test_nothing_waits_long_for_one_that_hangs(monkeypatch, capsys):
    monkeypatch.setattr(tracking, "PATIENCE", 0.1)
    begun = time.monotonic()
    tell_all([f"{FILE}:Stuck"])
    assert time.monotonic() - begun < 5
    assert "Stuck: has not taken everything after 0.1 s; the run goes on" in capsys.readouterr().err


def test_without_trackers_no_thread_begins():
    made = Tracking((), "the-run", Path(), {})
    made.tell(HISTORY)
    made.finish({}, lambda: 1 / 0, Path())
    assert made._threads == {}


def test_run_and_grid_take_several():
    both = ["--log", f"{FILE}:Kept", "--log", f"{FILE}:Stuck"]
    names = (both[1], both[3])
    config, execution, *_ = run.parse(["--method", "spos", *both])
    assert execution["log"] == names
    assert config == run.parse(["--method", "spos"])[0]
    labelled, execution = grid.parse(["--method", "spos", "--seed", "0", "1", *both])
    assert (len(labelled), execution["log"]) == (2, names)


def test_mistakes_are_one_sentence(monkeypatch):
    with pytest.raises(UsageError, match="unknown tracker 'tensorbord'; did you mean"):
        run.parse(["--method", "spos", "--log", "tensorbord"])
    monkeypatch.setattr("harness.trackers.tracker.find_spec", lambda name: None)
    with pytest.raises(UsageError, match="needs tensorboard, .*`pip install tensorboard`"):
        check_trackers(["tensorboard"])
    with pytest.raises(UsageError, match="--log take one value in a grid"):
        grid.parse(["--method", "spos", "--log", f"{FILE}:Kept", f"{FILE}:Stuck"])
