"""Progress bars on standard error, with time left."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

Watcher = Callable[[str, int, int], None]
"""Is told the label of a bar, how much is done, and how much there is to do."""

_watcher: Watcher | None = None


def watch(watcher: Watcher | None) -> None:
    """Tell ``watcher`` of every later bar of this process and draw none; None draws again."""
    global _watcher
    _watcher = watcher


def bar(total: int, label: str, unit: str, done: int = 0) -> Any:
    """A tqdm bar starting at ``done``; plain lines every few seconds where there is no terminal."""
    if _watcher is not None:
        return _Told(_watcher, label, done, total)
    from tqdm import tqdm

    interactive = sys.stderr.isatty()
    return tqdm(
        total=total,
        initial=done,
        desc=label,
        unit=unit,
        file=sys.stderr,
        dynamic_ncols=interactive,
        mininterval=0.2 if interactive else 10.0,
        smoothing=0.05,
    )


class _Told:
    """Stands for a bar where a watcher is told instead."""

    def __init__(self, watcher: Watcher, label: str, done: int, total: int):
        self.watcher, self.label, self.n, self.total = watcher, label, done, total
        self.told = 0.0

    def __enter__(self) -> _Told:
        self._tell()
        return self

    def __exit__(self, *_: object) -> None:
        self._tell()

    def update(self, number: int = 1) -> None:
        self.n += number
        if time.monotonic() - self.told > 0.2:
            self._tell()

    def set_postfix(self, **_: object) -> None:
        """What a bar would show behind its numbers is not passed on."""

    def _tell(self) -> None:
        self.told = time.monotonic()
        self.watcher(self.label, self.n, self.total)
