"""The smallest and the largest path of a space, beside all of it where it is small."""

from itertools import product

import numpy as np
import pytest
from params import slow_but
from planted import PlantedData, PlantedSpace

from harness.tabular.locate import find_table
from searchspaces.base import Cost, ImageSpec
from searchspaces.errors import UsageError
from searchspaces.registry import SPACES

IMAGE = ImageSpec(1, 12, 10)


def size(space, arch, image=IMAGE):
    cost = space.cost(arch, image)
    return cost.madds, cost.params


@pytest.mark.parametrize(
    "name",
    [
        "nb101-mixpath",
        pytest.param("macro", marks=pytest.mark.slow),
        pytest.param("nb201", marks=pytest.mark.slow),
        pytest.param("nb101-1shot1-1", marks=pytest.mark.slow),
        pytest.param("nb101-1shot1-2", marks=pytest.mark.slow),
    ],
)
def test_no_architecture_is_smaller_or_larger(name):
    space = SPACES[name]("compact")
    everything = product(*(range(len(site.operators)) for site in space.sites))
    sizes = [size(space, arch) for arch in everything if space.is_valid(arch)]
    assert len(sizes) <= space.size
    found = [size(space, arch) for arch in space.extremes(IMAGE)]
    assert found == [min(sizes), max(sizes)]


def test_of_equal_multiply_adds_parameters_decide(monkeypatch):
    space = PlantedSpace()
    monkeypatch.setattr(space, "cost", lambda arch, image: Cost(sum(arch), 1))
    smallest, largest = (space.cost(arch, IMAGE).params for arch in space.extremes(IMAGE))
    assert (smallest, largest) == (1, 8)


def test_multiply_adds_decide_where_parameters_say_the_opposite(monkeypatch):
    space = PlantedSpace()
    monkeypatch.setattr(space, "cost", lambda arch, image: Cost(9 - sum(arch), sum(arch)))
    assert [sum(arch) for arch in space.extremes(IMAGE)] == [1, 8]


@pytest.mark.slow
def test_those_of_nasbench101_have_the_sizes_that_its_table_ends_with():
    space, image = SPACES["nb101"](), ImageSpec(3, 32, 10)
    params = find_table("nb101", "benchmark", "cifar10").params
    found = [space.cost(arch, image).params for arch in space.extremes(image)]
    assert found == [params.min(), params.max()] == [227_274, 49_979_274]


@pytest.mark.parametrize("name", slow_but(["nb201", "macro", "nb101-mixpath"], SPACES))
def test_what_is_drawn_lies_between(name):
    space = SPACES[name]("compact")
    smallest, largest = space.extremes(IMAGE)
    assert space.is_valid(smallest) and space.is_valid(largest)
    assert space.extremes(IMAGE) == (smallest, largest)
    rng = np.random.default_rng(3)
    drawn = [arch for arch in (space.sample(rng) for _ in range(60)) if space.is_valid(arch)]
    low, high = size(space, smallest), size(space, largest)
    assert low < high and all(low <= size(space, arch) <= high for arch in drawn)


def test_a_space_of_anybodys_own_has_them_too():
    """Without any operator it is not valid; (0, ..., 1) comes before (1, ..., 0)."""
    space = PlantedSpace()
    smallest, largest = space.extremes(PlantedData.image)
    assert largest == (2, 2, 2, 2) and sum(smallest) == 1


def test_where_nothing_valid_is_drawn_that_is_said(monkeypatch):
    monkeypatch.setattr(PlantedSpace, "is_valid", lambda space, arch: False)
    with pytest.raises(UsageError, match="architectures of planted none is valid: its extremes"):
        PlantedSpace().extremes(PlantedData.image)
