"""The process of a tracker: hears of a run through its standard input and calls the tracker."""

from __future__ import annotations

import atexit
import faulthandler
import os
import pickle
import signal
import sys
import threading
from contextlib import suppress
from queue import SimpleQueue
from typing import IO, Any

from filelock import FileLock

from harness.trackers.tracker import TRACKERS
from searchspaces.errors import first_line
from searchspaces.registry import short

Message = tuple[str, tuple[Any, ...]]
"""A function of :class:`~harness.trackers.tracker.Tracker` and what it is called with."""

NICE = 5  # three trackers beside a run count about as much as it does, so that it keeps its core

GONE = EOFError, pickle.UnpicklingError  # a run, the latter in the middle of a message


def listen() -> None:
    """Call a tracker as told, until the run has nothing more to tell, or is gone.

    What comes first is the tracker's name, the folder of the run, and the seconds that the tracker
    has from the end of the run on, however that ends. A sentence on standard output says why a
    tracker failed; what trackers print is on standard error.
    """
    os.nice(NICE)
    for number in (signal.SIGINT, signal.SIGTERM):  # they are the run's, which closes the pipe
        signal.signal(number, signal.SIG_IGN)
    told, answer = _own_streams()
    try:
        name, folder, seconds = pickle.load(told)
    except GONE:
        return
    messages: SimpleQueue[Message | None] = SimpleQueue()
    threading.Thread(target=_receive, args=(told, messages, seconds), daemon=True).start()
    try:
        # One of a run that was killed just now may still be busy with its last points.
        with FileLock(folder / f".log-{short(name)}.lock"):
            _call(name, messages)
    except (Exception, SystemExit) as error:
        with suppress(OSError):  # the run may be gone
            print(f"{type(error).__name__}: {first_line(error)}", file=answer, flush=True)
        sys.exit(1)
    _end()


def _end() -> None:
    """As processes of multiprocessing do: to take MLflow's modules apart is most of a second."""
    threading._shutdown()  # waits for threads of the tracker's
    atexit._run_exitfuncs()
    with suppress(OSError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(0)


def _own_streams() -> tuple[IO[bytes], IO[str]]:
    """Pipes from and to the run, out of the reach of what reads and prints, and of its processes."""
    told, answer = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "w")
    with open(os.devnull) as nothing:
        os.dup2(nothing.fileno(), 0)
    os.dup2(2, 1)
    sys.stdout.reconfigure(line_buffering=True)
    return told, answer


def _receive(told: IO[bytes], messages: SimpleQueue[Message | None], seconds: float) -> None:
    """Take all at once, so that no run waits; once it ends, so does this process, in ``seconds``."""
    with suppress(*GONE):
        while True:
            messages.put(pickle.load(told))
    nowhere = os.open(os.devnull, os.O_WRONLY)
    faulthandler.dump_traceback_later(seconds, exit=True, file=nowhere)
    messages.put(None)


def _call(name: str, messages: SimpleQueue[Message | None]) -> None:
    tracker, function = TRACKERS[name](), ""
    while message := messages.get():
        function, given = message
        getattr(tracker, function)(*given)
    if function not in ("", "end"):
        tracker.leave()
