"""Checks one by one: one that breaks is a sentence, and the others go on."""

import json

import pytest
import torch

from harness.device_checks.finding import Finding
from harness.device_checks.outcomes import Outcome, carried_out
from harness.device_checks.suite import Check
from harness.environment import use_tf32
from searchspaces.errors import UsageError

CHECK = Check("waits", 2, "how often?")


def broken(subject):
    use_tf32(True)
    raise RuntimeError("CUDA error: out of memory\nand a page more")


def refused(subject):
    raise UsageError("there is no such thing.")


@pytest.mark.slow
def test_an_error_is_a_finding_and_the_rest_go_on(subject):
    functions = [broken, lambda s: Finding("all is well", {"a": 1}), refused]
    outcomes = list(carried_out(functions, subject))
    assert [outcome.passed for outcome in outcomes] == [False, True, False]
    assert outcomes[0].said.startswith("RuntimeError in test_outcomes.py, line ")
    assert outcomes[0].said.endswith(": CUDA error: out of memory.")
    assert [outcome.said for outcome in outcomes[1:]] == ["all is well", "there is no such thing."]
    assert not torch.backends.cudnn.allow_tf32  # which the broken one had left on


def test_of_several_wrong_things_the_first_is_said_and_all_are_kept():
    outcome = Outcome(CHECK, Finding("fine", wrong=["One.", "Two.", "Three."]), 1.0, "a card")
    assert outcome.said == "One. (2 more)"
    assert outcome.to_dict()["wrong"] == ["One.", "Two.", "Three."]


def test_a_line_is_json_whatever_the_figures_are():
    figures = {"loss": float("nan"), "of": {"step": [1.5, float("inf")]}, 2: (True, None)}
    line = Outcome(CHECK, Finding("fine", figures), 1.2345, "a card").to_dict()
    assert json.loads(json.dumps(line, allow_nan=False)) == {
        "check": "waits",
        "half": 2,
        "passed": True,
        "said": "fine",
        "seconds": 1.23,
        "device": "a card",
        "figures": {"loss": None, "of": {"step": [1.5, None]}, "2": [True, None]},
        "wrong": [],
    }


@pytest.mark.parametrize("wrong", [[], ["It is wrong."]])
def test_a_check_passes_where_nothing_is_wrong(wrong):
    assert Outcome(CHECK, Finding("", wrong=wrong), 0.0, "").passed is not bool(wrong)
