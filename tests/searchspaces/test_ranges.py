"""Ranges of a number over a space, against all its architectures."""

import itertools
import math

import pytest
from planted import PlantedData, PlantedSpace

from searchspaces.base import ImageSpec
from searchspaces.ranges import value_range
from searchspaces.registry import SPACES

TERMS = ((0.0, 2.0, 1.0), (3.0, 0.0, 1.0), (0.5, 0.0, 0.0), (0.0, 7.0, 7.5))


def planted(arch):
    return sum(terms[gene] for terms, gene in zip(TERMS, arch, strict=True))


def test_a_sum_has_its_ends():
    space = PlantedSpace()
    values = [planted(arch) for arch in itertools.product(range(3), repeat=4) if any(arch)]
    assert value_range(space, PlantedData.image, planted) == (min(values), max(values))


def test_what_is_no_number_is_no_end():
    def known(arch):
        return math.nan if arch[3] == 2 or arch[0] == 0 else planted(arch)

    assert value_range(PlantedSpace(), PlantedData.image, known) == (1.0, 2.0 + 3.0 + 0.5 + 7.0)


@pytest.mark.parametrize("name", ["params", "madds"])
def test_ends_of_nas_bench_201_are_those_of_all_its_cells(name):
    space, image = SPACES["nb201"]("compact"), ImageSpec(1, 12, 10)
    values = {}
    for arch in itertools.product(range(5), repeat=6):
        key = tuple(sorted(arch))  # costs depend on how often an operator is there
        if key not in values or not values[key][1]:
            values[key] = getattr(space.cost(arch, image), name), space.is_valid(arch)
    known = [value for value, valid in values.values() if valid]
    found = value_range(space, image, lambda arch: getattr(space.cost(arch, image), name))
    assert found == (min(known), max(known))
