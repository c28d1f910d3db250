"""Jobs of a grid that do next to nothing, each in its own way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from harness.jobs.executor import LocalExecutor
from searchspaces.errors import UsageError

Watcher = Callable[[str, int, int], None]


def count(watcher: Watcher) -> None:
    print("counting")
    subprocess.run([sys.executable, "-c", "print('aloud')"], check=True)
    for number in range(3):
        watcher("count", number, 3)


def refuse(watcher: Watcher) -> None:
    raise UsageError("this can be mended.")


def break_down(watcher: Watcher) -> None:
    raise ValueError("a defect:\nmore of it")


def leave(watcher: Watcher) -> None:
    os._exit(3)


def blurt(watcher: Watcher) -> None:
    print("last words", flush=True)
    os._exit(4)


def be_killed(watcher: Watcher) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def has_imported(watcher: Watcher) -> Iterator[str]:
    """Whether a module is there that this one does not import."""
    yield f"methods.options is {'here' if 'methods.options' in sys.modules else 'not here'}"


def sleep(watcher: Watcher, note: Path) -> None:
    """Write down the process and never end."""
    part = note.with_suffix(".part")
    part.write_text(str(os.getpid()))
    part.rename(note)
    watcher("sleep", 0, 1)
    while True:
        time.sleep(0.02)


@dataclass(frozen=True)
class Movable:
    """A job that keeps no files, for a cluster."""

    work: Callable[[Watcher], None]
    group = ""

    def __call__(self, watcher: Watcher) -> None:
        self.work(watcher)

    def at(self, root: Path) -> Movable:
        return self


class Unpicklable:
    """A job that cannot be unpickled."""

    def __reduce__(self) -> tuple[Callable[[], None], tuple[()]]:
        return _fail, ()


def _fail() -> None:
    raise ModuleNotFoundError("No module named 'nowhere'")


def start_sleeping(note: Path, logs: Path, preload: tuple[str, ...]) -> None:
    """A starter that waits for a job which never ends."""
    executor = LocalExecutor(1, logs, preload)
    try:
        executor.start("sleep", partial(sleep, note=note))
        while True:
            executor.events(1.0)
    finally:
        executor.stop()


if __name__ == "__main__":
    start_sleeping(Path(sys.argv[1]), Path(sys.argv[2]), tuple(sys.argv[3:]))
