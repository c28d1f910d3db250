"""Calls in processes: in order, made ready once each, and an end to everything that goes wrong."""

import os
import signal
import time
from functools import partial
from multiprocessing import active_children

import pytest

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


def test_a_process_that_is_killed_is_told(tmp_path):
    with pytest.raises(UsageError, match="a worker process is gone.*the same command continues"):
        list(call_in_processes(vanish, range(9), 2, partial(ready, tmp_path)))


def test_who_stops_early_does_not_wait_for_the_others(tmp_path):
    began = time.monotonic()
    results = call_in_processes(sleep, range(3), 2, partial(ready, tmp_path))
    assert next(results) == 0
    results.close()
    assert time.monotonic() - began < 40
