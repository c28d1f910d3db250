"""The space of NAS-Bench-101: sampling and variation."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from searchspaces.errors import UsageError
from searchspaces.nb101.cell import (
    INTERIOR,
    canonical_genes,
    decode_cell,
    genes_of_key,
    live_cell,
)
from searchspaces.nb101.classes import class_keys
from searchspaces.nb101.skeleton import vertex_widths
from searchspaces.nb101.space import NASBench101

SPACE = NASBench101()
INCEPTION = "1x1:0|3x3:0|3x3:0|3x3:3|max:0|out:1245"
cells = st.integers(0, 423_623).map(lambda index: genes_of_key(int(class_keys()[index])))


def test_sampling_is_uniform_over_classes():
    rng = np.random.default_rng(0)
    drawn = [SPACE.sample(rng) for _ in range(4000)]
    assert all(SPACE.is_valid(genes) for genes in drawn[:200])
    sizes = Counter(len(live_cell(genes).vertices) for genes in drawn)
    for size, classes in {5: 359_082, 4: 62_010, 3: 2441}.items():
        share = classes / 423_624
        assert abs(sizes[size] - 4000 * share) < 5 * np.sqrt(4000 * share * (1 - share))
    counts = np.array([np.bincount(genes[:INTERIOR], minlength=3) for genes in drawn])
    operators = class_keys()[:, None] // 3 ** np.arange(INTERIOR) % 3
    wanted = [(operators == operator).sum(1).mean() for operator in range(3)]
    assert np.abs(counts.mean(0) - wanted).max() < 5 * (counts.std(0) / np.sqrt(4000)).max()


@settings(max_examples=50)
@given(cells, cells, st.integers(0, 1000))
def test_variation_stays_in_the_space(first, second, seed):
    rng = np.random.default_rng(seed)
    made = [
        SPACE.neighbour(first, rng),
        SPACE.crossover(first, second, rng),
        SPACE.mutate(first, rng),
        SPACE.mutate(first, rng, rate=1.0),
    ]
    for genes in made:
        assert SPACE.is_valid(genes) and canonical_genes(genes) == genes
        assert all(type(gene) is int for gene in genes)
    assert made[0] != first
    assert SPACE.mutate(first, rng, rate=0.0) == first
    assert SPACE.crossover(first, first, rng) == first


@given(cells, st.integers(0, 1000))
def test_variation_is_a_function_of_the_generator(genes, seed):
    for vary in (SPACE.neighbour, SPACE.mutate):
        assert vary(genes, np.random.default_rng(seed)) == vary(genes, np.random.default_rng(seed))


def test_neighbours_are_one_gene_away():
    rng = np.random.default_rng(0)
    start = SPACE.decode("3x3:0|out:1")
    found = {SPACE.encode(SPACE.neighbour(start, rng)) for _ in range(600)}
    expected = {"1x1:0|out:1", "max:0|out:1", "3x3:0|out:01"}
    for spare in ("3x3", "1x1", "max"):
        expected |= {
            f"3x3:0|{spare}:0|out:12",
            f"3x3:0|{spare}:1|out:12",
            f"{spare}:0|3x3:01|out:2",
        }
    assert found == {SPACE.encode(SPACE.decode(text)) for text in expected}
    alone = {SPACE.encode(SPACE.neighbour(SPACE.decode("out:0"), rng)) for _ in range(50)}
    assert alone == {"3x3:0|out:01", "1x1:0|out:01", "max:0|out:01"}


def test_mutation_neither_grows_nor_shrinks_cells_for_ever():
    rng = np.random.default_rng(0)
    for start in ("out:0", INCEPTION):
        genes, sizes = SPACE.decode(start), Counter()
        for _ in range(400):
            genes = SPACE.mutate(genes, rng)
            sizes[len(live_cell(genes).vertices)] += 1
        assert sizes.keys() >= {2, 3, 4, 5}
        assert max(sizes.values()) < 300


def test_describe_names_what_feeds_each_vertex():
    assert SPACE.describe(SPACE.decode("3x3:0|max:01|out:12")) == [
        "vertex 1: conv3x3-bn-relu of input",
        "vertex 2: maxpool3x3 of input, vertex 1",
        "output: concatenation of vertex 1, vertex 2",
    ]


def test_unknown_scale_and_impossible_width_are_refused():
    with pytest.raises(UsageError, match="did you mean 'compact'"):
        NASBench101("compct")
    with pytest.raises(UsageError, match="no channel"):
        NASBench101("compact", width=3)
    assert NASBench101("compact", width=4).skeleton.width == 4
    share = vertex_widths(live_cell(decode_cell("3x3:0|1x1:0|max:0|3x3:0|out:1234")), 4)
    assert min(share.values()) == 1
