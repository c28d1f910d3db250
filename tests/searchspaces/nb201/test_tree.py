"""Architectures of NAS-Bench-201 in one network: the same bits as each alone."""

from itertools import product

import numpy as np
import pytest
import scored
import torch
from torch.nn.functional import avg_pool2d

from searchspaces.base import ImageSpec
from searchspaces.nb201.cell import subnet_key
from searchspaces.nb201.space import NASBench201
from searchspaces.nb201.tree import pool
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


@pytest.mark.slow
@pytest.mark.parametrize(
    ("space", "options"),
    [
        (NASBench201("compact"), {}),
        (NASBench201("compact", cells=2), {"affine": True}),
        (NASBench201("benchmark", width=4, cells=1), {}),
        (NASBench201("compact"), {"shadow": ShadowBN("count")}),
        (NASBench201("compact"), {"shadow": ShadowBN("subset")}),
    ],
    ids=["compact", "affine", "benchmark", "per count", "per subset"],
)
@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
@torch.no_grad()
def test_logits_are_those_of_the_subnets(space, options, training, archs):
    supernet = trained(space, archs, **options).train(training)
    state = {name: tensor.clone() for name, tensor in supernet.state_dict().items()}
    together = supernet.together(archs)
    subnets = [supernet.subnet(arch) for arch in archs]
    for _ in range(2):
        x = torch.randn(6, 1, 8, 8)
        expected = torch.stack([subnet(x) for subnet in subnets])
        assert torch.equal(together(x), expected)
    together.eval(), [subnet.eval() for subnet in subnets]  # the statistics just gathered
    assert torch.equal(together(x), torch.stack([subnet(x) for subnet in subnets]))
    assert all(torch.equal(tensor, state[name]) for name, tensor in supernet.state_dict().items())
    assert len(together.keys) == len({subnet_key(a, not supernet.affine) for a in archs})


@pytest.mark.slow
@pytest.mark.parametrize("bn", ["recalibrate", "batchstat", "running"])
@pytest.mark.parametrize("method", ["spos", "mixpath"])
def test_scores_are_those_of_the_subnets(bn, method, archs):
    method = scored.make(method, "nb201", bn)
    alone = [method.validation_score(method.supernet.subnet(arch)) for arch in archs]
    assert method.score(archs).tolist() == alone


def test_a_shared_beginning_runs_once():
    supernet = trained(NASBench201("compact"), EVERY[-1:])
    block = [(3, 2, 3, 4, *rest) for rest in product(range(1, 5), repeat=2)]
    first = supernet.together(block).first
    runs = []
    for name, operator in first.operators.items():
        operator.register_forward_hook(lambda *_, name=name: runs.append(name))
    x, held, most = torch.zeros(2, 8, 8, 8), {}, 0
    for key in block:
        first(x, key, held)
        most = max(most, len(held))
    assert sorted(runs) == sorted(set(runs)) == sorted(first.operators)
    assert len(runs) == 3 + 2 * 2  # one for each of three genes they share, two for each other
    assert most <= 3 * 6 + 2 * 3


def test_same_subnets_and_same_beginnings_are_neighbours():
    supernet = NASBench201("compact").supernet(IMAGE)
    keys = [subnet_key(EVERY[i]) for i in supernet.order(EVERY)]
    assert keys == sorted(keys)
    assert len(set(keys)) == 9_445
    whole = NASBench201("compact").supernet(IMAGE, affine=True)
    assert len({subnet_key(EVERY[i], False) for i in whole.order(EVERY)}) > 9_445


@pytest.mark.parametrize(("channels", "size"), [(8, 12), (16, 6), (4, 1), (3, 5)])
def test_the_pool_is_that_of_the_supernet(channels, size):
    x = torch.randn(7, channels, size, size).contiguous(memory_format=torch.channels_last)
    expected = avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False)
    assert torch.equal(pool(x), expected)
    torch.testing.assert_close(pool(x.contiguous()), expected)
