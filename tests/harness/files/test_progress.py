"""Bars, and those who are told of them instead."""

import re
import sys
from io import StringIO
from time import sleep
from types import SimpleNamespace

import pytest

from harness.files import progress
from harness.files.progress import bar, duration, watch


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
            steps.set_note("loss 1.0")
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


@pytest.mark.slow
def test_silence_is_broken_by_one_sentence(monkeypatch, capsys):
    monkeypatch.setattr(progress, "SILENCE", 0.01)
    with progress.patience("measuring"):
        sleep(0.1)
    assert capsys.readouterr().err == "measuring\n"
    with bar(1, "rank", "architecture"):
        pass  # what it needs is imported
    capsys.readouterr()
    monkeypatch.setattr(progress, "SILENCE", 0.3)
    with progress.patience("measuring"), bar(2, "rank", "architecture"):
        sleep(0.4)  # the bar says it
    assert "measuring" not in capsys.readouterr().err
    monkeypatch.setattr(progress, "SILENCE", 60.0)
    with progress.patience("measuring"):
        pass
    assert capsys.readouterr().err == ""


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still; ``clock.now`` sets it."""
    clock = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(progress.time, "monotonic", lambda: clock.now)
    return clock


@pytest.fixture
def terminal(monkeypatch):
    """``terminal()`` makes standard error a terminal of 100 columns, and returns what it gets."""

    def begin():
        shown = StringIO()
        shown.isatty = lambda: True
        monkeypatch.setattr(sys, "stderr", shown)
        return shown

    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    return begin


def test_without_a_terminal_there_are_lines_with_time_left(clock, capsys):
    with bar(100, "train", "step", 40) as steps:
        for second in range(30):
            clock.now += 1
            steps.update()
            steps.set_note(f"loss {second}.0")
    assert capsys.readouterr().err.splitlines() == [
        "train: 40% 40 of 100",
        "train: 50% 50 of 100, 1.0 s each, 50 s left, loss 8.0",
        "train: 60% 60 of 100, 1.0 s each, 40 s left, loss 18.0",
        "train: 70% 70 of 100, 1.0 s each, 30 s left, loss 28.0",
        "train: 70% 70 of 100, 1.0 s each, 30 s left, loss 29.0",
    ]


def test_the_last_line_tells_the_whole_time(clock, capsys):
    with bar(3000, "search", "epoch") as epochs:
        clock.now += 5
        epochs.update(3000)
    assert capsys.readouterr().err.splitlines() == [
        "search: 0% 0 of 3,000", "search: 100% 3,000 of 3,000, 600.0 epoch/s, 5 s",
    ]  # fmt: skip


def test_what_is_left_of_an_unknown_total_is_not_told(clock, capsys):
    with bar(0, "file", "MB") as megabytes:
        clock.now += 4
        megabytes.update(10)
    assert capsys.readouterr().err.splitlines() == ["file: 0", "file: 10, 2.5 MB/s, 4 s"]


def test_on_a_terminal_one_line_is_drawn_again_and_again(clock, terminal):
    screen = terminal()
    with bar(8, "train [0]", "step") as steps:
        for _ in range(4):
            clock.now += 2
            steps.update()
        steps.set_note("loss 1.5")
    shown = re.sub(r"\x1b\[[?0-9;]*[A-Za-z]", "", screen.getvalue())  # without colours and moves
    assert "train [0] ━━" in shown
    assert "12% 1 of 8, 2.0 s each, 14 s left" in shown
    assert "50% 4 of 8, 2.0 s each, 8 s left, loss 1.5" in shown
    assert shown.count("\n") == 1  # at the end


def test_a_bar_that_breaks_off_leaves_the_terminal_as_it_was(terminal):
    screen = terminal()
    with pytest.raises(KeyboardInterrupt), bar(9, "rank", "architecture"):
        raise KeyboardInterrupt
    hidden, shown = "\x1b[?25l", "\x1b[?25h"  # the cursor
    assert screen.getvalue().rindex(shown) > screen.getvalue().rindex(hidden)


def test_durations_are_for_people():
    told = [duration(seconds) for seconds in (0.4, 89, 91, 3600, 3600 * 27 + 300)]
    assert told == ["0 s", "89 s", "2 min", "1 h 00 min", "27 h 05 min"]
