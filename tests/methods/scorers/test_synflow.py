"""SynFlow against sums of products over all paths, its scaling, and its zero."""

import itertools
import math

import numpy as np
import pytest
import torch
from scorers import IMAGE, drawn, measured, scorer, small
from torch import nn

from methods.scorers.synflow import flow
from searchspaces.nb201.cell import CONV1, CONV3, NONE, POOL, SKIP
from searchspaces.registry import SPACES

ONES = torch.ones(1, 2, 4, 4, dtype=torch.float64)


def layers(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(4, 3, bias=False),
        nn.ReLU(),
        nn.Linear(3, 5, bias=False),
        nn.ReLU(),
        nn.Linear(5, 2, bias=False),
    ).double()


@pytest.mark.parametrize("seed", range(3))
def test_each_layer_adds_the_products_of_weights_along_all_paths(seed):
    network = layers(seed)
    matrices = [network[place].weight.detach().abs().numpy() for place in (1, 3, 5)]
    paths = 0.0
    for a, b, c, d in itertools.product(range(4), range(3), range(5), range(2)):
        paths += matrices[0][b, a] * matrices[1][c, b] * matrices[2][d, c]
    found = flow(network, torch.ones(1, 1, 2, 2, dtype=torch.float64))
    assert found == pytest.approx(3 * paths, rel=1e-12)


def test_a_factor_in_one_layer_is_one_in_the_score_and_signs_are_none():
    image = torch.ones(1, 1, 2, 2, dtype=torch.float64)
    before = flow(layers(), image)
    scaled, turned = layers(), layers()
    with torch.no_grad():
        scaled[3].weight.mul_(-2.5)
        turned[1].weight.abs_().neg_()
    assert flow(scaled, image) == pytest.approx(2.5 * before, rel=1e-12)
    assert flow(turned, image) == pytest.approx(before, rel=1e-12)


def test_the_score_is_the_logarithm_of_one_and_the_flow_and_looks_at_no_image():
    expected = math.log1p(flow(small(), ONES))
    for images, labels in (drawn(6, 2, 4, 4), drawn(3, 2, 4, 4, seed=1)):
        assert measured("synflow", small(), images, labels) == expected


def test_normalisation_is_left_out_and_float32_does_not_overflow_it():
    torch.manual_seed(0)
    convolutions = [nn.Conv2d(2, 2, 3, padding=1, bias=False) for _ in range(40)]
    plain = nn.Sequential(*convolutions, nn.AvgPool2d(4), nn.Flatten())
    normed = nn.Sequential(
        *(nn.Sequential(each, nn.BatchNorm2d(2)) for each in convolutions),
        nn.AvgPool2d(4),
        nn.Flatten(),
    )
    with torch.no_grad():
        for each in convolutions:
            each.weight.mul_(100)
    found = flow(plain, ONES)
    assert 1e60 < found < math.inf
    assert flow(normed, ONES) == pytest.approx(found, rel=1e-12)


DEAD = [(NONE,) * 6, (CONV3, NONE, NONE, NONE, NONE, NONE), (NONE, NONE, CONV3, NONE, CONV1, CONV3)]


@pytest.mark.parametrize("arch", DEAD)
def test_nothing_flows_through_a_disconnected_cell(arch):
    space = SPACES["nb201"]("compact")
    assert not space.is_valid(arch)
    torch.manual_seed(0)
    assert flow(space.standalone(arch, IMAGE), torch.ones(1, 1, 12, 12)) == 0
    assert scorer("synflow").score([arch]).tolist() == [0]


def test_every_edge_that_is_added_to_a_cell_lets_more_flow():
    cells = [(NONE, NONE, NONE, SKIP, NONE, NONE), (NONE, NONE, NONE, SKIP, NONE, POOL)]
    cells += [(SKIP, NONE, NONE, SKIP, CONV1, POOL), (SKIP, SKIP, NONE, SKIP, CONV1, POOL)]
    scores = scorer("synflow").score(cells)
    assert scores[0] == scores[1] > 0  # an edge from a node that nothing reaches
    assert (np.diff(scores[1:]) > 0).all()
