"""How a command ends: its exit status, and the sentence that says why."""

from __future__ import annotations

import errno
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import current_thread, main_thread

from searchspaces.errors import UsageError

GOES_ON = "the same command continues."  # unless what ends a command says something else


class Terminated(BaseException):
    """SIGTERM came, as a cluster's scheduler sends it before it kills."""


def status_of(command: Callable[[], int]) -> int:
    """What ``command`` returns, or 2 for a mistake of the user's, 130 when it is interrupted, 143
    when it is terminated; each with a sentence on standard error.

    After the last two it says how to go on: as the exception does, or else that the same command
    continues.
    """
    try:
        with _terminable():
            return command()
    except UsageError as error:
        _say(" ".join(str(error).split()))
        return 2
    except BrokenPipeError:  # whoever read the output has seen enough, as `head` does
        _print_no_more()
        return 0
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        _print_no_more()
        _say("no space is left where the output is written; make room, or write it elsewhere.")
        return 2
    except KeyboardInterrupt as stop:
        _say(f"interrupted; {str(stop) or GOES_ON}")
        return 130
    except Terminated as stop:
        _say(f"terminated; {str(stop) or GOES_ON}")
        return 143


def _print_no_more() -> None:
    """What is still to be written is lost in silence, also when Python ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextmanager
def _terminable() -> Iterator[None]:
    """Within, SIGTERM is an exception; a program that calls this one and has its own way keeps it.

    Processes that torchrun started end at once: waiting for each other they would not see it.
    """
    usual = signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    if not usual or current_thread() is not main_thread() or "RANK" in os.environ:
        yield
        return

    def stop(number: int, frame: object) -> None:
        raise Terminated

    signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _say(sentence: str) -> None:
    """On standard error; of the processes that torchrun started, those behind the first say who."""
    rank = os.environ.get("RANK", "0")
    who = "" if rank == "0" else f"process {rank}: "
    print(f"nas-harness: {who}{sentence}", file=sys.stderr)
