"""Trying a mistake: the tests nearest to it run in a copy of the project, until one fails."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from mutating.mistake import Mistake

KILLED, SURVIVED, SLOW, UNTESTED = "killed", "survived", "ran out of time", "no test is near"


@dataclass(frozen=True)
class Verdict:
    """What became of a mistake; ``by`` is the first test that failed."""

    mistake: Mistake
    outcome: str
    by: str = ""
    seconds: float = 0.0


def copied(root: Path, folder: Path) -> Path:
    """A copy of the project's own files under ``folder``."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    for name in filter(None, listed.split("\0")):
        if (root / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(root / name, folder / name)
    return folder


def run(copy: Path, mistake: Mistake, tests: Sequence[str], limit: float) -> Verdict:
    """``mistake`` in ``copy``, which is left as it was; ``limit`` in seconds for all ``tests``."""
    if not tests:
        return Verdict(mistake, UNTESTED)
    path, begun = copy / mistake.file, time.monotonic()
    text = path.read_text(encoding="utf-8")
    path.write_text(mistake.applied(text), encoding="utf-8")
    try:
        failed = first_failure(copy, tests, limit)
    finally:
        path.write_text(text, encoding="utf-8")
    outcome = SLOW if failed is None else KILLED if failed else SURVIVED
    return Verdict(mistake, outcome, failed or "", time.monotonic() - begun)


def first_failure(copy: Path, tests: Sequence[str], limit: float) -> str | None:
    """The test that fails first in ``copy``; empty where none does, None after ``limit`` s."""
    context = get_context("forkserver")  # its server has imported what takes long
    context.set_forkserver_preload(["pytest", "hypothesis", "torch", "scipy.stats", "pandas"])
    said = copy / "first-failure.txt"
    said.unlink(missing_ok=True)
    process = context.Process(target=_run_tests, args=(str(copy), tuple(tests), str(said)))
    process.start()
    process.join(limit)
    if process.is_alive():
        os.killpg(process.pid, signal.SIGKILL)
        process.join()
        return None
    if said.exists():
        return said.read_text(encoding="utf-8")
    return "" if process.exitcode == 0 else f"the tests ended with {process.exitcode}"


def _run_tests(copy: str, tests: tuple[str, ...], said: str) -> None:
    os.setpgid(0, 0)  # so that what the tests start ends with them
    os.chdir(copy)
    os.environ["PYTHONPATH"] = copy
    sys.path[:] = [copy, *(entry for entry in sys.path if entry)]
    sys.dont_write_bytecode = True  # a mistake and what it replaces may be equally long and old
    with open(os.devnull, "w") as nothing:
        os.dup2(nothing.fileno(), 1)
        os.dup2(nothing.fileno(), 2)
    import pytest

    class First:
        """Notes which test, or which file of tests, fails first."""

        def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
            self.note(report)

        def pytest_collectreport(self, report: pytest.CollectReport) -> None:
            self.note(report)

        def note(self, report: pytest.TestReport | pytest.CollectReport) -> None:
            if report.failed and not Path(said).exists():
                Path(said).write_text(report.nodeid, encoding="utf-8")

    status = pytest.main(["-x", "-q", "-p", "no:cacheprovider", *tests], plugins=[First()])
    os._exit(int(status))
