"""Every registered method on every registered space trains, resumes, searches and scores."""

from inspect import signature

import pytest

from harness.commands.list import NOT_ON
from harness.conformance.findings import findings
from harness.conformance.methods import METHOD_CHECKS
from harness.conformance.subjects import MethodSubject, SpaceSubject
from methods.registry import METHODS, RIVALS, SCORERS
from searchspaces.base import SearchSpace
from searchspaces.registry import SPACES

KINDS = ("nb201", "nb101", "darts", "macro")  # of each kind of space one
MIXING = (
    "darts",
    "gdas",
    "snas",
    "darts-",
    "fairdarts",
    "p-darts",
    "proxylessnas",
    "fbnet",
    "setn",
)


def refuses(method, space):
    """Whether the method cannot work there: it mixes operators, or needs shadow BNs."""
    own = type(space).relaxation is not SearchSpace.relaxation
    wired = hasattr(space, "topology") and not own
    shadows = "shadow" in signature(space.supernet).parameters
    edges = not wired and space.relaxation().nodes
    refused = {"mixpath": not shadows, "pc-darts": not edges, **dict.fromkeys(MIXING, wired)}
    return refused.get(method, False)


@pytest.mark.slow
@pytest.mark.parametrize("name", list(SPACES))
def test_the_list_says_which_go_together(name):
    subject = SpaceSubject(name)
    refused = {method for method in METHODS if refuses(method, subject.space)}
    assert all(MethodSubject(method, subject).refusal for method in refused)
    assert refused == {method for method, spaces in NOT_ON.items() if name in spaces}


# Every method there, a rival on the first alone; elsewhere a fifth of them, a tenth of the rivals.
PAIRS = [
    (method, space)
    for row, method in enumerate(METHODS)
    for column, space in enumerate(SPACES)
    if space in KINDS[: 1 if method in RIVALS else None]
    or ((row + column) % (10 if method in RIVALS else 5) == 0 and space not in KINDS)
]


@pytest.mark.slow
@pytest.mark.parametrize(("method", "name"), PAIRS)
def test_a_method_keeps_its_promises(method, name):
    space = SpaceSubject(name)
    subject = MethodSubject(method, space)
    assert not list(findings(METHOD_CHECKS, subject))
    assert bool(subject.refusal) is refuses(method, space.space)


@pytest.mark.slow
@pytest.mark.parametrize("scorer", list(SCORERS))
@pytest.mark.parametrize("name", ["nb201", "macro"])  # of cells, of chains
def test_a_scorer_keeps_the_promises_of_a_method(scorer, name):
    subject = MethodSubject(scorer, SpaceSubject(name))
    assert not list(findings(METHOD_CHECKS, subject))
    assert not subject.refusal
