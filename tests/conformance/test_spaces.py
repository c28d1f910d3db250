"""Every registered space keeps every promise."""

import pytest

from harness.conformance.findings import findings
from harness.conformance.networks import SUPERNET_CHECKS
from harness.conformance.suite import SPACE_CHECKS


def named(checks):
    return pytest.mark.parametrize("check", checks, ids=[check.__name__ for check in checks])


@named(SPACE_CHECKS)
def test_a_space_keeps_its_promises(space, check):
    assert not list(findings([check], space))


@named(SUPERNET_CHECKS)
def test_a_supernet_keeps_its_promises(supernet, check):
    assert not list(findings([check], supernet))
