"""SIGTERM ends a command with a sentence, unless somebody has an own way with it."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from harness import cli
from harness.cli import main
from harness.conformance import command
from harness.files import endings
from harness.files.endings import Terminated

ROOT = Path(cli.__file__).parent.parent


TERMINATED = """
import os, signal, sys, time
import harness.commands.list
from harness.cli import main

def terminate(_):
    try:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(10)
    finally:
        print("tidied up")

harness.commands.list.main = terminate
status = main(["list"])
print(signal.getsignal(signal.SIGTERM) is signal.SIG_DFL)
sys.exit(status)
"""


def test_a_termination_says_how_to_go_on():
    environment = {name: text for name, text in os.environ.items() if name != "RANK"}
    command = [sys.executable, "-c", TERMINATED]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment)
    assert ended.returncode == 143
    assert ended.stderr == "nas-harness: terminated; the same command continues.\n"
    assert ended.stdout == "tidied up\nTrue\n"


@pytest.mark.parametrize("hinder", ["a handler of one's own", "torchrun"])
def test_who_has_an_own_way_with_terminations_keeps_it(monkeypatch, hinder):
    def own(number, frame):
        raise AssertionError("nobody asked")

    if hinder == "torchrun":
        monkeypatch.setenv("RANK", "0")
    else:
        monkeypatch.setattr(signal, "getsignal", lambda _: own)
    monkeypatch.setattr(signal, "signal", own)
    assert main(["--version"]) == 0


@pytest.mark.parametrize(
    ("stop", "status", "said"),
    [(KeyboardInterrupt, 130, "interrupted"), (Terminated, 143, "terminated")],
)
def test_checks_of_conformance_end_so_too(monkeypatch, capsys, stop, status, said):
    def stopped(*_):
        raise stop

    monkeypatch.setattr(command, "_report", stopped)
    assert main(["conformance", "--method", "spos"]) == status
    wanted = f"nas-harness: {said}; the same command checks from the beginning.\n"
    assert capsys.readouterr().err == wanted


@pytest.mark.parametrize(
    ("stop", "status", "said"),
    [(KeyboardInterrupt, 130, "interrupted"), (Terminated, 143, "terminated")],
)
def test_searches_end_so_too(monkeypatch, capsys, stop, status, said):
    def stopped(*_, **__):
        raise stop

    monkeypatch.setattr("harness.simulation.searches.compare_searches", stopped)
    assert main(["search", "--method", "random"]) == status
    wanted = f"nas-harness: {said}; the same command searches from the beginning.\n"
    assert capsys.readouterr().err == wanted


def test_output_without_space_is_told_of(capsys, monkeypatch):
    stopped, errors = [], [OSError(errno.ENOSPC, "No space left"), OSError(errno.EIO, "I/O error")]

    def failing(_):
        raise errors.pop(0)

    monkeypatch.setattr(endings, "_print_no_more", lambda: stopped.append(True))
    monkeypatch.setattr("harness.commands.list.main", failing)
    assert main(["list"]) == 2 and stopped == [True]
    assert capsys.readouterr().err.startswith("nas-harness: no space is left where the output is ")
    with pytest.raises(OSError, match="I/O error"):
        main(["list"])
