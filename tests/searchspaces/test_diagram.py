"""What is drawn of an architecture is what its network computes."""

import re
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from planted import PlantedSpace

from searchspaces.chain.space import ChainSpace
from searchspaces.diagram import Block, Chain, Edge, Graph, Stage
from searchspaces.nb101.cell import encode_cell
from searchspaces.nb101.space import CellSpace
from searchspaces.registry import SPACES

SEEDS = st.integers(0, 2**32 - 1)


def sampled(space, seed):
    return space.sample(np.random.default_rng(seed))


@pytest.mark.slow
@pytest.mark.parametrize("name", list(SPACES))
@given(seed=SEEDS)
def test_diagrams_are_sound_and_name_every_live_operator(name, seed):
    space = SPACES[name]()
    arch = sampled(space, seed)
    diagrams = space.diagrams(arch)
    assert diagrams == space.diagrams(arch)
    named = Counter()
    for diagram in diagrams:
        if isinstance(diagram, Graph):
            number = range(len(diagram.nodes))
            for edge in diagram.edges:
                assert edge.source in number and edge.target in number
                assert edge.source < edge.target
            assert len({(e.source, e.target) for e in diagram.edges}) == len(diagram.edges)
            named.update(node.label for node in diagram.nodes if node.operator)
            named.update(edge.label for edge in diagram.edges if edge.label)
        else:
            blocks = [block for stage in diagram.stages for block in stage.blocks]
            assert all(0 <= block.size <= 1 for block in blocks)
            named.update(block.label for block in blocks if not block.fixed)
    if isinstance(space, CellSpace):
        written = encode_cell(space.genes(arch))
        wanted = Counter(re.findall(r"3x3|1x1|max(?=:)", written))
        short = {"conv3x3": "3x3", "conv1x1": "1x1", "maxpool3x3": "max"}
        named = Counter({short[label]: count for label, count in named.items()})
    else:
        topology = getattr(space, "topology", range(0))
        genes = [
            (s, g)
            for n, (s, g) in enumerate(zip(space.sites, arch, strict=True))
            if n not in topology
        ]
        wanted = Counter(site.operators[gene] for site, gene in genes)
        del wanted["none"]
    assert named == wanted


@given(st.tuples(*[st.integers(0, 4)] * 6))
def test_edges_of_nb201_are_those_of_its_string(arch):
    """Reachability by powers of the adjacency matrix."""
    space = SPACES["nb201"]("compact")
    (graph,) = space.diagrams(arch)
    written = {
        (int(source), target, operator)
        for target, node in enumerate(space.encode(arch).split("+"), start=1)
        for operator, source in re.findall(r"(\w+)~(\d)", node)
        if operator != "none"
    }
    assert {(e.source, e.target, e.label) for e in graph.edges} == written
    joined = np.zeros((4, 4), int)
    for source, target, _ in written:
        joined[source, target] = 1
    reaches = np.linalg.inv(np.eye(4) - joined).round() > 0  # the sum of all powers
    for edge in graph.edges:
        assert edge.live == (reaches[0, edge.source] and reaches[edge.target, 3])
    assert graph.columns == (0, 1, 2, 3)


@pytest.mark.parametrize("name", [n for n in SPACES if n.startswith("nb101")])
@given(seed=SEEDS)
def test_edges_of_nb101_are_those_of_its_string(name, seed):
    space = SPACES[name]()
    arch = sampled(space, seed)
    (graph,) = space.diagrams(arch)
    terms = [term.split(":")[1] for term in encode_cell(space.genes(arch)).split("|")]
    written = {
        Edge(int(source), target)
        for target, sources in enumerate(terms, start=1)
        for source in sources
    }
    assert set(graph.edges) == written
    assert [node.label for node in (graph.nodes[0], graph.nodes[-1])] == ["input", "output"]


@given(seed=SEEDS)
def test_edges_of_darts_are_those_of_its_string(seed):
    space = SPACES["darts"]("compact")
    arch = sampled(space, seed)
    graphs = space.diagrams(arch)
    cells = re.findall(r"=(\[.*?\]),", space.encode(arch))
    assert [graph.title for graph in graphs] == ["normal cell", "reduction cell"]
    for graph, cell in zip(graphs, cells, strict=True):
        assert [node.label for node in graph.nodes] == ["cₖ₋₂", "cₖ₋₁", *"0123", "cₖ"]
        pairs = re.findall(r"\('(\w+)', (\d)\)", cell)
        wanted = [Edge(int(source), 2 + n // 2, op) for n, (op, source) in enumerate(pairs)]
        assert [edge for edge in graph.edges if edge.label] == wanted
        assert [e for e in graph.edges if not e.label] == [Edge(node, 6) for node in range(2, 6)]


@pytest.mark.parametrize(
    ("name", "scale"),
    [(n, s) for n in SPACES if issubclass(SPACES[n], ChainSpace) for s in SPACES[n].scales],
)
def test_blocks_of_a_chain_are_its_layers(name, scale):
    space = SPACES[name](scale)
    arch = sampled(space, 3)
    (chain,) = space.diagrams(arch)
    stem, *stages, head = chain.stages
    assert stem.blocks == (Block("stem", 1.0, space.skeleton.stride == 2, True),)
    assert head.blocks == (Block("head", 1.0, False, True),)
    assert [len(stage.blocks) for stage in stages] == [s.layers for s in space.skeleton.stages]
    blocks = [block for stage in stages for block in stage.blocks]
    assert [f"layer {n}: {block.label}" for n, block in enumerate(blocks)] == space.describe(arch)
    assert [block.reduces for block in blocks] == [s.stride == 2 for s in space.skeleton.shapes]
    assert [stage.title for stage in stages] == [str(s.channels) for s in space.skeleton.stages]


def test_a_block_is_as_high_as_it_has_weights():
    space = SPACES["mobilenet"]("compact")
    kept = next(n for n, shape in enumerate(space.skeleton.shapes) if shape.kept)
    channels = space.skeleton.shapes[kept].c_in
    arch = [0] * len(space.sites)

    def size(operator):
        arch[kept] = space.sites[kept].operators.index(operator)
        _, *stages, _ = space.diagrams(tuple(arch))[0].stages
        return [block for stage in stages for block in stage.blocks][kept].size

    assert size("k7e6") == 1
    heaviest, lightest = ((2 * channels + k**2) * e for k, e in ((7, 6), (3, 3)))
    assert size("k3e3") == pytest.approx(lightest / heaviest)


def test_a_space_that_says_nothing_is_a_row_of_its_operators():
    blocks = (Block("fair"), Block("poor"), Block("good"), Block("poor"))
    assert PlantedSpace().diagrams((1, 0, 2, 0)) == [Chain("", (Stage("", blocks),))]
