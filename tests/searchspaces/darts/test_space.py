"""The DARTS space: published counts, strings, isomorphism, variation."""

import contextlib
import itertools
from collections import namedtuple
from math import comb

import numpy as np
import pytest
import torch
from darts_examples import DARTS_V2, SMALL, SPACE, V2, P, archs
from hypothesis import given
from hypothesis import strategies as st

from searchspaces.base import ImageSpec
from searchspaces.darts.cell import (
    NODES,
    OPERATORS,
    Genotype,
    arch_of,
    canonical_cell,
    genotype_of,
)
from searchspaces.darts.skeleton import Skeleton
from searchspaces.darts.space import DARTS
from searchspaces.errors import UsageError


def test_number_of_architectures():
    assert SPACE.size == (180 * 7**8) ** 2
    assert np.prod([comb(node, 2) for node in NODES]) == 180
    cell = DARTS("compact").supernet(SMALL).cells[0]
    assert len(cell.edges) == 14
    assert all(tuple(edge) == OPERATORS for edge in cell.edges.values())


# Strings ------------------------------------------------------------------------------------


def test_published_genotypes_are_read_whatever_the_order_of_inputs():
    genotype = genotype_of(V2)
    assert genotype.normal[2] == (("skip_connect", 0), ("sep_conv_3x3", 1))
    assert genotype.normal[3] == (("skip_connect", 0), ("dil_conv_3x3", 2))
    assert genotype.reduce[1] == (("max_pool_3x3", 1), ("skip_connect", 2))
    spelt = DARTS_V2.replace(", ", " ,\n  ").replace("'", '"').replace("(2 ,\n  6)", "(2,6)")
    assert SPACE.decode(spelt) == V2
    assert SPACE.encode(P).endswith(
        "('dil_conv_3x3', 1), ('dil_conv_5x5', 3)], reduce_concat=range(2, 6))"
    )


@given(archs)
def test_string_form_goes_both_ways(arch):
    assert arch_of(genotype_of(arch)) == arch
    assert SPACE.decode(SPACE.encode(arch)) == arch


@given(archs)
def test_string_form_is_a_python_expression(arch):
    named = namedtuple("Genotype", "normal normal_concat reduce reduce_concat")
    text = SPACE.encode(arch)
    assert repr(eval(text, {"Genotype": named, "range": range})) == text


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("('dil_conv_3x3', 2)", "('dil_conv_3', 2)", "did you mean 'dil_conv_3x3'"),
        ("('dil_conv_3x3', 2)", "('none', 2)", "unknown operator 'none'"),
        ("('dil_conv_3x3', 2)", "('dil_conv_3x3', 0)", "node 5 of the normal cell takes 0 and 0"),
        ("('dil_conv_3x3', 2)", "('dil_conv_3x3', 5)", "two different inputs from 0 to 4"),
        ("('dil_conv_3x3', 2)", "('dil_conv_3x3', 12)", "not a DARTS genotype"),
        ("('dil_conv_3x3', 2)", "print('x')", "not a DARTS genotype"),
        (", ('dil_conv_3x3', 2)", "", "not a DARTS genotype"),
        ("normal_concat=[2, 3, 4, 5]", "normal_concat=[3, 4, 5]", "not a DARTS genotype"),
        ("reduce=", "reduction=", "not a DARTS genotype"),
        (DARTS_V2, "", "not a DARTS genotype"),
        (DARTS_V2, DARTS_V2 + "()", "not a DARTS genotype"),
    ],
)
def test_other_strings_are_refused(old, new, message):
    with pytest.raises(UsageError, match=message):
        SPACE.decode(DARTS_V2.replace(old, new, 1))


@given(st.text(max_size=100), st.integers(0, len(DARTS_V2)), st.integers(0, 5))
def test_arbitrary_text_is_refused_or_read(text, place, removed):
    for candidate in (text, DARTS_V2[:place] + text[:3] + DARTS_V2[place + removed :]):
        with contextlib.suppress(UsageError):
            assert SPACE.is_valid(SPACE.decode(candidate))


# Isomorphism --------------------------------------------------------------------------------


@given(archs, st.integers(0, 1000))
def test_canonical_is_the_same_for_every_numbering_of_the_nodes(arch, seed):
    rng = np.random.default_rng(seed)
    other = arch_of(Genotype(*(renumbered(cell, rng) for cell in genotype_of(arch))))
    assert SPACE.canonical(other) == SPACE.canonical(arch)
    assert SPACE.cost(other, SMALL) == SPACE.cost(arch, SMALL)
    canonical = SPACE.decode(SPACE.canonical(arch))
    assert SPACE.encode(canonical) == SPACE.canonical(canonical) == SPACE.canonical(arch)


def renumbered(cell, rng):
    """``cell`` with its nodes in another order that keeps inputs before what they feed."""
    number, nodes, left = {0: 0, 1: 1}, [], list(NODES)
    while left:
        ready = [n for n in left if all(source in number for _, source in cell[n - 2])]
        node = ready[rng.integers(len(ready))]
        nodes.append(sorted(((op, number[s]) for op, s in cell[node - 2]), key=lambda e: e[1]))
        number[node] = len(number)
        left.remove(node)
    return tuple(tuple(node) for node in nodes)


def test_canonical_cells_are_the_isomorphism_classes():
    networkx = pytest.importorskip("networkx")
    rng = np.random.default_rng(0)
    cells = []
    for pairs in itertools.product(*(itertools.combinations(range(n), 2) for n in NODES)):
        names = rng.choice(("skip_connect", "max_pool_3x3"), (len(NODES), 2), p=(0.9, 0.1))
        cells.append(
            tuple(
                tuple(zip(map(str, n), p, strict=True)) for n, p in zip(names, pairs, strict=True)
            )
        )

    def graph(cell):
        made = networkx.DiGraph()
        for source in (0, 1):
            made.add_node(source, input=source)
        for node, edges in zip(NODES, cell, strict=True):
            made.add_node(node, input=None)
            made.add_edges_from((source, node, {"operator": op}) for op, source in edges)
        return made

    same = {"node_match": lambda a, b: a == b, "edge_match": lambda a, b: a == b}
    chosen = [(canonical_cell(cell), graph(cell)) for cell in cells[::2]]
    equal = 0
    for (key, drawn), (other, against) in itertools.combinations(chosen, 2):
        assert networkx.is_isomorphic(drawn, against, **same) == (key == other)
        equal += key == other
    assert equal > 5


# The space ----------------------------------------------------------------------------------


@given(archs, st.integers(0, 1000))
def test_variation_stays_in_the_space(arch, seed):
    rng = np.random.default_rng(seed)
    other = SPACE.sample(rng)
    neighbour = SPACE.neighbour(arch, rng)
    assert sum(a != b for a, b in zip(arch, neighbour, strict=True)) == 1
    child = SPACE.crossover(arch, other, rng)
    assert all(c in pair for c, pair in zip(child, zip(arch, other, strict=True), strict=True))
    assert SPACE.mutate(arch, rng, rate=0.0) == arch
    for made in (other, neighbour, child, SPACE.mutate(arch, rng, rate=1.0)):
        assert SPACE.is_valid(made)


def test_genes_out_of_range_are_not_valid():
    assert SPACE.is_valid(V2)
    assert not SPACE.is_valid(V2[:-1])
    assert not SPACE.is_valid((7, *V2[1:]))
    assert not SPACE.is_valid((*V2[:-1], 10))


def test_the_topology_genes_are_the_pairs_of_inputs():
    assert [len(SPACE.sites[gene].operators) for gene in SPACE.topology] == [3, 6, 10] * 2
    assert all(SPACE.sites[gene].operators == OPERATORS for gene in range(SPACE.topology.start))


def test_description_names_operators_and_inputs():
    lines = SPACE.describe(V2)
    assert len(lines) == 8
    assert lines[3] == (
        "normal node 5: skip_connect of the cell before the last + dil_conv_3x3 of node 2"
    )


def test_impossible_scales_are_refused():
    with pytest.raises(UsageError, match="did you mean 'compact'"):
        DARTS("compct")
    with pytest.raises(UsageError, match="choose 2 or more"):
        DARTS("compact", width=1)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("scale", "alone", "supernet"),
    [
        ("cifar", Skeleton(36, 20), Skeleton(16, 8)),
        ("imagenet16", Skeleton(36, 20), Skeleton(16, 8)),
        ("imagenet", Skeleton(48, 14, stem_stride=8), Skeleton(16, 8, stem_stride=8)),
        ("compact", Skeleton(8, 2, 2, stem_stride=2), Skeleton(8, 2, 2, stem_stride=2)),
        ("proxy", Skeleton(16, 2, 2), Skeleton(16, 2, 2)),
    ],
)
def test_published_supernets_have_eight_cells_of_sixteen_channels(scale, alone, supernet):
    """DARTS, section 3.1: smaller than the networks that are trained afterwards."""
    space = DARTS(scale)
    assert (space.standalone_skeleton, space.supernet_skeleton) == (alone, supernet)
    with torch.device("meta"):
        network = space.supernet(ImageSpec(3, 16, 10)) if scale == "imagenet16" else None
    if network:
        assert len(network.cells) == 8
        assert next(network.cells[0].parameters()).shape[0] == 16


def test_width_and_cells_of_a_stage_are_those_of_both_networks():
    space = DARTS("cifar", width=6, cells=2)
    for skeleton in (space.standalone_skeleton, space.supernet_skeleton):
        assert (skeleton.width, skeleton.cells, skeleton.stage_ends) == (6, 6, (0, 2, 4, 6))
    usual = DARTS("cifar", width=6).supernet_skeleton
    assert (usual.width, usual.cells) == (6, 8)
