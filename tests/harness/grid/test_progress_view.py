"""What a grid shows while it runs."""

from types import SimpleNamespace

import pytest
from rich.console import Console

from harness.grid import progress_view as grid_view
from harness.grid.progress_view import Lines, Table, summary
from harness.grid.queue import Running


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still; ``clock.now`` sets it."""
    clock = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(grid_view, "monotonic", lambda: clock.now)
    return clock


@pytest.fixture
def running():
    """Two jobs at work, one of them for half a minute."""
    label = SimpleNamespace
    return {
        "a": Running(label(label="spos [s0]"), 970.0, "search", 1, 4),
        "b": Running(label(label="mngnas s1"), 999.0),
    }


@pytest.fixture
def grid(running):
    return SimpleNamespace(running=running, failed={}, ended=3, total=8, seconds_left=400.0)


def test_a_running_job_counts_by_its_phase(running):
    assert running["a"].share == pytest.approx((1 + 1 / 4) / 3)
    assert running["b"].share == 0.0
    assert Running(None, 0.0, "rank", 12, 12).share == 1.0
    assert Running(None, 0.0, "search", 0, 0).share == pytest.approx(1 / 3)


def test_the_summary_counts_failures_and_time(grid):
    assert summary(grid) == "3 of 8 runs, about 7 min left"
    grid.failed, grid.seconds_left = {"x": "broken."}, None
    assert summary(grid) == "3 of 8 runs, 1 failed"
    grid.seconds_left = 0.0
    assert summary(grid) == "3 of 8 runs, 1 failed"


def test_without_a_terminal_there_are_lines(grid, clock, capsys):
    lines = Lines(grid)
    lines.refresh()
    assert capsys.readouterr().err == ""
    lines.ended(grid.running["a"], "")
    lines.ended(grid.running["b"], "it broke.")
    head = "[3 of 8 runs, about 7 min left]"
    assert capsys.readouterr().err.splitlines() == [
        f"{head} spos [s0]: done in 30 s", f"{head} mngnas s1: failed: it broke.",
    ]  # fmt: skip
    clock.now += grid_view.HEARTBEAT + 1
    lines.refresh()
    lines.refresh()
    assert capsys.readouterr().err == f"{head} spos [s0] (search 25%), mngnas s1 (start)\n"


def test_on_a_terminal_there_is_a_row_per_job_under_one_for_all(grid, clock):
    console = Console(width=120)
    with console.capture() as shown:
        console.print(Table(grid).render())
    everything, first, second = shown.get().rstrip().splitlines()
    assert everything.startswith("all ")
    assert everything.endswith("3 of 8 runs, about 7 min left")
    assert first.startswith("spos [s0] ")
    assert first.rstrip().endswith("search 1 of 4, 30 s")
    assert second.rstrip().endswith("start, 1 s")


def test_a_failure_is_told_above_the_table(grid, clock, capsys):
    Table(grid).ended(grid.running["a"], "it [broke].")
    assert "spos [s0]: failed: it [broke]." in " ".join(capsys.readouterr().err.split())
