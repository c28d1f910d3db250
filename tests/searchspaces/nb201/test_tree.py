"""Architectures of NAS-Bench-201 in one network: what each computes alone."""

from functools import partial
from itertools import product

import numpy as np
import pytest
import scored
import torch
from torch.nn.functional import avg_pool2d

from searchspaces.base import ImageSpec
from searchspaces.nb201.space import NASBench201
from searchspaces.nb201.tree import begins, pool
from searchspaces.shadow_bn import ShadowBN

IMAGE = ImageSpec(1, 8, 5)
EVERY = list(product(range(5), repeat=6))


@pytest.fixture
def archs():
    """Some that begin alike, with repetitions and unconnected ones, and some at random."""
    chosen = np.random.default_rng(0).choice(len(EVERY), 12, replace=False)
    return [*EVERY[7_000:7_030], EVERY[7_005], EVERY[0], EVERY[5], *(EVERY[i] for i in chosen)]


def trained(space, archs, **options):
    torch.manual_seed(0)
    supernet = space.supernet(IMAGE, **options)
    with torch.no_grad():
        for parameter in supernet.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.1)
        for arch in archs:
            supernet(torch.randn(4, 1, 8, 8), arch)
    return supernet


NETWORKS = pytest.mark.parametrize(
    ("space", "options"),
    [
        (NASBench201("compact"), {}),
        (NASBench201("compact", cells=2), {"affine": True}),
        (NASBench201("proxy", width=4), {"affine": True}),
        (NASBench201("benchmark", width=4, cells=1), {}),
        (NASBench201("compact"), {"shadow": ShadowBN("count")}),
        (NASBench201("compact"), {"shadow": ShadowBN("subset")}),
    ],
    ids=["compact", "two cells", "proxy", "benchmark", "per count", "per subset"],
)
MODES = pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])


@pytest.mark.slow
@NETWORKS
@MODES
@torch.no_grad()
def test_logits_are_those_of_the_subnets(space, options, training, archs):
    """In float64 another order of sums shows in the last digits only; with shadow BN none differs."""
    supernet = trained(space, archs, **options).train(training)
    kind = torch.float if supernet.shadow else torch.double
    same = partial(torch.testing.assert_close, rtol=0, atol=0 if supernet.shadow else 1e-9)
    supernet.to(kind)
    state = {name: tensor.clone() for name, tensor in supernet.state_dict().items()}
    together = supernet.together(archs)
    subnets = [supernet.subnet(arch).to(kind) for arch in archs]
    for subnet in subnets:  # of which :meth:`subnet` made float32
        subnet.load_state_dict({name: state[name] for name in subnet.state_dict()})
    for _ in range(2):
        x = torch.randn(6, 1, 8, 8, dtype=kind)
        same(together(x), torch.stack([subnet(x) for subnet in subnets]))
    together.eval(), [subnet.eval() for subnet in subnets]  # the statistics just gathered
    same(together(x), torch.stack([subnet(x) for subnet in subnets]))
    assert all(torch.equal(tensor, state[name]) for name, tensor in supernet.state_dict().items())
    assert len(together.keys) == len(set(map(supernet.key, archs)))


@pytest.mark.slow
@NETWORKS
@MODES
@torch.no_grad()
def test_logits_are_the_same_bits_in_other_company(space, options, training, archs):
    supernet = trained(space, archs[:3], **options).train(training)
    x = torch.randn(6, 1, 8, 8)
    some = archs[::5]
    expected = dict(zip(some, supernet.together(some)(x), strict=True))
    for company in (some[4::-1], some[2:5], some[-1:]):
        for arch, logits in zip(company, supernet.together(company)(x), strict=True):
            assert torch.equal(logits, expected[arch])


@pytest.mark.slow
@pytest.mark.parametrize("bn", ["recalibrate", "batchstat", "running"])
@pytest.mark.parametrize("method", ["spos", "mixpath"])
def test_scores_are_those_of_the_subnets(bn, method, archs):
    method = scored.make(method, "nb201", bn)
    alone = [method.validation_score(method.supernet.subnet(arch)) for arch in archs]
    turned = np.abs(method.score(archs) - alone)
    assert turned.max() <= 100 / 44 + 1e-6  # an image, whose logits rounding may turn
    assert (turned > 0).sum() <= 1
    assert len(set(alone)) > 4


def test_a_shared_beginning_runs_once():
    supernet = trained(NASBench201("compact"), EVERY[-1:])
    block = [(3, 2, 3, 4, *rest) for rest in product(range(1, 5), repeat=2)]
    tree = supernet.together(block)
    first, runs, mapped = tree.first, [], []
    for name, operator in first.operators.items():
        operator.register_forward_hook(lambda *_, name=name: runs.append(name))
    _, projection = first.linear
    projection.register_forward_hook(lambda *_: mapped.append(1))
    tree.eval()(torch.randn(2, 1, 8, 8))
    assert len(tree.keys) == len(block)
    assert sorted(runs) == sorted(set(runs)) == sorted(first.operators)
    assert len(runs) == 3 + 2 * 2  # one for each of three genes they share, two for each other
    assert len(mapped) == 1 + 2 * 4  # for each term of the output


@pytest.mark.parametrize("cells", [1, 2])
@torch.no_grad()
def test_what_is_held_is_bounded(cells):
    """In tensors of the size of the first cell's input, which is one of them."""
    space = NASBench201("compact", cells=cells)
    supernet = trained(space, EVERY[-1:])
    tree = supernet.together([arch for arch in EVERY if arch[:2] == (3, 4)][::7]).eval()
    x, held, largest = torch.randn(2, 8, 8, 8), {}, 0
    for key in tree.keys:
        held = {(name, genes): y for (name, genes), y in held.items() if begins(key, genes)}
        tree.first(x, key, held)
        tensors = {y.data_ptr(): y for y in [x, *held.values()]}
        largest = max(largest, sum(y.numel() for y in tensors.values()) / x.numel())
    assert 14 <= largest <= 22


@pytest.mark.slow
def test_same_networks_and_same_beginnings_are_neighbours():
    space = NASBench201("compact")
    for options, networks in (
        ({}, 7_548),
        ({"affine": True}, 8_452),
        ({"shadow": ShadowBN("count")}, 9_445),
    ):
        supernet = space.supernet(IMAGE, **options)
        keys = [supernet.key(EVERY[i]) for i in supernet.order(EVERY)]
        assert keys == sorted(keys)
        assert len(set(keys)) == networks


@pytest.mark.parametrize(("channels", "size"), [(8, 12), (16, 6), (4, 1), (3, 5)])
def test_the_pool_is_that_of_the_supernet(channels, size):
    x = torch.randn(7, channels, size, size).contiguous(memory_format=torch.channels_last)
    expected = avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False)
    assert torch.equal(pool(x), expected)
    torch.testing.assert_close(pool(x.contiguous()), expected)
