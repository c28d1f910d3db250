"""The relaxed cells of DARTS: what they run, and which architecture is derived from them."""

from itertools import combinations, product

import numpy as np
import pytest
import torch
from darts_examples import SMALL, V2, P, archs
from hypothesis import given, settings
from hypothesis import strategies as st

from searchspaces.darts.cell import NODES, OPERATORS, TYPES, genotype_of
from searchspaces.darts.space import DARTS

SPACE = DARTS("compact", width=4, cells=2)  # two cells of either type
RELAXATION = SPACE.relaxation()
NONE = len(OPERATORS)
X = torch.randn(4, 1, 12, 12, generator=torch.Generator().manual_seed(0)).double()
WEIGHTS = st.integers(0, 2**32 - 1).map(
    lambda seed: np.random.default_rng(seed).dirichlet(np.ones(NONE + 1), len(RELAXATION.sites))
)


def one_hot(arch):
    """Weights that choose the operators of ``arch``, and ``none`` on the edges it lacks."""
    weights = np.zeros((len(RELAXATION.sites), NONE + 1))
    weights[:, NONE] = 1
    for site, operator in RELAXATION.chosen(arch):
        weights[site] = np.eye(NONE + 1)[operator]
    return weights


def mixture(weights):
    return lambda site, operators, x: sum(
        float(w) * op(x) for w, op in zip(weights[site], operators, strict=True)
    )


@pytest.fixture(scope="module")
def supernet():
    torch.manual_seed(0)
    network, rng = SPACE.supernet(SMALL, affine=True).double(), np.random.default_rng(0)
    for _ in range(3):  # moves BNs off their initial statistics
        network(X, SPACE.sample(rng))
    return network


@pytest.mark.slow
@pytest.mark.parametrize("training", [False, True])
@given(arch=archs)
@settings(max_examples=10)
def test_one_hot_weights_run_their_architecture(supernet, training, arch):
    supernet.train(training)
    mixed = RELAXATION.logits(supernet, X, mixture(one_hot(arch)))
    torch.testing.assert_close(mixed, supernet(X, arch))


def test_a_node_is_the_sum_over_all_its_predecessors(supernet):
    """With one operator everywhere, written out by hand for the first cell."""
    supernet.eval()
    cell, operator = supernet.cells[0], "sep_conv_3x3"
    before, last = supernet.begin(X)
    values = [cell.before(before), cell.last(last)]
    for node in NODES:
        terms = [cell.edges[f"{node}<-{s}"][operator](value) for s, value in enumerate(values)]
        values.append(torch.stack(terms).sum(0))
    index = OPERATORS.index(operator)
    made = cell.relaxed(before, last, lambda site, operators, x: operators[index](x))
    torch.testing.assert_close(made, torch.cat(values[2:], 1))


def test_every_edge_of_both_cell_types_is_a_site_of_its_own(supernet):
    seen = []

    def hook(site, operators, x):
        outputs = [operator(x) for operator in operators]
        assert len({output.shape for output in outputs}) == 1
        assert not outputs[NONE].any()
        seen.append((site, x.shape[1], outputs[0].shape[2] < x.shape[2]))
        return sum(outputs)

    RELAXATION.logits(supernet, X, hook)
    kinds = [shape.reduces for shape in supernet.skeleton.shapes]
    assert [site for site, *_ in seen] == [n for r in kinds for n in range(14 * r, 14 * r + 14)]
    assert {RELAXATION.sites[site].name for site, _, halves in seen if halves} == {
        f"reduce edge {source} to {node}" for node in NODES for source in (0, 1)
    }


# Derivation ---------------------------------------------------------------------------------


@given(archs)
def test_an_architecture_is_derived_from_weights_that_choose_it(arch):
    assert RELAXATION.derive(one_hot(arch)) == arch


def test_a_planted_architecture_is_derived():
    """Edges are compared by their best operator but ``none``, however much that weighs."""
    weights = np.full((28, 8), 0.05)
    weights[:, NONE] = 0.6
    number = {site.name: n for n, site in enumerate(RELAXATION.sites)}
    for kind, (source, node), operator, weight in (
        ("normal", (1, 3), "skip_connect", 0.30),
        ("normal", (2, 3), "dil_conv_5x5", 0.20),
        ("normal", (0, 3), "max_pool_3x3", 0.15),  # the third of its node
        ("reduce", (4, 5), "sep_conv_5x5", 0.10),
        ("reduce", (0, 5), "avg_pool_3x3", 0.12),
    ):
        weights[number[f"{kind} edge {source} to {node}"], OPERATORS.index(operator)] = weight
    normal, reduce = genotype_of(RELAXATION.derive(weights))
    assert normal[1] == (("skip_connect", 1), ("dil_conv_5x5", 2))
    assert reduce[3] == (("avg_pool_3x3", 0), ("sep_conv_5x5", 4))
    first = (("max_pool_3x3", 0), ("max_pool_3x3", 1))  # where all are equal
    assert {normal[0], normal[2], normal[3], reduce[0], reduce[1], reduce[2]} == {first}


@given(WEIGHTS)
@settings(max_examples=20)
def test_the_derived_architecture_has_the_largest_product_of_weights(weights):
    derived = RELAXATION.derive(weights)
    assert SPACE.is_valid(derived)
    number = {site.name: n for n, site in enumerate(RELAXATION.sites)}
    best = 1.0
    for kind, node in product(TYPES, NODES):
        strength = [weights[number[f"{kind} edge {s} to {node}"]][:NONE].max() for s in range(node)]
        best *= max(a * b for a, b in combinations(strength, 2))
    chosen = [weights[site][operator] for site, operator in RELAXATION.chosen(derived)]
    np.testing.assert_allclose(np.prod(chosen), best)


def test_what_a_published_architecture_runs():
    for arch in (V2, P):
        names = {
            (RELAXATION.sites[site].name, RELAXATION.sites[site].operators[operator])
            for site, operator in RELAXATION.chosen(arch)
        }
        assert names == {
            (f"{kind} edge {source} to {node}", operator)
            for kind, cell in zip(TYPES, genotype_of(arch), strict=True)
            for node, pair in zip(NODES, cell, strict=True)
            for operator, source in pair
        }
