"""Every registered method on every registered space trains, resumes, searches and scores."""

from inspect import signature

import pytest

from harness.conformance.findings import findings
from harness.conformance.methods import METHOD_CHECKS
from harness.conformance.subjects import MethodSubject
from methods.registry import METHODS
from searchspaces.base import SearchSpace


def refuses(method, space):
    """Whether the method cannot work there: it mixes operators, or needs shadow BNs."""
    own = type(space).relaxation is not SearchSpace.relaxation
    wired = hasattr(space, "topology") and not own
    shadows = "shadow" in signature(space.supernet).parameters
    return {"darts": wired, "gdas": wired, "mixpath": not shadows}.get(method, False)


@pytest.mark.slow
@pytest.mark.parametrize("method", list(METHODS))
def test_a_method_keeps_its_promises(method, space):
    subject = MethodSubject(method, space)
    assert not list(findings(METHOD_CHECKS, subject))
    assert bool(subject.refusal) is refuses(method, space.space)
