"""The spaces under test, each at its cheapest scale, and a few of its architectures."""

from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from searchspaces.base import ImageSpec
from searchspaces.registry import SPACES, nearest

ARCHITECTURES = 3


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """With ``--space``, only the suite: not the test of the suite itself."""
    chosen = config.getoption("space")
    return True if chosen and collection_path.name == "test_third_party.py" else None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "name" not in metafunc.fixturenames:
        return
    names = metafunc.config.getoption("space") or list(SPACES)
    for name in names:
        if name not in SPACES:
            raise pytest.Collector.CollectError(
                f"unknown search space '{name}'{nearest(name, SPACES)}"
            )
    metafunc.parametrize("name", names, indirect=True, scope="session")


@pytest.fixture(scope="session")
def name(request):
    """What the space is registered as."""
    return request.param


@pytest.fixture(scope="session")
def make(name):
    """What makes the space at a scale."""
    return SPACES[name]


@pytest.fixture(scope="session")
def space(make):
    return make("compact" if "compact" in make.scales else make.scales[0])


@pytest.fixture(scope="session")
def image(space):
    return ImageSpec(1, 12, 10) if space.scale == "compact" else ImageSpec(3, 32, 10)


@pytest.fixture(scope="session")
def archs(space):
    """Different valid ones."""
    rng = np.random.default_rng(0)
    drawn = dict.fromkeys(space.sample(rng) for _ in range(20 * ARCHITECTURES))
    found = list(islice(filter(space.is_valid, drawn), ARCHITECTURES))
    assert len(found) == ARCHITECTURES, "too few of the sampled architectures are valid"
    return found
