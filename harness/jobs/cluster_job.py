"""A job of :class:`harness.jobs.cluster.RayExecutor`, on the node that carries it out."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Any, Protocol

from harness.files.progress import Watcher
from harness.jobs.cluster_files import File, Mirror
from harness.jobs.executor import Event, LocalExecutor
from searchspaces.errors import UsageError

TELL_EVERY = 1.0  # seconds between two tellings of one phase's progress
SEND_EVERY = 10.0  # seconds between two looks for files to send


class Movable(Protocol):
    """Work that keeps all of its files below one folder.

    Those of a job are in the folder of its name. Jobs of one ``group`` have a use for each other's
    files outside of these.
    """

    group: str

    def __call__(self, watcher: Watcher) -> Any: ...

    def at(self, root: Path) -> Movable:
        """The same work with its files below ``root``; raises :class:`UsageError` if it cannot."""


@dataclass(frozen=True)
class Task:
    """What a node is given: a job, and where its files are.

    ``root`` is a folder of the machine that starts the jobs. ``marker`` names a file in it that
    there is nowhere else: a node that sees it shares the folder; any other works in a folder of
    its own, in which ``files`` are put first. ``torch``: the version it must have.
    """

    job: str
    work: Movable
    root: Path
    marker: str
    files: tuple[File, ...]
    torch: str
    preload: tuple[str, ...] = ()


def carry_out(task: Task) -> Iterator[Event | File]:
    """What happens in the job and, where its folder is not shared, what becomes of its files.

    Files are told before the phase or the end that comes after them.
    """
    try:
        _check_software(task.torch)
        if os.path.exists(task.root / task.marker):
            for event in _events(task, task.work, task.root):
                if event is not None:
                    yield event
            return
        with TemporaryDirectory(prefix="nas-harness-") as scratch:
            mirror = Mirror(Path(scratch), task.files)
            for item in _with_files(_events(task, task.work.at(mirror.root), mirror.root), mirror):
                if isinstance(item, Event) and item.error:
                    item = replace(item, error=item.error.replace(scratch, str(task.root)))
                yield item
    except UsageError as mistake:
        yield Event(task.job, ended=True, error=str(mistake))


def _events(task: Task, work: Movable, root: Path) -> Iterator[Event | None]:
    """Of ``work`` in a fresh process, until it has ended; None now and then."""
    with _unnamed_main():
        executor = LocalExecutor(1, root / "logs", task.preload)
        try:
            executor.start(task.job, work)
            phase, told, ended = "", 0.0, False
            while not ended:
                events = executor.events(TELL_EVERY)
                for event in events:
                    progress = not event.ended and event.result is None
                    if progress and event.phase == phase and monotonic() - told < TELL_EVERY:
                        continue
                    if progress:
                        phase, told = event.phase, monotonic()
                    ended = event.ended
                    yield event
                yield None
        finally:
            executor.stop()


def _with_files(events: Iterator[Event | None], mirror: Mirror) -> Iterator[Event | File]:
    phase, sent = "", monotonic()
    for event in events:
        turn = event is not None and (event.ended or event.phase != phase)
        if turn or monotonic() - sent > SEND_EVERY:
            yield from mirror.changes()
            sent = monotonic()
        if event is not None:
            phase = event.phase
            yield event


@contextmanager
def _unnamed_main() -> Iterator[None]:
    """Else each process that is started here would run the script of Ray's workers once more."""
    main = sys.modules["__main__"]
    name = main.__dict__.pop("__file__", None)
    try:
        yield
    finally:
        if name is not None:
            main.__file__ = name


def _check_software(torch: str) -> None:
    """Raises :class:`UsageError` for a node whose torch computes other bits."""
    if (here := version("torch")) != torch:
        raise UsageError(
            f"the node {platform.node()} has torch {here} and this machine {torch}; install the "
            "same on all, then run the same command again."
        )
