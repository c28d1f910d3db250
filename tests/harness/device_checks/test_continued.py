"""A run that is killed twice on the device, and what of it must not differ."""

import json
from dataclasses import replace
from types import SimpleNamespace

import pytest
import tiny

from harness.device_checks import continued
from harness.running import pipeline


def record(folder, **changes):
    folder.mkdir()
    costs = {"seconds": 3.5, "steps": 6, "peak_memory_mb": 1.0} | changes.pop("costs", {})
    whole = {"run": "r", "costs": costs, "files": {"scores.parquet": "ab"}} | changes
    (folder / "run.json").write_text(json.dumps(whole))
    return folder


def test_only_what_differs_each_time_may_differ(tmp_path):
    one = record(tmp_path / "one")
    costs = {"seconds": 9.0, "peak_memory_mb": 2.0, "peak_device_memory_mb": 7.0}
    costs["peak_device_reserved_mb"] = 8.0
    assert continued.differing(one, record(tmp_path / "same", costs=costs)) == []
    other = record(tmp_path / "other", costs={"steps": 7}, files={"scores.parquet": "cd"})
    assert continued.differing(one, other) == ["costs", "files"]


@pytest.mark.slow
def test_a_run_that_is_killed_twice_ends_the_same(subject, monkeypatch):
    monkeypatch.setattr(continued, "get_context", tiny.quick_context)
    monkeypatch.setattr(pipeline, "FINISHERS", {})  # no pictures, to be quick
    both = replace(subject, sizes=replace(subject.sizes, killed_in=("search", "rank")))
    found = continued.check(both)
    assert found.wrong == []
    assert found.said.startswith("a run that was killed in search and in rank has the same scores")


def test_who_stops_the_check_ends_its_run_too(monkeypatch):
    def join():
        raise KeyboardInterrupt

    done = []
    process = SimpleNamespace(
        start=lambda: done.append("start"), join=join, kill=lambda: done.append("kill")
    )
    context = SimpleNamespace(Process=lambda target, args: process)
    monkeypatch.setattr(continued, "get_context", lambda _: context)
    with pytest.raises(KeyboardInterrupt):
        continued._process(None, None, "rank")
    assert done == ["start", "kill"]


def test_a_run_that_is_not_killed_is_told_of(subject, monkeypatch):
    monkeypatch.setattr(continued, "run", lambda config, execution: None)
    monkeypatch.setattr(continued, "_process", lambda config, execution, phase: 0)
    assert continued.check(subject).wrong == [
        "the run that is to be killed in rank ended by itself, with 0."
    ]
