"""Bars, and those who are told of them instead."""

import pytest

from harness.files import progress
from harness.files.progress import bar, watch


@pytest.fixture
def told(monkeypatch):
    """What a watcher is told, on a clock that ticks a tenth of a second with every look at it."""
    ticks = iter(range(10**6))
    monkeypatch.setattr(progress.time, "monotonic", lambda: 1000 + next(ticks) / 10)
    heard = []
    watch(lambda *progress: heard.append(progress))
    yield heard
    watch(None)


def test_a_watcher_hears_the_beginning_the_end_and_now_and_then(told, capsys):
    with bar(100, "train", "step", 40) as steps:
        for _ in range(60):
            steps.update()
            steps.set_postfix(loss="1.0")
    assert told[0] == ("train", 40, 100)
    assert told[-1] == ("train", 100, 100)
    done = [number for _, number, _ in told]
    assert done == sorted(done)
    assert 10 < len(told) < 40
    assert steps.n == 100
    assert capsys.readouterr().err == ""


def test_what_breaks_off_is_not_told_as_done(told):
    with pytest.raises(KeyboardInterrupt), bar(9, "rank", "architecture") as archs:
        archs.update(4)
        raise KeyboardInterrupt
    assert told[-1] == ("rank", 4, 9)


def test_without_a_watcher_there_is_a_bar(capsys):
    with bar(3, "search", "epoch") as epochs:
        epochs.update(3)
    assert "search: 100%" in capsys.readouterr().err
