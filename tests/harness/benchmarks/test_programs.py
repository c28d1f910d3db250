"""Benchmarks of whole commands: what is run in turns, and what is no measurement."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from harness.benchmarks import programs, table_files, trackers
from searchspaces.errors import UsageError


def test_runs_with_trackers_are_timed_beside_those_without(monkeypatch):
    """Commands that take what they are said to take, in turns and in folders of their own."""
    clock, began = {"wall": 100.0, "cpu": 0.0}, []

    def command(line, cwd, env, **_):
        told, runs = "--log" in line, Path(line[line.index("--runs") + 1])
        began.append((runs.name, line[line.index("--preset") :]))
        clock["wall"] += (5.1, 5.3)[runs.name == "told-1"] if told else 5.0
        clock["cpu"] += 8.8 if told else 8.0
        (runs / "a-run").mkdir(parents=True)
        (runs / "a-run" / "scores.parquet").write_bytes(b"same" if env["WANDB_MODE"] else b"")
        return SimpleNamespace(returncode=0, stderr="")

    monkeypatch.setattr(programs.subprocess, "run", command)
    monkeypatch.setattr(trackers.time, "perf_counter", lambda: clock["wall"])
    spent = lambda: SimpleNamespace(children_user=clock["cpu"], children_system=1.0)  # noqa: E731
    monkeypatch.setattr(trackers.os, "times", spent)
    result = trackers.measure(["tensorboard"], "laptop", "macro", steps=9, repeats=2, seed=7)
    names = ["small-plain", "small-told", "plain-0", "told-0", "told-1", "plain-1"]
    assert [name for name, _ in began] == names
    small, log = ["--preset", "smoke"], ["--log", "tensorboard"]
    long = ["--preset", "laptop", "--space", "macro", "--seed", "7", "--train.steps", "9"]
    told, plain = [*long, *log], long
    assert [given for _, given in began] == [small, [*small, *log], plain, told, told, plain]
    wall, quantile = result["ratio"]["wall"], 12.70620474  # Student's t, one degree of freedom
    assert wall["mean"] == pytest.approx(1.04)
    assert wall["interval"] == pytest.approx((1.04 - 0.02 * quantile, 1.04 + 0.02 * quantile))
    assert result["ratio"]["cpu"]["low"] == pytest.approx(1.1)
    assert result["seconds"]["told"] == pytest.approx({"wall": 5.2, "cpu": 8.8})
    more = result["more"]
    assert (more["wall"]["mean"], more["cpu"]["mean"]) == pytest.approx((0.2, 0.8))
    assert more["wall"]["interval"] == pytest.approx((0.2 - 0.1 * quantile, 0.2 + 0.1 * quantile))
    assert result["same_scores"]


def test_a_run_that_fails_and_one_that_a_tracker_left_are_no_measurement(monkeypatch):
    """The last line of what it said tells why."""
    for code, said in ((2, "status 2: no space"), (0, "measurement: --log mlflow: too slow")):
        last = said.partition(": ")[2]
        done = SimpleNamespace(returncode=code, stderr=f"train: 3%\n{last}\n")
        monkeypatch.setattr(programs.subprocess, "run", lambda *_, done=done, **__: done)
        with pytest.raises(UsageError, match=f"^`nas-harness run --method spos .*{said}$"):
            trackers.measure(["tensorboard"], "smoke", "nb201", steps=0, repeats=3, seed=0)


def test_a_program_that_fails_is_not_timed(tmp_path):
    (tmp_path / "s.json").write_text("{}")
    with pytest.raises(UsageError, match="^`nas-harness evaluate .*status 2: nas-harness: .*s.j"):
        table_files.evaluate_command(tmp_path / "s.json", "nb201")
    with pytest.raises(UsageError, match=r"^`me` failed with status 3: without a word\.$"):
        programs.completed("me", ["-c", "raise SystemExit(3)"])
