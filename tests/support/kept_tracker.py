"""Trackers to name by their file: one that keeps all it is told, and some that are a nuisance."""

from __future__ import annotations

import atexit
import os
import signal
import time
from ast import literal_eval
from threading import Thread

from harness.trackers.tracker import Tracker

FILE = "told.txt"


def told(folder):
    """What :class:`Kept` was told, behind its process and the one that began it."""
    file = folder / FILE
    return [literal_eval(line) for line in file.read_text().splitlines()] if file.exists() else []


def wait_for(folder, number, seconds=100):
    """What was told, once that is so many calls."""
    until = time.monotonic() + seconds
    while len(calls := told(folder)) < number and time.monotonic() < until:
        time.sleep(0.01)
    return calls


class Kept(Tracker):
    def begin(self, name, folder, parameters):
        self.file = open(folder / FILE, "a")  # noqa: SIM115
        self.keep("process", os.getpid(), os.getppid(), os.nice(0))
        self.keep("begin", name, dict(parameters))

    def log(self, number, step, values):
        self.keep("log", number, step, dict(values))

    def picture(self, name, path):
        self.keep("picture", name, path.read_bytes()[:4])

    def end(self, results):
        self.keep("end", dict(results))

    def leave(self):
        self.keep("leave")

    def keep(self, *call):
        print(call, file=self.file, flush=True)


class Careless(Kept):
    """Leaves its file open, a thread that works on, and a part of the work to the very end."""

    def begin(self, name, folder, parameters):
        self.file = open(folder / FILE, "w")  # noqa: SIM115
        self.folder = folder

    def log(self, number, step, values):
        print(("log", number), file=self.file)

    def end(self, results):
        path = self.folder
        atexit.register(lambda: (path / "at-exit").touch())
        Thread(target=lambda: (time.sleep(0.2), (path / "thread").touch())).start()


class Failing(Kept):
    def begin(self, name, folder, parameters):
        print("what trackers print")

    def log(self, number, step, values):
        raise RuntimeError("the disk is full.\nmore")


class Dying(Failing):
    def log(self, number, step, values):
        os.kill(os.getpid(), signal.SIGSEGV)


class Stuck(Kept):
    def begin(self, name, folder, parameters):
        super().begin(name, folder, parameters)
        time.sleep(100)


class Stopped(Kept):
    def begin(self, name, folder, parameters):
        os.kill(os.getpid(), signal.SIGSTOP)


class Waiting(Kept):
    def begin(self, name, folder, parameters):
        super().begin(name, folder, parameters)
        self.go = folder / "go"

    def leave(self):
        while not self.go.exists():
            time.sleep(0.01)
        super().leave()
