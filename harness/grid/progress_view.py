"""The progress of a grid on standard error: a live table, or lines where there is no terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any, Protocol

from harness.files.progress import duration
from harness.grid.queue import Queue, Running

HEARTBEAT = 30.0  # seconds without a line
LOST = "its worker is gone; it is started again"


class View(Protocol):
    def ended(self, running: Running, error: str) -> None:
        """A job has ended, with the sentence that says why it failed, if it did."""

    def lost(self, running: Running) -> None:
        """Whatever carried a job out is gone; the job is to be started again."""

    def refresh(self) -> None:
        """Called about once a second."""


@contextmanager
def view(grid: Queue) -> Iterator[View]:
    """Show ``grid`` while the block runs."""
    if not sys.stderr.isatty():
        yield Lines(grid)
        return
    table = Table(grid)
    with table.live:
        yield table


def summary(grid: Queue) -> str:
    """How many jobs have ended and failed, and the time left."""
    failed = f", {len(grid.failed)} failed" if grid.failed else ""
    left = grid.seconds_left
    when = "" if left is None or left < 1 else f", about {duration(left)} left"
    return f"{grid.ended} of {grid.total} runs{failed}{when}"


class Lines:
    """A line per job that ends, and one now and then that tells what runs."""

    def __init__(self, grid: Queue):
        self.grid, self.spoken = grid, monotonic()

    def ended(self, running: Running, error: str) -> None:
        how = f"failed: {error}" if error else f"done in {duration(monotonic() - running.since)}"
        self._say(f"{running.job.label}: {how}")

    def lost(self, running: Running) -> None:
        self._say(f"{running.job.label}: {LOST}")

    def refresh(self) -> None:
        if monotonic() - self.spoken > HEARTBEAT:
            self._say(", ".join(map(_line, self.grid.running.values())))

    def _say(self, text: str) -> None:
        print(f"[{summary(self.grid)}] {text}", file=sys.stderr, flush=True)
        self.spoken = monotonic()


class Table:
    """A row per running job under one for all; a failure scrolls away above them."""

    def __init__(self, grid: Queue):
        from rich.console import Console
        from rich.live import Live

        self.grid = grid
        console = Console(stderr=True)
        self.live = Live(console=console, get_renderable=self.render, vertical_overflow="ellipsis")

    def ended(self, running: Running, error: str) -> None:
        if error:
            self.live.console.print(f"{running.job.label}: failed: {error}", markup=False)

    def lost(self, running: Running) -> None:
        self.live.console.print(f"{running.job.label}: {LOST}", markup=False)

    def refresh(self) -> None:
        """The table refreshes itself."""

    def render(self) -> Any:
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        grid, rows = self.grid, Table.grid(padding=(0, 2))
        running = list(grid.running.values())
        share = grid.ended + sum(each.share for each in running)
        rows.add_row("all", ProgressBar(grid.total, share, width=30), summary(grid))
        for each in running:
            count = f"{each.phase} {each.done:,} of {each.total:,}" if each.total else each.phase
            since = duration(monotonic() - each.since)
            rows.add_row(
                Text(each.job.label), ProgressBar(1.0, each.share, width=30), f"{count}, {since}"
            )
        return rows


def _line(running: Running) -> str:
    percent = f" {running.done / running.total:.0%}" if running.total else ""
    return f"{running.job.label} ({running.phase}{percent})"
