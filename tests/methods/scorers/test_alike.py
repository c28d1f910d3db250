"""Architectures whose networks compute the same are looked at once, where the score is of that."""

import numpy as np
import pytest
import torch
from params import slow_but
from scorers import scorer

from harness.conformance.subjects import QUICK
from methods.registry import METHODS, SCORERS
from searchspaces.nb201.cell import CONV1, CONV3, NONE, POOL, SKIP

OF_FUNCTION = sorted(
    ("synflow", "snip", "grad_norm", "grasp", "fisher", "jacov", "epe", "zico", "zen", "az-nas")
)
CELL = (CONV3, NONE, CONV3, CONV1, SKIP, NONE)  # of both middle nodes, the first counts
LESS = (CONV3, NONE, NONE, CONV1, SKIP, NONE)
MIRRORED = (NONE, CONV3, NONE, CONV1, NONE, SKIP)  # the same through the second
ALIKE = [CELL, LESS, MIRRORED]
OTHER = (CONV3, NONE, NONE, CONV1, POOL, NONE)


def quick(name, **options):
    return scorer(name, **QUICK.get(name, {}) | options)


def alike_weights(network):
    """Parameters of one shape get the same values, so that isomorphic cells compute the same."""
    for name, parameter in network.named_parameters():
        if parameter.dim() > 1:
            generator = torch.Generator().manual_seed(sum(parameter.shape))
            parameter.data = torch.randn(parameter.shape, generator=generator) / 6
        elif name.endswith("bias"):
            parameter.data.zero_()
    return network.double()


def test_these_scorers_are_of_what_a_network_computes():
    assert sorted(name for name in SCORERS if METHODS[name].of_function) == OF_FUNCTION


@pytest.mark.parametrize("name", slow_but(["snip", "zen"], sorted({*OF_FUNCTION} - {"az-nas"})))
def test_networks_that_compute_the_same_measure_the_same(name):
    """Also the one with a part that adds nothing, to rounding."""
    made = quick(name, repeats=1)
    images, labels = made.batch(0)
    found = []
    for arch in [*ALIKE, OTHER]:
        with made.drawn(0):
            network = alike_weights(made.network(arch, 0))
            found.append(made.measure(network, images.double(), labels))
    assert found[:3] == pytest.approx([found[0]] * 3, rel=1e-6)
    assert found[3] != pytest.approx(found[0], rel=1e-7)


def test_indicators_of_networks_that_compute_the_same_are_the_same():
    made = quick("az-nas")
    found = []
    for arch in ALIKE:
        with made.drawn(0):
            network = alike_weights(made.network(arch, 0))
            found.append(made.indicators(network, made.batch(0)[0].double()))
    assert np.allclose(found, found[0], rtol=1e-6)


@pytest.mark.parametrize("name", ["l2", "naswot"])
def test_others_count_parts_that_add_nothing(name):
    """Or the ReLUs of such parts: they are scored by themselves."""
    dead = (NONE, CONV3, CONV3, CONV1, NONE, SKIP)  # 2<-1 starts at a node at zero
    made = quick(name)
    assert made.stands_for(dead) == dead != made.space.representative(dead)
    scores = made.score([dead, made.space.representative(dead)])
    assert scores[0] != scores[1]


def test_one_network_is_looked_at_and_counted_for_all_that_compute_the_same(monkeypatch):
    made, built = quick("snip", images=8), []
    standalone = type(made.space).standalone

    def watched(space, arch, image):
        built.append(arch)
        return standalone(space, arch, image)

    monkeypatch.setattr(type(made.space), "standalone", watched)
    scores = made.score([CELL, OTHER, LESS, MIRRORED, OTHER])
    assert scores[0] == scores[2] == scores[3] != scores[1] == scores[4]
    assert len(built) == 2 and built[0] == made.space.representative(CELL)
    assert made.costs["scoring_image_passes"] == 2 * 8
    assert made.score([CELL])[0] == scores[0]  # the call before is not remembered
    assert made.costs["scoring_image_passes"] == 3 * 8


def test_multiply_adds_of_az_nas_are_an_architectures_own():
    made = quick("az-nas")
    image = made.data.image
    components = made.components(CELL), made.components(LESS)
    assert components[0][:3].tolist() == components[1][:3].tolist()
    own = [made.space.cost(arch, image).madds for arch in (CELL, LESS)]
    assert [found[3] for found in components] == own


def test_those_that_compute_the_same_come_into_one_chunk():
    made = quick("snip")
    archs = [CELL, OTHER, *[(CONV3, op, SKIP, op, CONV1, POOL) for op in range(5)], LESS, MIRRORED]
    chunks = made.chunks(archs)
    assert chunks == [[0, 7, 8, 1, 2, 3, 4, 5], [6]]
    assert quick("l2").chunks(archs) == [list(range(8)), [8]]
