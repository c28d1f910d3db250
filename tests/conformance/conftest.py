"""The registered spaces, each at its cheapest scale, for all tests of one at a time."""

import pytest

from harness.conformance.subjects import SpaceSubject, SupernetSubject
from searchspaces.registry import SPACES


@pytest.fixture(scope="session", params=list(SPACES))
def space(request):
    return SpaceSubject(request.param)


@pytest.fixture(scope="session", params=[False, True], ids=["plain", "affine"])
def supernet(space, request):
    return SupernetSubject(space, request.param)
