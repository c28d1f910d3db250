"""Tells one tracker of a run: a process of the tracker's, and a thread that never lets the run wait."""

from __future__ import annotations

import pickle
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from threading import Thread

from harness.trackers.listening import Message
from searchspaces.errors import first_line

LISTEN = (
    "import sys; sys.path[:] = {path!r}; from harness.trackers.listening import listen; listen()"
)


class TrackerProcess(Thread):
    """A fresh process for the tracker ``name``, with a thread that tells it what is :meth:`told`.

    The tracker's packages, crashes and memory are those of that process. It has the run's
    standard error, and ``seconds`` from the last message on. What makes it end before is said once.
    """

    def __init__(self, name: str, folder: Path, seconds: float) -> None:
        super().__init__(name=name, daemon=True)
        self.process: subprocess.Popen[bytes] | None = None
        self.left = False
        self._given = name, folder, seconds
        self._messages: SimpleQueue[Message | None] = SimpleQueue()
        self.start()

    def told(self, message: Message | None) -> None:
        """Returns at once; after None nothing more comes."""
        self._messages.put(message)

    def leave(self, why: str) -> None:
        """Say ``why`` it is given up, and end it."""
        self.left = True
        say(self.name, why)
        if self.process:
            self.process.kill()

    def run(self) -> None:
        try:
            command = [sys.executable, "-c", LISTEN.format(path=list(map(str, sys.path)))]
            pipe = subprocess.PIPE
            self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe)
            why = self._tell(self.process)
        except OSError as error:
            why = f"{type(error).__name__}: {first_line(error)}"
        if why and not self.left:
            say(self.name, why)

    def _tell(self, process: subprocess.Popen[bytes]) -> str:
        """Why it ended, if not as it should."""
        assert process.stdin and process.stdout
        with suppress(BrokenPipeError), process.stdin as pipe:
            pickle.dump(self._given, pipe)
            while message := self._messages.get():
                pickle.dump(message, pipe)
                pipe.flush()
        with process.stdout as answer:
            why = answer.read().decode(errors="replace").strip()
        code = process.wait()
        return why or (f"its process ended with code {code}" if code else "")


def say(name: str, what: str) -> None:
    """What became of a tracker, on standard error."""
    print(f"--log {name}: {what}; the run goes on without it.", file=sys.stderr, flush=True)
