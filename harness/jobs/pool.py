"""Calls in several processes of this machine: each made ready once, none outlives its starter."""

from __future__ import annotations

import pickle
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import nullcontext
from multiprocessing import active_children, get_context
from threading import Thread
from typing import Any, TypeVar

from harness.jobs.executor import end_with_starter, no_main_module
from searchspaces.errors import UsageError, first_line

Given, Result = TypeVar("Given"), TypeVar("Result")

_FAILURE = ""  # of a worker: why it could not be made ready


def call_in_processes(
    function: Callable[[Given], Result],
    items: Sequence[Given],
    workers: int,
    ready: Callable[[], None],
) -> Iterator[Result]:
    """``function`` of every item, in the order of ``items``, as soon as they come.

    ``workers`` processes share the items; each calls ``ready`` once before. Both functions must be
    picklable. What a call raises is raised here, by its name and message where it cannot be
    pickled. Raises :class:`UsageError` if a process cannot be
    made ready or dies. However this ends, the processes end with it.
    """
    pickled, before = pickle.dumps(ready), set(active_children())
    pool = ProcessPoolExecutor(
        min(workers, len(items)), get_context("spawn"), initializer=_begin, initargs=(pickled,)
    )
    with nullcontext() if b"__main__" in pickled else no_main_module():
        futures = [pool.submit(_call, function, item) for item in items]
    processes = set(active_children()) - before
    try:
        for future in futures:
            yield future.result()
    except BrokenProcessPool as error:
        raise UsageError(
            "a worker process is gone, perhaps for want of memory (try fewer --workers); "
            "the same command continues."
        ) from error
    finally:
        if not all(future.done() for future in futures):
            for process in processes:
                process.terminate()
        pool.shutdown(cancel_futures=True)


def _begin(pickled: bytes) -> None:
    """In a new process. An error is kept for the first call: raised here, nobody would hear it."""
    global _FAILURE
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # at Ctrl-C the starter ends its workers
    Thread(target=end_with_starter, daemon=True).start()
    try:
        pickle.loads(pickled)()
    except UsageError as error:
        _FAILURE = str(error)
    except (Exception, SystemExit) as error:
        _FAILURE = f"a worker process could not start: {type(error).__name__}: {first_line(error)}"


def _call(function: Callable[[Any], Any], item: Any) -> Any:
    if _FAILURE:
        raise UsageError(_FAILURE)
    try:
        return function(item)
    except Exception as error:
        if _travels(error):
            raise
        raise _Told(error) from error


def _travels(error: Exception) -> bool:
    """Whether it comes out of a pickle as it went in; classes with an ``__init__`` often do not."""
    try:
        again = pickle.loads(pickle.dumps(error))
    except Exception:  # whatever a class of the user's raises
        return False
    return type(again) is type(error) and str(again) == str(error)


class _Told(Exception):
    """Stands for an error that does not travel; what arrives has its name and its message."""

    def __init__(self, error: Exception):
        super().__init__(error)
        self.given = type(error).__name__, str(error), isinstance(error, UsageError)

    def __reduce__(self) -> tuple[Callable[..., Exception], tuple[str, str, bool]]:
        return _arrived, self.given


def _arrived(name: str, message: str, of_usage: bool) -> Exception:
    made: Exception = type(name, (UsageError if of_usage else RuntimeError,), {})(message)
    return made
