"""How spaces draw what an evolution asks for: each gene by itself, at the rates that are said."""

from collections import Counter
from itertools import product

import numpy as np
import pytest
from planted import PlantedSpace
from scipy.stats import binom, chisquare

from searchspaces.base import Site
from searchspaces.errors import UsageError

SPACE, ZEROS, ONES = PlantedSpace(), (0, 0, 0, 0), (1, 1, 1, 1)


def drawn(draw, number=3200):
    rng = np.random.default_rng(0)
    return Counter(draw(rng) for _ in range(number))


def test_a_sample_is_uniform():
    found = drawn(SPACE.sample, 8100)
    archs = list(product(range(3), repeat=4))
    assert set(found) == set(archs)
    assert chisquare([found[arch] for arch in archs]).pvalue > 1e-3


def test_each_gene_of_a_child_is_from_either_parent():
    found = drawn(lambda rng: SPACE.crossover(ZEROS, ONES, rng))
    children = list(product((0, 1), repeat=4))
    assert set(found) == set(children)
    assert chisquare([found[child] for child in children]).pvalue > 1e-3


@pytest.mark.parametrize("rate", [0.1, 0.5, 1.0])
def test_each_gene_is_resampled_at_the_rate(rate):
    """It then keeps its value in one of three cases."""
    found = drawn(lambda rng: SPACE.mutate(ZEROS, rng, rate))
    changed = Counter()
    for child, times in found.items():
        changed[sum(map(bool, child))] += times
    expected = 3200 * binom.pmf(range(5), 4, rate * 2 / 3)
    told = np.array([changed[number] for number in range(5)])
    some = expected > 5  # of the test's condition
    assert (
        chisquare(told[some], expected[some] / expected[some].sum() * told[some].sum()).pvalue
        > 1e-3
    )
    assert told[some].sum() > 3150


def test_a_neighbour_differs_in_one_gene_each_as_likely():
    arch = (0, 1, 2, 0)
    found = drawn(lambda rng: SPACE.neighbour(arch, rng))
    near = [
        (*arch[:site], gene, *arch[site + 1 :])
        for site in range(4)
        for gene in range(3)
        if gene != arch[site]
    ]
    assert set(found) == set(near)
    assert chisquare([found[other] for other in near]).pvalue > 1e-3


def test_a_site_of_one_operator_keeps_it():
    space = PlantedSpace()
    space.sites = (*space.sites[:3], Site("alone", ("fair",)))
    near = drawn(lambda rng: space.neighbour(ZEROS, rng), 300)
    assert {arch[3] for arch in near} == {0} and len(near) == 6


@pytest.mark.parametrize(
    ("operators", "told"),
    [(("fair",), "is one architecture alone"), ((), "s0 of .* has no operator")],
)
def test_a_space_of_nothing_to_choose_says_so(operators, told):
    space = PlantedSpace()
    space.sites = (Site("s0", operators), Site("s1", ("fair",)))
    rng = np.random.default_rng(0)
    with pytest.raises(UsageError, match=told):
        space.neighbour((0, 0), rng)
    if not operators:
        with pytest.raises(UsageError, match=told):
            space.sample(rng)
