"""What trackers are told of a run, and that no run fails or waits because of one."""

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

import kept_tracker
import pytest
import tiny
import tracked
from filelock import FileLock
from kept_tracker import told, wait_for
from tracked import HISTORY, LINES, tell_all

from harness.commands import grid, run
from harness.trackers import tracking
from harness.trackers.tracker import check_trackers
from harness.trackers.tracking import Tracking
from searchspaces.errors import UsageError

FILE = kept_tracker.__file__
FIRST = [
    ("begin", "the-run", {"seed": 3, "train.steps": 100}),
    ("log", 0, 50, {"train/loss": 2.5}),
    ("log", 1, 50, {"watch/tau": 0.4, "watch/tau_low": 0.3, "watch/tau_high": 0.5}),
]


def test_a_tracker_is_told_each_point_once_and_then_the_results(tmp_path):
    picture = tmp_path / "scatter.png"
    picture.write_bytes(b"\x89PNG...")
    tell_all([f"{FILE}:Kept"], tmp_path, picture)
    (_, process, starter, niceness), *calls = told(tmp_path)
    assert process != os.getpid() == starter
    assert niceness == min(os.nice(0) + 5, 19)
    assert calls == [
        *FIRST,
        ("log", 2, 1, {"search/best": 90.0}),
        ("log", 3, 0, LINES),
        ("log", 4, 100, LINES),
        ("picture", "scatter", b"\x89PNG"),
        ("end", LINES | {"found/truth": 92.0, "costs/steps": 100.0}),
    ]


def test_one_that_fails_and_one_that_crashes_are_named_once_and_others_go_on(tmp_path, capfd):
    names = [f"{FILE}:{name}" for name in ("Failing", "Dying", "Kept")]
    tell_all(names, tmp_path)
    out, err = capfd.readouterr()
    assert (out, err.count("what trackers print")) == ("", 2)
    assert sorted(line for line in err.splitlines() if line.startswith("--log")) == [
        f"--log {names[1]}: its process ended with code -11; the run goes on without it.",
        f"--log {names[0]}: RuntimeError: the disk is full; the run goes on without it.",
    ]
    assert told(tmp_path)[-1][0] == "end"


def test_what_one_leaves_to_the_end_of_its_process_is_done(tmp_path):
    tell_all([f"{FILE}:Careless"], tmp_path)
    assert told(tmp_path) == [("log", number) for number in range(5)]
    assert (tmp_path / "at-exit").exists() and (tmp_path / "thread").exists()


@pytest.mark.parametrize("name", ["Stuck", "Stopped"])
def test_nothing_waits_long_for_one_that_hangs(name, tmp_path, monkeypatch, capsys):
    """Not even to be rid of more than a pipe holds."""
    monkeypatch.setattr(tracking, "PATIENCE", 0.1)
    begun, made = time.monotonic(), tracked.tracking([f"{FILE}:{name}"], tmp_path)
    made.tell(1000 * HISTORY)
    made.tell_results(tracked.RECORD, lambda: 1000 * HISTORY)
    made.end(Path())
    made.wait()
    assert time.monotonic() - begun < 5
    said = f"{name}: has not taken everything after 0.1 s; the run goes on without it."
    assert capsys.readouterr().err.count(said) == 1
    (process,) = made._processes
    process.join()
    assert process.process.returncode == -signal.SIGKILL


def test_one_of_a_run_that_fails_writes_what_it_has_without_being_waited_for(tmp_path):
    """And that of the next begins when it is done."""
    names, begun = [f"{FILE}:Waiting"], time.monotonic()
    with suppress(ZeroDivisionError), tracked.tracking(names, tmp_path) as made:
        made.tell(HISTORY[:2])
        wait_for(tmp_path, 4)
        made.tell([1 / 0])
    assert made._processes[0].is_alive()
    taken = time.monotonic() - begun
    with tracked.tracking(names, tmp_path) as again:
        again.tell(HISTORY[:1])
        time.sleep(2 * taken)
        assert len(told(tmp_path)) == 4
        (tmp_path / "go").touch()
        calls = [call for call in wait_for(tmp_path, 8) if call[0] != "process"]
    assert calls == [*FIRST, ("leave",), *FIRST[:2]]


@pytest.mark.parametrize(("name", "last"), [("Kept", "leave"), ("Stuck", "begin")])
def test_none_outlives_a_run_that_is_killed(name, last, tmp_path):
    process = tiny.quick_context().Process(target=told_and_killed, args=(name, tmp_path))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    with FileLock(tmp_path / f".log-{name}.lock", timeout=20):  # held by the tracker's process
        assert told(tmp_path)[-1][0] == last


def told_and_killed(name, folder):
    """With signals to the tracker's process that a terminal or a scheduler sends to all."""
    tracking.PATIENCE = 0.25 if name == "Stuck" else 100.0
    made = tracked.tracking([f"{FILE}:{name}"], folder)
    made.tell(HISTORY[:2])
    wait_for(folder, 2)
    for number in (signal.SIGINT, signal.SIGTERM):
        made._processes[0].process.send_signal(number)
    os.kill(os.getpid(), signal.SIGKILL)


def test_without_trackers_no_process_begins():
    made = Tracking((), "the-run", Path(), {})
    made.tell(HISTORY)
    made.tell_results({}, lambda: 1 / 0)
    made.end(Path())
    made.wait()
    assert made._processes == []


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
