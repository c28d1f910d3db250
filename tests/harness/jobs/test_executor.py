"""Jobs in processes of their own: however one ends, that is told, and nobody is left behind."""

import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest
import toy_jobs

from harness.grid.grid import PRELOAD
from harness.jobs.executor import Event, LocalExecutor

ROOT = Path(__file__).parents[3]


@pytest.fixture(params=[(), PRELOAD], ids=["alone", "preloaded"])
def executor(request, tmp_path):
    made = LocalExecutor(4, tmp_path / "logs", request.param)
    yield made
    made.stop()


def until_ended(executor, jobs):
    """All events until each of ``jobs`` has ended, by job."""
    told = {job: [] for job in jobs}
    while not all(events and events[-1].ended for events in told.values()):
        for event in executor.events(10.0):
            told[event.job].append(event)
    return told


def appears(path):
    """What stands in ``path``, once it is there."""
    deadline = time.monotonic() + 30
    while not path.exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return path.read_text()


def gone(process):
    """Whether the process with this number ends within some seconds."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.02)
    return False


@pytest.mark.slow
def test_every_end_of_a_job_is_told_and_the_others_go_on(executor, tmp_path):
    jobs = {
        "refuse": toy_jobs.refuse,
        "break": toy_jobs.break_down,
        "leave": toy_jobs.leave,
        "blurt": toy_jobs.blurt,
        "killed": toy_jobs.be_killed,
        "unpicklable": toy_jobs.Unpicklable(),
        "count": toy_jobs.count,
    }
    for name, work in jobs.items():
        executor.start(name, work)
    told = until_ended(executor, jobs)
    assert told.pop("count") == [
        *(Event("count", "count", number, 3) for number in range(3)),
        Event("count", ended=True),
    ]
    errors = {name: events[0].error for name, events in told.items()}
    assert all(len(events) == 1 for events in told.values())
    log = tmp_path / "logs"
    assert errors == {
        "refuse": "this can be mended.",
        "break": f"ValueError: a defect; {log / 'break.log'} tells where.",
        "leave": "its process ended with code 3.",
        "blurt": f"its process ended with code 4; {log / 'blurt.log'} has what it printed.",
        "killed": "its process was ended by SIGKILL, perhaps for want of memory (try fewer "
        "--workers); the same command continues it.",
        "unpicklable": "ModuleNotFoundError: No module named 'nowhere'; "
        f"{log / 'unpicklable.log'} tells where.",
    }
    assert "in break_down" in (log / "break.log").read_text()
    assert sorted((log / "count.log").read_text().split()) == ["aloud", "counting"]
    assert (log / "refuse.log").read_text() == "this can be mended.\n"
    assert not (log / "leave.log").exists() and not (log / "killed.log").exists()  # no empty ones
    assert executor.events(0.0) == []


@pytest.mark.slow
def test_a_stop_ends_what_runs(executor, tmp_path):
    notes = [tmp_path / name for name in ("first", "second")]
    for note in notes:
        executor.start(note.name, partial(toy_jobs.sleep, note=note))
    processes = [int(appears(note)) for note in notes]
    executor.stop()
    assert all(gone(process) for process in processes)
    assert not (tmp_path / "logs").exists()  # nothing was printed


@pytest.mark.parametrize(
    ("how", "preload"),
    [
        (signal.SIGKILL, []),
        (signal.SIGKILL, ["harness.jobs.executor"]),
        (signal.SIGTERM, []),
        (signal.SIGINT, ["harness.jobs.executor"]),
    ],
)
@pytest.mark.slow
def test_no_job_outlives_its_starter(tmp_path, how, preload):
    note = tmp_path / "note"
    command = [sys.executable, toy_jobs.__file__, str(note), str(tmp_path / "logs"), *preload]
    environment = os.environ | {"PYTHONPATH": f"{ROOT}:{Path(toy_jobs.__file__).parent}"}
    heard = signal.signal(signal.SIGINT, signal.SIG_DFL)  # it hears Ctrl-C also where nohup is
    try:
        starter = subprocess.Popen(
            command, env=environment, start_new_session=True, stderr=subprocess.PIPE, text=True
        )
    finally:
        signal.signal(signal.SIGINT, heard)
    process = int(appears(note))
    # A terminal sends its Ctrl-C to all processes of the session.
    (os.killpg if how == signal.SIGINT else os.kill)(starter.pid, how)
    assert starter.wait(60) != 0  # on a busy machine
    assert gone(process)
    assert "Process sleep" not in starter.stderr.read()


WITHOUT_ITS_FOLDER = """
import sys
del sys.path[0]  # as the command line does
from pathlib import Path

from harness.jobs.executor import LocalExecutor
from toy_jobs import has_imported

if __name__ == "__main__":
    executor = LocalExecutor(1, Path("logs"), ("methods.options",))
    executor.start("job", has_imported)
    events = executor.events(60.0) + executor.events(60.0)
    print([event.result or event.error for event in events])
    executor.stop()
"""


def test_what_lies_in_the_working_folder_is_not_preloaded(tmp_path):
    (tmp_path / "methods").mkdir()
    (tmp_path / "methods" / "__init__.py").write_text("raise RuntimeError('not mine')\n")
    command = [sys.executable, "-c", WITHOUT_ITS_FOLDER]
    environment = os.environ | {"PYTHONPATH": f"{ROOT}:{Path(toy_jobs.__file__).parent}"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("['methods.options is here', '']\n", "")
