"""Progress on standard error, with time left: a bar on a terminal, else a line now and then."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress

Watcher = Callable[[str, int, int], None]
"""Is told the label of a bar, how much is done, and how much there is to do."""

DRAW_EVERY, SAY_EVERY = 0.2, 10.0  # seconds between two pictures of a bar, and two lines
SILENCE = 5.0  # seconds after which a sentence says what is going on

_watcher: Watcher | None = None
_bars = 0  # begun by this process


def watch(watcher: Watcher | None) -> None:
    """Tell ``watcher`` of every later bar of this process and draw none; None draws again."""
    global _watcher
    _watcher = watcher


@contextmanager
def patience(what: str) -> Iterator[None]:
    """Say ``what`` on standard error once the block goes on for ``SILENCE`` without a bar."""
    before = _bars

    def speak() -> None:
        if _watcher is None and _bars == before:
            print(what, file=sys.stderr, flush=True)

    timer = threading.Timer(SILENCE, speak)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def bar(total: int, label: str, unit: str, done: int = 0) -> Bar:
    """A bar over ``total`` of ``unit``, 0 if unknown, of which ``done`` are done before it begins.

    A context manager that shows the beginning, the end, and what comes between now and then.
    """
    if _watcher is not None:
        return _Told(_watcher, label, unit, done, total)
    return (_Drawn if sys.stderr.isatty() else Bar)(label, unit, done, total)


def duration(seconds: float) -> str:
    """``45 s``, ``12 min`` or ``3 h 05 min``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"


class Bar:
    """How far a piece of work has come, told line by line where there is no terminal."""

    every = SAY_EVERY

    def __init__(self, label: str, unit: str, done: int, total: int):
        global _bars
        _bars += 1
        self.label, self.unit, self.begun, self.n, self.total = label, unit, done, done, total
        self.note = ""
        self.started = self.shown = time.monotonic()

    def __enter__(self) -> Bar:
        self.show()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def update(self, number: int = 1) -> None:
        """So many more are done."""
        self.n += number
        now = time.monotonic()
        if now - self.shown >= self.every:
            self.shown = now
            self.show()

    def set_note(self, note: str) -> None:
        """What is shown behind the numbers from now on."""
        self.note = note

    def show(self) -> None:
        print(f"{self.label}: {self.text()}", file=sys.stderr, flush=True)

    def close(self) -> None:
        """Show the end."""
        self.show()

    def text(self) -> str:
        """Share, number, pace and time left, the latter two as soon as they are known."""
        parts = [f"{self.n:,}"]
        if self.total:  # of a download it may be unknown
            parts = [f"{100 * self.n // self.total}% {self.n:,} of {self.total:,}"]
        spent, done = time.monotonic() - self.started, self.n - self.begun
        if done and spent:
            pace = done / spent
            parts.append(f"{pace:,.1f} {self.unit}/s" if pace > 1 else f"{1 / pace:,.1f} s each")
            left = (self.total - self.n) / pace
            parts.append(f"{duration(left)} left" if left > 0 else duration(spent))
        return ", ".join([*parts, self.note] if self.note else parts)


class _Drawn(Bar):
    """A bar in the last line of a terminal."""

    every = DRAW_EVERY

    def __init__(self, label: str, unit: str, done: int, total: int):
        super().__init__(label, unit, done, total)
        self.drawn = _empty_bar()
        self.task = self.drawn.add_task(label, total=total or None, completed=done, text="")

    def __enter__(self) -> Bar:
        self.drawn.start()
        return super().__enter__()

    def show(self) -> None:
        self.drawn.update(self.task, completed=self.n, text=self.text(), refresh=True)

    def close(self) -> None:
        super().close()
        self.drawn.stop()


class _Told(Bar):
    """Stands for a bar where a watcher is told instead."""

    every = DRAW_EVERY

    def __init__(self, watcher: Watcher, label: str, unit: str, done: int, total: int):
        super().__init__(label, unit, done, total)
        self.watcher = watcher

    def show(self) -> None:
        self.watcher(self.label, self.n, self.total)


def _empty_bar() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(30),
        TextColumn("{task.fields[text]}", markup=False),
        console=Console(stderr=True),
        auto_refresh=False,
        redirect_stdout=False,
        redirect_stderr=False,
    )
