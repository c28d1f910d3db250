"""NAS-Bench-101's cells against its published hashes, parameter counts and number of classes."""

import contextlib

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from harness.tabular.locate import EMBEDDED
from harness.tabular.nasbench101_hashes import cells_of_hashes
from harness.tabular.table import Table
from searchspaces.base import ImageSpec, SearchSpace
from searchspaces.errors import UsageError
from searchspaces.nb101.cell import (
    EDGES,
    GENES,
    INTERIOR,
    OUTPUT,
    canonical_genes,
    decode_cell,
    encode_cell,
    genes_of_key,
    live_cell,
    module_hash,
    packed,
    relabellings,
)
from searchspaces.nb101.classes import canonical_strings, class_keys, live_sizes
from searchspaces.nb101.skeleton import vertex_widths
from searchspaces.nb101.space import NASBench101

SPACE = NASBench101()
CIFAR = ImageSpec(3, 32, 10)
INCEPTION = "1x1:0|3x3:0|3x3:0|3x3:3|max:0|out:1245"
any_genes = st.tuples(*[st.integers(0, 2)] * INTERIOR, *[st.integers(0, 1)] * len(EDGES))
cells = st.integers(0, 423_623).map(lambda index: genes_of_key(int(class_keys()[index])))


@pytest.fixture(scope="module")
def published(shared_data):
    """Genes, hashes and parameters of 2,000 random rows of the published table."""
    with np.load(shared_data / "nb101" / "nb101_108epochs_mean_test.npz") as stored:
        rows = np.random.default_rng(0).choice(len(stored["adj_bits"]), 2000, replace=False)
        columns = [
            stored[name][rows].tolist()
            for name in ("n_vertices", "adj_bits", "ops_base3", "trainable_params")
        ]
        hashes = [row.tobytes().hex() for row in stored["module_hash"][rows]]
    genes = []
    for vertices, bits, operators, _ in zip(*columns, strict=True):
        own = [0] * GENES
        slots = [*range(vertices - 1), OUTPUT]
        pairs = [(s, t) for i, s in enumerate(slots) for t in slots[i + 1 :]]
        for number, edge in enumerate(pairs):
            own[INTERIOR + EDGES.index(edge)] = bits >> number & 1
        for slot in range(vertices - 2):
            own[slot] = operators // 3**slot % 3
        genes.append(tuple(own))
    return genes, hashes, columns[3]


def relabelled(genes, order):
    """``genes`` with the interior vertices moved to the slots ``order``; None if an edge turns."""
    slot = (0, *order, OUTPUT)
    moved = [0] * GENES
    for vertex in range(1, OUTPUT):
        moved[slot[vertex] - 1] = genes[vertex - 1]
    for number, (source, target) in enumerate(EDGES):
        if genes[INTERIOR + number]:
            if slot[source] > slot[target]:
                return None
            moved[INTERIOR + EDGES.index((slot[source], slot[target]))] = 1
    return tuple(moved)


# Classes and hashes


@pytest.mark.slow
def test_classes_are_as_many_as_the_benchmark_has():
    keys = class_keys()
    assert len(np.unique(keys)) == SPACE.size == 423_624
    bits = keys // 3**INTERIOR
    interior = sum(
        np.array([bits >> EDGES.index((s, slot)) & 1 for s in range(slot)]).any(axis=0).astype(int)
        for slot in range(1, OUTPUT)
    )
    assert np.bincount(interior).tolist() == [1, 6, 84, 2441, 62_010, 359_082]


def test_only_cells_alive_in_the_first_slots_have_a_size():
    """Genes by edges: two vertices in a row, as an edge alone, and with something amiss."""

    def genes(*edges):
        return [0] * INTERIOR + [int(edge in edges) for edge in EDGES]

    row = ((0, 1), (1, 2), (2, OUTPUT))
    everything = tuple((s, t) for t in range(1, 5) for s in range(t))  # ten edges
    given = {
        genes_of: size
        for genes_of, size in (
            (row, 2),
            (((0, OUTPUT),), 0),
            (((0, 2), (2, OUTPUT)), -1),  # not in the first slot
            (((0, 1), (1, 2), (1, OUTPUT)), -1),  # leads nowhere
            (((0, 1), (1, OUTPUT), (2, OUTPUT)), -1),  # comes from nowhere
            (((0, 1),), -1),
            ((), -1),
            ((*everything, (4, OUTPUT)), -1),  # too many edges
        )
    }
    assert live_sizes(np.array([genes(*edges) for edges in given])).tolist() == [*given.values()]


def test_hashes_are_the_benchmark_s(published):
    genes, hashes, _ = published
    assert [module_hash(own) for own in genes] == hashes


@pytest.mark.slow
def test_stored_cells_are_classes_of_their_own(published):
    genes, _, _ = published
    keys = {int(relabellings(0)[0] @ np.array(canonical_genes(own))) for own in genes}
    assert len(keys) == len(genes)
    assert np.isin(list(keys), class_keys()).all()


def test_parameters_are_the_benchmark_s(published):
    genes, _, params = published
    assert [SPACE.cost(own, CIFAR).params for own in genes] == params
    assert [SPACE.cost(canonical_genes(own), CIFAR).params for own in genes] == params


@pytest.mark.slow
def test_packaged_cells_have_the_benchmark_s_parameters_and_hashes():
    table = Table.load(EMBEDDED / "nb101-benchmark-cifar10.parquet")
    rows = np.random.default_rng(0).choice(len(table), 1000, replace=False).tolist()
    texts = [table.archs[row] for row in rows]
    genes = [decode_cell(text) for text in texts]
    assert [canonical_genes(own) for own in genes] == genes
    assert [SPACE.cost(own, CIFAR).params for own in genes] == table.params[rows].tolist()
    assert cells_of_hashes([module_hash(own) for own in genes]) == texts


@given(cells, st.permutations(range(1, OUTPUT)))
def test_labelling_does_not_matter(genes, order):
    moved = relabelled(genes, order)
    assume(moved is not None)
    assert canonical_genes(moved) == genes
    assert module_hash(moved) == module_hash(genes)
    assert SPACE.encode(moved) == SPACE.encode(genes)


@settings(max_examples=50)
@given(cells, cells)
def test_hash_and_string_tell_the_same_cells_apart(first, second):
    assert (module_hash(first) == module_hash(second)) == (first == second)
    assert (SPACE.encode(first) == SPACE.encode(second)) == (first == second)


@given(any_genes)
def test_pruning_keeps_what_lies_between_input_and_output(genes):
    edges = [edge for edge, bit in zip(EDGES, genes[INTERIOR:], strict=True) if bit]
    below, above = {0}, {OUTPUT}
    for _ in range(OUTPUT):
        below |= {t for s, t in edges if s in below}
        above |= {s for s, t in edges if t in above}
    cell = live_cell(genes)
    if OUTPUT not in below:
        assert cell is None and not SPACE.is_valid(genes)
        return
    assert [v.slot for v in cell.vertices] == sorted((below & above) - {0, OUTPUT})
    live = {(p, v.slot) for v in cell.vertices for p in v.parents}
    live |= {(p, OUTPUT) for p in cell.output}
    assert live == {(s, t) for s, t in edges if s in below and t in above}
    assert cell.edges == len(live)
    assert SPACE.is_valid(genes) == (len(live) <= 9)
    if SPACE.is_valid(genes):
        assert live_cell(packed(cell)).edges == len(live)


# Channel division and cost


@pytest.mark.parametrize(
    ("text", "channels", "widths"),
    [
        ("3x3:0|1x1:0|max:0|out:123", 128, [43, 43, 42]),
        ("3x3:0|1x1:0|max:0|3x3:0|out:1234", 130, [33, 33, 32, 32]),
        ("3x3:0|1x1:1|max:2|out:3", 128, [128, 128, 128]),
        ("3x3:0|1x1:1|max:1|1x1:0|out:234", 128, [43, 43, 43, 42]),
        ("3x3:0|1x1:01|out:02", 256, [256, 256]),
        ("out:0", 256, []),
    ],
)
def test_channel_division(text, channels, widths):
    found = vertex_widths(live_cell(decode_cell(text)), channels)
    assert found == {OUTPUT: channels} | dict(enumerate(widths, start=1))


def test_inception_cell_has_the_parameters_of_the_benchmark_s_example():
    assert SPACE.cost(SPACE.decode(INCEPTION), CIFAR).params == 2_694_282


# Strings


@given(cells)
def test_string_form_goes_both_ways(genes):
    assert SPACE.decode(SPACE.encode(genes)) == genes
    assert canonical_strings(np.array([genes])) == [SPACE.encode(genes)]


@given(st.lists(cells, min_size=1, max_size=8), st.permutations(range(1, OUTPUT)))
def test_keys_of_many_strings_tell_classes_apart(many, order):
    many += filter(None, [relabelled(genes, order) for genes in many])
    texts = [encode_cell(genes) for genes in many]
    keys, names = SPACE.canonical_keys(texts), SearchSpace.canonical_keys(SPACE, texts)
    assert names == [SPACE.canonical(genes) for genes in many]
    assert len(set(zip(keys, names, strict=True))) == len(set(keys)) == len(set(names))


def test_string_form_is_as_documented():
    genes = decode_cell("3x3:0|max:01|out:12")
    assert live_cell(genes).vertices == ((1, 0, (0,)), (2, 2, (0, 1)))
    assert live_cell(genes).output == (1, 2)
    assert SPACE.encode(decode_cell("out:0")) == "out:0"


def test_any_labelling_is_read():
    assert SPACE.decode("max:0|3x3:0|out:12") == SPACE.decode("3x3:0|max:0|out:12")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "out:",
        "out:1",
        "3x3:0|out:0",  # a loose end
        "3x3:1|out:1",
        "3x3:0|out:10",
        "5x5:0|out:1",
        "3x3:0|3x3:01|3x3:012|3x3:0123|out:4",  # ten edges
        "3x3:0|3x3:1|3x3:2|3x3:3|3x3:4|3x3:5|out:6",
        "3x3:0:1|out:1",
        "3x3:٠|out:1",
    ],
)
def test_other_strings_are_refused(text):
    said = (
        "a cell of NAS-Bench-101; known: 1x1" if text.startswith("5x5") else "not a cell of NAS-B"
    )
    for read in (SPACE.decode, lambda text: SPACE.canonical_keys(["out:0", text])):
        with pytest.raises(UsageError, match=said):
            read(text)


@given(st.text(alphabet="3x1maxout:|0123456", max_size=40) | st.text(max_size=40))
def test_arbitrary_text_is_refused_or_read(text):
    with contextlib.suppress(UsageError):
        SPACE.canonical_keys([text])
        assert encode_cell(decode_cell(text)) == text


def test_cells_outside_the_space_are_refused():
    dead, full = (0,) * GENES, (0,) * INTERIOR + (1,) * len(EDGES)
    for genes, fault in ((dead, "no path"), (full, "21 edges")):
        for call in (SPACE.encode, SPACE.canonical, lambda g: SPACE.cost(g, CIFAR)):
            with pytest.raises(UsageError, match=fault):
                call(genes)
        with pytest.raises(UsageError, match="row 1 is not"):
            canonical_strings(np.array([decode_cell("out:0"), genes]))
    assert not SPACE.is_valid((*decode_cell("out:0")[:-1], 2))
    assert not SPACE.is_valid(decode_cell("out:0")[:-1])
