"""The registered spaces, each at its cheapest scale, for all tests of one at a time."""

import pytest

from harness.conformance.subjects import SpaceSubject, SupernetSubject
from searchspaces.registry import SPACES

QUICK = ("nb201", "macro")  # one of cells, one of chains


@pytest.fixture(scope="session", params=list(SPACES))
def space(request):
    return SpaceSubject(request.param)


@pytest.fixture(scope="session", params=[False, True], ids=["plain", "affine"])
def supernet(space, request):
    return SupernetSubject(space, request.param)


def pytest_collection_modifyitems(items):
    """Promises of supernets take the longest: a quick run checks those of some spaces."""
    for item in items:
        here = "tests/conformance/" in item.nodeid and "supernet" in item.fixturenames
        if here and item.callspec.params["space"] not in QUICK:
            item.add_marker(pytest.mark.slow)
