"""Every registered space keeps every promise."""

import pytest

from harness.conformance.findings import findings
from harness.conformance.networks import (
    SUPERNET_CHECKS,
    seed_fixes_the_initial_weights,
    state_goes_to_a_file_and_back,
)
from harness.conformance.suite import SPACE_CHECKS

SLOW = (seed_fixes_the_initial_weights, state_goes_to_a_file_and_back)  # they build networks anew


def named(checks):
    marked = [
        pytest.param(check, id=check.__name__, marks=[pytest.mark.slow] * (check in SLOW))
        for check in checks
    ]
    return pytest.mark.parametrize("check", marked)


@named(SPACE_CHECKS)
def test_a_space_keeps_its_promises(space, check):
    assert not list(findings([check], space))


@named(SUPERNET_CHECKS)
def test_a_supernet_keeps_its_promises(supernet, check):
    assert not list(findings([check], supernet))
