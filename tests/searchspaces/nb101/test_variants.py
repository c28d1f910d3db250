"""The sub-spaces of MixPath and 1Shot1 against their published numbers of cells."""

import math
from itertools import product

import numpy as np
import pytest
import torch

from searchspaces.base import ImageSpec
from searchspaces.errors import UsageError
from searchspaces.nb101.cell import canonical_genes, encode_cell
from searchspaces.nb101.skeleton import vertex_widths
from searchspaces.nb101.space import NASBench101
from searchspaces.nb101.variants import (
    MixPathSpace,
    OneShot1Space1,
    OneShot1Space2,
    OneShot1Space3,
)

SPACES = (MixPathSpace, OneShot1Space1, OneShot1Space2, OneShot1Space3)
SMALL = ImageSpec(1, 12, 10)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("make", "labelled", "classes"),
    [
        (MixPathSpace, 255, 34),
        (OneShot1Space1, 14_580, 2_685),
        (OneShot1Space2, 29_160, 7_773),
    ],
)
def test_number_of_cells_and_classes(make, labelled, classes):
    space = make()
    archs = product(*(range(len(site.operators)) for site in space.sites))
    valid = [arch for arch in archs if space.is_valid(arch)]
    assert len(valid) == space.size == labelled
    assert len({canonical_genes(space.genes(arch)) for arch in valid}) == classes


def test_number_of_cells_of_the_largest_sub_space():
    # Its 55,854 classes were counted once: that takes a minute.
    space = OneShot1Space3()
    assert space.size == math.prod(len(site.operators) for site in space.sites) == 1_312_200


@pytest.mark.parametrize("make", SPACES)
def test_cells_are_those_of_the_benchmark(make):
    space, full, rng = make("compact"), NASBench101("compact"), np.random.default_rng(0)
    for _ in range(50):
        arch = space.sample(rng)
        assert space.is_valid(arch)
        assert space.decode(space.encode(arch)) == arch
        genes = space.genes(arch)
        assert full.is_valid(genes)
        assert space.canonical(arch) == full.canonical(genes)
        assert space.cost(arch, SMALL) == full.cost(genes, SMALL)
        for made in (space.neighbour(arch, rng), space.mutate(arch, rng, 0.5)):
            assert len(made) == len(space.sites)


def test_mixpath_cell():
    space = MixPathSpace()
    arch = space.decode("3x3|none|max|none")
    assert arch == (1, 0, 3, 0)
    assert encode_cell(space.genes(arch)) == "3x3:0|max:0|1x1:12|out:3"
    assert not space.is_valid((0, 0, 0, 0))
    for arch in product(range(4), repeat=4):
        if any(arch):
            assert set(vertex_widths(space.cell(arch), 128).values()) == {128}


def test_one_shot_1_cell_drops_its_loose_ends():
    space = OneShot1Space1()
    arch = space.decode("3x3|1x1|max|3x3|02|13|24")
    assert encode_cell(space.genes(arch)) == "3x3:0|1x1:01|max:02|3x3:13|out:24"
    arch = space.decode("3x3|1x1|max|3x3|02|12|13")
    assert encode_cell(space.genes(arch)) == "3x3:0|1x1:01|max:02|out:13"
    assert space.topology == range(4, 7)


@pytest.mark.parametrize("make", SPACES)
def test_other_strings_are_refused(make):
    space = make()
    whole = space.encode(space.sample(np.random.default_rng(0)))
    for text in ("", "none|none|none|none", whole + "|3x3", whole.replace("|", ","), "3x3:0|out:1"):
        with pytest.raises(UsageError, match=f"not an architecture of {space.name}"):
            space.decode(text)


@pytest.mark.parametrize("make", SPACES)
def test_subnet_gives_the_logits_of_the_path(make):
    space, rng = make("compact", width=10), np.random.default_rng(0)
    torch.manual_seed(0)
    supernet, x = space.supernet(SMALL).eval(), torch.randn(4, 1, 12, 12)
    for _ in range(10):
        arch = space.sample(rng)
        torch.testing.assert_close(supernet.subnet(arch)(x), supernet(x, arch), rtol=0, atol=0)


@pytest.mark.slow
@pytest.mark.parametrize("make", SPACES)
def test_supernet_holds_nothing_that_no_path_uses(make):
    space, rng = make("compact", width=10), np.random.default_rng(0)
    supernet, x = space.supernet(SMALL, affine=True), torch.randn(2, 1, 12, 12)
    for _ in range(150):
        supernet(x, space.sample(rng)).sum().backward()
    assert all(parameter.grad is not None for parameter in supernet.parameters())
