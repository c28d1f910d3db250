"""``check-gpu``: a line or a row a check, and the exit status.

The checks themselves are carried out in tests/harness/device_checks.
"""

import json

import pytest
import torch

from harness.cli import main
from harness.device_checks import suite
from harness.device_checks.finding import Finding
from harness.files.endings import Terminated


@pytest.fixture
def checks(monkeypatch):
    """``checks(*wrong)``: checks that find nothing but what is given, instead of their own."""

    def install(*wrong):
        found = iter([Finding("fine", {"a": 1}, list(each)) for each in wrong])
        monkeypatch.setattr(suite.Check, "__call__", lambda self, subject: next(found))

    return install


def run(*more):
    return main(["check-gpu", "--device", "cpu", *more])


@pytest.mark.slow
def test_each_check_is_a_line_of_json(checks, capsys):
    checks([], ["It is slow."])
    assert run("--only", "versions", "--only", "waits", "--json") == 1
    printed = capsys.readouterr()
    first, second = map(json.loads, printed.out.splitlines())
    assert (first["check"], first["passed"], first["figures"]) == ("versions", True, {"a": 1})
    assert (second["check"], second["passed"], second["said"]) == ("waits", False, "It is slow.")
    assert printed.err == "[1 of 2] versions: passed\n[2 of 2] waits: FAILED\n"


@pytest.mark.slow
def test_the_table_has_a_row_a_check(checks, capsys):
    checks([], ["It is [wrong]."])
    assert run("--only", "versions", "--only", "waits") == 1
    printed = capsys.readouterr().out
    assert "versions" in printed and "passed" in printed and "It is [wrong]." in printed


@pytest.mark.slow
def test_all_is_well_where_nothing_is_wrong(checks, capsys):
    checks([])
    assert run("--only", "versions", "--json") == 0
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_checks_are_listed(capsys):
    assert run("--list", "--half", "2") == 0
    listed = capsys.readouterr().out
    assert [line.split()[0] for line in listed.splitlines()] == [
        check.name for check in suite.CHECKS if check.half == 2
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--device", "cuda:77"], "; --device cpu carries the checks out"),
        (
            ["--device", "gpu"],
            "'gpu' is not available here; use --device auto, cpu or, for a GPU, cuda",
        ),
        (["--device", "cpu:3"], "the device 'cpu:3' is not available here; use --device auto, cpu"),
        (["--only", "speed"], "unknown check 'speed'"),
        (["--half", "3"], "invalid choice: 3"),
        (["--half", "1", "--only", "waits"], "half 1 has no such check"),
    ],
)
def test_misuse_is_a_sentence(arguments, said, capsys):
    assert main(["check-gpu", *arguments]) == 2
    printed = capsys.readouterr()
    assert printed.out == "" and said in printed.err and printed.err.count("\n") == 1


def test_a_pytorch_without_cuda_is_told_of(monkeypatch, capsys):
    for built, why in ((False, "this PyTorch is built without CUDA"), (True, "sees no such GPU")):
        monkeypatch.setattr(torch.backends.cuda, "is_built", lambda built=built: built)
        assert main(["check-gpu", "--device", "cuda:77"]) == 2
        assert f"{why}; --device cpu" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize(
    ("stop", "status", "how"),
    [(KeyboardInterrupt, 130, "interrupted"), (Terminated, 143, "terminated")],
)
def test_who_stops_it_sees_what_was_found_and_what_is_left(monkeypatch, capsys, stop, status, how):
    def check(self, subject):
        if self.name == "waits":
            raise stop
        return Finding("It is quick.")

    monkeypatch.setattr(suite.Check, "__call__", check)
    only = [word for name in ("versions", "waits", "ranking") for word in ("--only", name)]
    assert run(*only) == status
    printed = capsys.readouterr()
    assert "versions" in printed.out and "It is quick." in printed.out
    assert printed.err.splitlines()[-1] == (
        f"nas-harness: {how}; --only waits --only ranking carries out the rest."
    )


@pytest.mark.slow
def test_computing_threads_are_given_back(checks):
    before = torch.get_num_threads()
    checks([])
    run("--only", "versions", "--json")
    assert torch.get_num_threads() == before
