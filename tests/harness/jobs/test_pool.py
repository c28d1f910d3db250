"""Calls in processes: in order, made ready once each, and an end to everything that goes wrong."""

import os
import pickle
import signal
import time
from functools import partial
from multiprocessing import active_children

import pytest

from harness.jobs import pool
from harness.jobs.pool import call_in_processes
from searchspaces.errors import UsageError

_READY = []


def ready(folder):
    (folder / f"ready-{os.getpid()}").touch()
    _READY.append(os.getpid())


def work(item):
    """Late items are quick, so that an order that is kept is kept on purpose."""
    time.sleep(0.05 / (1 + item))
    return item, list(_READY)


def refuse(error):
    raise error


def stumble(item):
    if item == 1:
        raise ValueError("one is one too many")
    return item


class OddError(ValueError):
    """Comes out of a pickle with a TypeError."""

    def __init__(self, what, number):
        super().__init__(f"{what} is {number}")


class Growing(ValueError):
    """Comes out of a pickle with another message."""

    def __init__(self, what):
        super().__init__(f"no {what}")


class Locked(UsageError):
    """Does not go into a pickle."""

    def __init__(self, what):
        super().__init__(f"{what}, mend it.")
        self.key = lambda: what


RAISED = {
    "odd": (lambda: OddError("the score", 3), "OddError", "the score is 3", RuntimeError),
    "growing": (lambda: Growing("weights"), "Growing", "no weights", RuntimeError),
    "locked": (lambda: Locked("a mistake"), "Locked", "a mistake, mend it.", UsageError),
    "usual": (lambda: KeyError("weights"), "KeyError", "'weights'", KeyError),
}


def fail(name):
    raise RAISED[name][0]()


def vanish(item):
    os.kill(os.getpid(), signal.SIGKILL)


def sleep(item):
    time.sleep(60 * item)
    return item


@pytest.fixture(autouse=True)
def nothing_is_left():
    before = set(active_children())
    yield
    assert set(active_children()) <= before


@pytest.mark.slow
def test_results_come_in_the_order_of_the_items_from_processes_made_ready_once(tmp_path):
    results = list(call_in_processes(work, range(9), 2, partial(ready, tmp_path)))
    assert [item for item, _ in results] == list(range(9))
    seen = {tuple(pids) for _, pids in results}
    assert all(len(pids) == 1 for pids in seen)
    assert os.getpid() not in {pid for pids in seen for pid in pids}
    assert 1 <= len(list(tmp_path.iterdir())) <= 2


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (UsageError("the supernet is gone; train again."), "^the supernet is gone; train again.$"),
        (KeyError("no weights"), "^a worker process could not start: KeyError: 'no weights'$"),
        (SystemExit(0), "^a worker process could not start: SystemExit: 0$"),
    ],
)
def test_a_process_that_cannot_be_made_ready_is_an_error_of_the_call(error, said):
    with pytest.raises(UsageError, match=said):
        list(call_in_processes(work, range(9), 2, partial(refuse, error)))


def test_an_error_of_a_call_is_raised_here_after_the_results_before_it(tmp_path):
    results = call_in_processes(stumble, range(9), 2, partial(ready, tmp_path))
    assert next(results) == 0
    with pytest.raises(ValueError, match="one is one too many"):
        next(results)


@pytest.mark.parametrize("name", RAISED)
def test_an_error_travels_with_its_name_and_its_message(name):
    _, kind, message, base = RAISED[name]
    with pytest.raises(Exception) as raised:
        pool._call(fail, name)
    arrived = pickle.loads(pickle.dumps(raised.value))
    assert isinstance(arrived, base)
    assert (type(arrived).__name__, str(arrived)) == (kind, message)


def test_an_error_that_cannot_be_pickled_arrives_with_where_it_was_raised(tmp_path):
    with pytest.raises(RuntimeError, match="the score is 3") as error:
        list(call_in_processes(fail, ["odd"], 1, partial(ready, tmp_path)))
    assert type(error.value).__name__ == "OddError" and ", in fail\n" in str(error.value.__cause__)


def test_a_process_that_is_killed_is_told(tmp_path):
    with pytest.raises(UsageError, match="a worker process is gone.*the same command continues"):
        list(call_in_processes(vanish, range(9), 2, partial(ready, tmp_path)))


def test_who_stops_early_does_not_wait_for_the_others(tmp_path):
    began = time.monotonic()
    results = call_in_processes(sleep, range(3), 2, partial(ready, tmp_path))
    assert next(results) == 0
    results.close()
    assert time.monotonic() - began < 40
