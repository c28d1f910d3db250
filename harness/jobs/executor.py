"""Where jobs are carried out side by side: here processes of this machine.

The other implementation is :class:`harness.jobs.cluster.RayExecutor`.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from multiprocessing import get_context, parent_process
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from threading import Thread
from types import ModuleType
from typing import Any, Protocol

from harness.files.progress import Watcher
from searchspaces.errors import UsageError, first_line

Work = Callable[[Watcher], Iterable[Any] | None]
"""A job: does its work and tells the watcher of its progress; must be picklable.

If it gives an iterable, its work is to be iterated; what comes out are its results, as they come.
"""

PATIENCE = 5.0  # seconds that a job has to end after it was asked to


@dataclass(frozen=True)
class Event:
    """A job's progress in its phase, or one of its results; when ``ended``, why it failed, if so.

    ``died``: its process was killed, or its machine is gone. ``again``: it ended that way, but is
    worth to be started again.
    """

    job: str
    phase: str = ""
    done: int = 0
    total: int = 0
    result: Any = None
    ended: bool = False
    error: str = ""
    died: bool = False
    again: bool = False


class Executor(Protocol):
    """Carries out jobs side by side."""

    slots: int

    def start(self, job: str, work: Work) -> None:
        """Begin ``work`` under the name ``job``; callers keep to ``slots`` at a time."""

    def events(self, seconds: float) -> list[Event]:
        """What happened since; waits for something to happen, but no longer than ``seconds``.

        Whatever goes wrong in a job, its last event is the one that has ``ended``.
        """

    def stop(self) -> None:
        """Break off what still runs, at whatever instant."""


class LocalExecutor:
    """A fresh process per job; what it prints, if anything, is in ``logs/JOB.log``.

    No process outlives the one that started it, however that ends.
    """

    def __init__(self, slots: int, logs: Path, preload: tuple[str, ...] = ()):
        """Modules in ``preload`` are imported once for all jobs, where that is safe.

        That is not so for jobs on a GPU: what these modules find out about it is lost on them.
        """
        self.slots, self.logs = slots, logs
        self._running: dict[Connection, tuple[str, BaseProcess]] = {}
        self._context = get_context("spawn")
        if preload and sys.platform == "linux":
            self._context = get_context("forkserver")
            self._context.set_forkserver_preload(["harness.jobs.preloading", *preload])

    def start(self, job: str, work: Work) -> None:
        receiver, sender = self._context.Pipe(duplex=False)
        # Pickled here, since unpickling imports: the process is to be ready for errors by then.
        pickled = pickle.dumps(work)
        arguments = (pickled, sender, self.log(job))
        process = self._context.Process(target=_carry_out, args=arguments, name=job)
        with nullcontext() if b"__main__" in pickled else no_main_module():
            process.start()
        sender.close()
        self._running[receiver] = job, process

    def events(self, seconds: float) -> list[Event]:
        ready = wait(list(self._running), seconds)
        return [self._event(connection) for connection in ready]

    def stop(self) -> None:
        running = list(self._running.values())
        for _, process in running:
            process.terminate()
        for job, process in running:
            process.join(PATIENCE)
            process.kill()
            process.join()
            _drop_empty(self.log(job))
        self._running.clear()
        with suppress(OSError):  # there are logs in it, or there is none
            self.logs.rmdir()

    def log(self, job: str) -> Path:
        return self.logs / f"{job}.log"

    def _event(self, connection: Connection) -> Event:
        job, process = self._running[connection]
        try:
            event = Event(job, **connection.recv())
        except EOFError:
            process.join()
            error = _death(process.exitcode, self.log(job))
            event = Event(job, ended=True, error=error, died=(process.exitcode or 0) < 0)
        if event.ended:
            del self._running[connection]
            connection.close()
            process.join()
            _drop_empty(self.log(job))
        return event


def _drop_empty(log: Path) -> None:
    """A job that printed nothing leaves no log."""
    with suppress(FileNotFoundError):
        if not log.stat().st_size:
            log.unlink()


@contextmanager
def no_main_module() -> Iterator[None]:
    """Processes begun within do not run the program's main module once more to have its names.

    So a script that calls the harness needs no guard against that.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def _death(code: int | None, log: Path) -> str:
    """Why a process is gone that did not say so itself."""
    if code is None or code >= 0:
        where = f"; {log} has what it printed" if log.exists() and log.stat().st_size else ""
        return f"its process ended with code {code}{where}."
    name = signal.Signals(-code).name
    likely = ", perhaps for want of memory (try fewer --workers)" if name == "SIGKILL" else ""
    return f"its process was ended by {name}{likely}; the same command continues it."


def _carry_out(work: bytes, sender: Connection, log: Path) -> None:
    """In the process of a job: do the work and tell how it went."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # at Ctrl-C the starter ends its jobs
    Thread(target=end_with_starter, daemon=True).start()
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, "a") as stream:
        for descriptor in (1, 2):
            os.dup2(stream.fileno(), descriptor)
    error = ""
    try:
        results = pickle.loads(work)(
            lambda phase, done, total: sender.send({"phase": phase, "done": done, "total": total})
        )
        for result in results or ():
            sender.send({"result": result})
    except UsageError as mistake:
        error = str(mistake)
        print(error, file=sys.stderr)
    except Exception as failure:  # a defect: the log has it in full, other jobs go on
        traceback.print_exc()
        error = f"{type(failure).__name__}: {first_line(failure)}; {log} tells where."
    sys.stdout.flush()
    sender.send({"ended": True, "error": error})


def end_with_starter() -> None:
    starter = parent_process()
    if starter is not None:
        wait([starter.sentinel])
        os._exit(1)
