"""NAS-Bench-201 against its published counts, its table, and its own network."""

import contextlib
import itertools
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

from harness.tabular.locate import EMBEDDED
from harness.tabular.table import Table
from searchspaces.base import ImageSpec
from searchspaces.errors import UsageError
from searchspaces.nb201.cell import (
    CONV1,
    CONV3,
    EDGES,
    NONE,
    OPERATORS,
    POOL,
    SKIP,
    function_key,
    live_edges,
    subnet_key,
    unique_string,
    worked_out,
)
from searchspaces.nb201.space import NASBench201

CIFAR = ImageSpec(3, 32, 10)
SMALL = ImageSpec(1, 12, 10)
ALL = list(itertools.product(range(5), repeat=6))
archs = st.tuples(*[st.integers(0, 4)] * 6)


def test_counts_of_the_paper():
    assert len(ALL) == NASBench201().size == 15_625
    assert len({unique_string(arch, zeros=False) for arch in ALL}) == 12_751
    assert len({NASBench201().canonical(arch) for arch in ALL}) == 6_466
    assert len({subnet_key(arch) for arch in ALL}) == 9_445
    assert sum(not NASBench201().is_valid(arch) for arch in ALL) == 341


@given(archs)
def test_string_form_goes_both_ways(arch):
    space = NASBench201()
    assert space.decode(space.encode(arch)) == arch


def test_string_form_is_the_official_one():
    official = (
        "|nor_conv_3x3~0|+|none~0|nor_conv_1x1~1|+|skip_connect~0|avg_pool_3x3~1|nor_conv_3x3~2|"
    )
    assert NASBench201().decode(official) == (3, 0, 2, 1, 4, 3)
    assert NASBench201().encode((3, 0, 2, 1, 4, 3)) == official
    assert NASBench201().describe((3, 0, 2, 1, 4, 3)) == [
        "edge 1<-0: nor_conv_3x3",
        "edge 2<-0: none",
        "edge 2<-1: nor_conv_1x1",
        "edge 3<-0: skip_connect",
        "edge 3<-1: avg_pool_3x3",
        "edge 3<-2: nor_conv_3x3",
    ]


@pytest.mark.parametrize(
    "text",
    ["", "|none~0|", "nonsense", "|none~0|+|none~0|none~0|+|none~0|none~1|none~2|", "|skip~0|" * 3],
)
def test_other_strings_are_refused(text):
    with pytest.raises(UsageError, match="not a NAS-Bench-201 architecture"):
        NASBench201().decode(text)


@given(st.text(max_size=100))
def test_arbitrary_text_is_refused_or_read(text):
    with contextlib.suppress(UsageError):
        assert NASBench201().encode(NASBench201().decode(text)) == text


def test_unknown_scale_suggests_the_nearest():
    with pytest.raises(UsageError, match="did you mean 'compact'"):
        NASBench201("compct")


def test_costs_equal_the_benchmark_for_every_architecture():
    table, space = Table.load(EMBEDDED / "nb201-benchmark-cifar10.parquet"), NASBench201()
    costs = [space.cost(space.decode(text), CIFAR) for text in table.archs]
    assert [cost.params for cost in costs] == table.params.tolist()
    assert [cost.madds for cost in costs] == table.madds.tolist()


@pytest.mark.parametrize("scale", NASBench201.scales)
@pytest.mark.parametrize("arch", [(3, 3, 3, 3, 3, 3), (2, 0, 1, 4, 3, 1), (0, 0, 0, 0, 0, 0)])
def test_cost_equals_the_built_network(scale, arch):
    space, image = NASBench201(scale), CIFAR if scale == "benchmark" else SMALL
    network = space.standalone(arch, image).eval()
    cost = space.cost(arch, image)
    assert sum(p.numel() for p in network.parameters()) == cost.params
    # Operators on dead edges are part of the count but of no forward pass: give them one.
    if all(edge in live_edges(arch, from_input=False) for edge, op in enumerate(arch) if op):
        counter = FlopCounterMode(display=False)
        with counter, torch.no_grad():
            network(torch.zeros(1, image.channels, image.size, image.size))
        assert counter.get_total_flops() // 2 + image.classes == cost.madds


@pytest.mark.parametrize("scale", ["compact", "proxy"])
@pytest.mark.parametrize("side", [9, 11, 13])
def test_cost_holds_at_odd_resolutions(scale, side):
    """Of reductions that pool; the benchmark's own add two halves that odd sides make unequal."""
    space, image = NASBench201(scale, width=4, cells=1), ImageSpec(3, side, 10)
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        space.standalone((3, 3, 3, 3, 3, 3), image).eval()(torch.zeros(1, 3, side, side))
    madds = space.cost((3, 3, 3, 3, 3, 3), image).madds
    assert counter.get_total_flops() // 2 + image.classes == madds


@pytest.mark.slow
@pytest.mark.parametrize("affine", [False, True])
@pytest.mark.parametrize("training", [False, True])
def test_subnet_of_a_dead_cell_gives_the_logits_of_the_path(affine, training):
    space = NASBench201("compact", width=4, cells=2)
    torch.manual_seed(0)
    supernet = space.supernet(SMALL, affine=affine)
    x = torch.randn(8, 1, 12, 12)
    rng = np.random.default_rng(0)
    for _ in range(3):  # moves every BN off its initial statistics
        supernet(x, space.sample(rng))
    supernet.train(training)
    for arch in [(0,) * 6, (0, 0, 3, 0, 3, 3)]:
        subnet = supernet.subnet(arch)
        assert subnet.training is training
        torch.testing.assert_close(subnet(x), supernet(x, arch), rtol=0, atol=0)


@given(archs)
def test_gradient_reaches_exactly_the_parameters_of_the_path(arch):
    supernet = _gradient_supernet()
    supernet.zero_grad(set_to_none=True)
    supernet(torch.randn(4, 1, 12, 12), arch).square().sum().backward()
    live = live_edges(arch)
    for name, parameter in supernet.named_parameters():
        if ".edges." in name:
            _, after = name.split(".edges.")
            edge, op = after.split(".")[:2]
            used = int(edge) in live and arch[int(edge)] == int(op)
            assert (parameter.grad is not None) == used, name
        elif live:
            assert parameter.grad is not None, name


def _gradient_supernet(cache=[]):  # noqa: B006  built once: hypothesis calls many times
    if not cache:
        cache.append(NASBench201("compact", width=2).supernet(SMALL))
    return cache[0]


@pytest.mark.slow
@given(archs)
def test_equal_subnet_keys_are_equal_functions(arch):
    supernet = _gradient_supernet().train()
    x = torch.randn(4, 1, 12, 12)
    torch.testing.assert_close(supernet(x, arch), supernet(x, subnet_key(arch)), rtol=0, atol=0)


@pytest.mark.parametrize("affine", [False, True])
@torch.no_grad()
@pytest.mark.slow
def test_equal_function_keys_are_equal_functions_and_others_are_not(affine):
    """In float64, whose rounding no sum in another order exceeds."""
    torch.manual_seed(0)
    supernet = NASBench201("compact", width=2).supernet(SMALL, affine=affine).double()
    for parameter in supernet.parameters():  # shifts, too
        parameter.add_(torch.randn_like(parameter), alpha=0.1)
    x = torch.randn(4, 1, 12, 12, dtype=torch.double)
    key = partial(function_key, from_input=not affine)
    merged = [arch for arch in ALL if arch != key(arch)][::131]
    for arch in merged:  # with statistics of the batch
        torch.testing.assert_close(supernet(x, arch), supernet(x, key(arch)), rtol=1e-9, atol=1e-9)
    supernet.eval()
    found = {}
    for arch in {*merged, *map(key, merged), *ALL[::131]}:
        logits = supernet(x, arch).flatten().mul(1e6).round()
        found.setdefault(tuple(logits.tolist()), set()).add(key(arch))
    assert len(found) == len(set().union(*found.values())) > 100
    assert all(len(keys) == 1 for keys in found.values())


@given(archs)
def test_a_function_key_is_one_of_its_kind_and_simple(arch):
    key = function_key(arch)
    assert function_key(key) == key and worked_out(key) == worked_out(arch)
    assert live_edges(key) == tuple(edge for edge, op in enumerate(key) if op != NONE)
    assert key.count(POOL) <= subnet_key(arch).count(POOL)
    for conv in (CONV1, CONV3):
        where = [edge for edge, op in enumerate(key) if op == conv]
        assert where == [edge for edge, op in enumerate(subnet_key(arch)) if op == conv]


def test_pooling_and_skip_connections_are_worked_out():
    """1←0, 2←0, 2←1, 3←0, 3←1, 3←2."""
    pooled = (NONE, NONE, NONE, POOL, NONE, NONE)
    assert function_key((POOL, NONE, NONE, NONE, SKIP, NONE)) == pooled
    rest = (NONE, CONV3, NONE, NONE, SKIP)
    assert function_key((SKIP, *rest)) != function_key((POOL, *rest))
    twice, once = (SKIP, NONE, NONE, SKIP, SKIP, NONE), (NONE, NONE, NONE, SKIP, NONE, NONE)
    assert worked_out(twice) == {((0, None), 2)} and worked_out(once) == {((0, None), 1)}
    conv = (0, (0, CONV1, frozenset({((0, None), 1)})))
    assert worked_out((CONV1, NONE, NONE, POOL, POOL, NONE)) == {
        ((1, None), 1),
        ((1, conv[1]), 1),
    }


def test_dead_cells_ignore_their_input():
    supernet = NASBench201("compact").supernet(SMALL).eval()
    x = torch.randn(2, 1, 12, 12)
    for arch in [a for a in ALL if not live_edges(a)][::20]:
        assert torch.equal(supernet(x, arch), supernet(-x, arch))


@given(archs, st.integers(0, 1000))
def test_variation_stays_in_the_space(arch, seed):
    space, rng = NASBench201(), np.random.default_rng(seed)
    other = space.sample(rng)
    neighbour = space.neighbour(arch, rng)
    assert sum(a != b for a, b in zip(arch, neighbour, strict=True)) == 1
    child = space.crossover(arch, other, rng)
    assert all(c in pair for c, pair in zip(child, zip(arch, other, strict=True), strict=True))
    assert space.mutate(arch, rng, rate=0.0) == arch
    for made in (neighbour, child, space.mutate(arch, rng, rate=1.0)):
        assert len(made) == len(EDGES)
        assert all(NONE <= op < len(OPERATORS) for op in made)


def test_every_operator_is_sampled_equally_often():
    space, rng = NASBench201(), np.random.default_rng(0)
    drawn = np.array([space.sample(rng) for _ in range(5000)])
    counts = np.stack([np.bincount(site, minlength=5) for site in drawn.T])
    assert np.abs(counts - 1000).max() < 5 * np.sqrt(5000 * 0.2 * 0.8)
