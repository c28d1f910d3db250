"""NAS-Bench-101's networks: cost, structure, weight sharing by leading channels."""

import copy

import numpy as np
import pytest
import torch
from norms import randomised
from reference import nb101
from reference.weights import Weights
from torch.utils.flop_counter import FlopCounterMode

from searchspaces.base import ImageSpec
from searchspaces.nb101.cell import INPUT, OUTPUT, POOL, decode_cell, live_cell
from searchspaces.nb101.network import LeadingBatchNorm
from searchspaces.nb101.skeleton import vertex_widths
from searchspaces.nb101.space import NASBench101
from searchspaces.shadow_bn import ShadowBN

CIFAR, SMALL = ImageSpec(3, 32, 10), ImageSpec(1, 12, 10)
INCEPTION = "1x1:0|3x3:0|3x3:0|3x3:3|max:0|out:1245"
UNEVEN = "3x3:0|1x1:01|max:02|out:0123"


def assert_cost_is_that_of_the_network(space, arch, image):
    network = space.standalone(arch, image).eval()
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        network(torch.zeros(1, image.channels, image.size, image.size))
    cost = space.cost(arch, image)
    assert sum(p.numel() for p in network.parameters()) == cost.params
    assert counter.get_total_flops() == 2 * cost.madds


def test_inception_network_of_the_benchmark():
    space = NASBench101()
    arch = space.decode(INCEPTION)
    assert_cost_is_that_of_the_network(space, arch, CIFAR)
    assert space.cost(arch, CIFAR).params == 2_694_282


@pytest.mark.slow
@pytest.mark.parametrize("scale", NASBench101.scales)
def test_cost_equals_the_built_network(scale):
    space, rng = NASBench101(scale, width=20), np.random.default_rng(0)
    archs = [space.sample(rng) for _ in range(12)]
    for arch in [*archs, decode_cell("out:0"), decode_cell(UNEVEN)]:
        assert_cost_is_that_of_the_network(space, arch, ImageSpec(3, 10, 7))


@pytest.mark.parametrize("scale", NASBench101.scales)
def test_network_is_the_benchmark_s_own(scale):
    """A cell whose vertices differ in width, and what each stage puts out."""
    space = NASBench101(scale, width=16, cells=2)
    stages, momentum = {"benchmark": (3, 0.003)}.get(scale, (1, 0.1))
    network = randomised(space.standalone(decode_cell(UNEVEN), SMALL)).double().eval()
    x = torch.randn(2, 1, 12, 12, dtype=torch.float64)
    expected = nb101.logits(space, Weights(network), decode_cell(UNEVEN), x)
    torch.testing.assert_close(network(x), expected)
    outputs, logits = network.features(x)
    assert [tuple(o.shape) for o in outputs] == [
        (2, 16 << stage, 12 >> stage, 12 >> stage) for stage in range(stages)
    ]
    assert torch.equal(logits, network(x))
    supernet = space.supernet(SMALL, shadow=ShadowBN())
    for norms in (network, supernet):
        momenta = {m.momentum for m in norms.modules() if isinstance(m, torch.nn.BatchNorm2d)}
        assert momenta == {momentum}


@pytest.mark.slow
@pytest.mark.parametrize("affine", [False, True])
@pytest.mark.parametrize("training", [False, True])
def test_subnet_gives_the_logits_of_the_path(affine, training):
    space = NASBench101("compact", width=10, cells=2)
    torch.manual_seed(0)
    supernet = randomised(space.supernet(SMALL, affine=affine)).train(training)
    x, rng = torch.randn(8, 1, 12, 12), np.random.default_rng(0)
    archs = [space.sample(rng) for _ in range(15)]
    for arch in [*archs, decode_cell("out:0"), decode_cell(UNEVEN)]:
        shared = copy.deepcopy(supernet)
        subnet = shared.subnet(arch)
        assert subnet.training is training
        torch.testing.assert_close(subnet(x), shared(x, arch), rtol=0, atol=0)
        for name, own in subnet.state_dict().items():  # statistics move alike, too
            leading = shared.state_dict()[name][tuple(slice(n) for n in own.shape)]
            torch.testing.assert_close(own, leading, rtol=0, atol=0)


def test_a_subnet_has_the_tensors_of_a_standalone_network():
    space = NASBench101("compact")
    subnet = space.supernet(SMALL, affine=True).subnet(decode_cell(UNEVEN))
    alone = space.standalone(decode_cell(UNEVEN), SMALL).state_dict()
    assert {n: v.shape for n, v in subnet.state_dict().items()} == {
        n: v.shape for n, v in alone.items()
    }


def test_gradient_reaches_exactly_the_channels_of_the_path():
    space = NASBench101("compact", width=10)
    supernet, rng = space.supernet(SMALL, affine=True), np.random.default_rng(1)
    for _ in range(20):
        arch = space.sample(rng)
        cell = live_cell(arch)
        widths = vertex_widths(cell, 10)
        used = {
            f"projections.{v.slot}": widths[v.slot] for v in cell.vertices if INPUT in v.parents
        }
        used |= {f"projections.{OUTPUT}": 10} if INPUT in cell.output else {}
        used |= {
            f"vertices.{v.slot}.{v.operator}": widths[v.slot]
            for v in cell.vertices
            if v.operator != POOL
        }
        supernet.zero_grad(set_to_none=True)
        supernet(torch.randn(4, 1, 12, 12), arch).square().sum().backward()
        for name, parameter in supernet.named_parameters():
            if not name.startswith("stages."):
                assert parameter.grad is not None, name
                continue
            unit, part = name.removeprefix("stages.0.0.").rsplit(".", 2)[0], parameter.grad
            assert (part is not None) == (unit in used), name
            if part is not None:
                assert not part[used[unit] :].any()


def test_a_step_leaves_unsampled_operators_alone():
    space = NASBench101("compact", width=10)
    supernet = space.supernet(SMALL, affine=True)
    optimizer = torch.optim.SGD(supernet.parameters(), 0.1, momentum=0.9, weight_decay=0.1)
    x, before = torch.randn(4, 1, 12, 12), {}
    for text in ("3x3:0|3x3:1|out:12", "1x1:0|max:1|out:12"):
        before = copy.deepcopy(supernet.state_dict())
        optimizer.zero_grad(set_to_none=True)
        supernet(x, space.decode(text)).square().sum().backward()
        optimizer.step()
    moved = {n for n, v in supernet.state_dict().items() if not torch.equal(v, before[n])}
    assert all(
        n.split(".")[3:5] != ["1", "0"] and n.split(".")[3] != "2"
        for n in moved
        if ".vertices." in n
    )
    assert any(".vertices.1.1." in name for name in moved)


@pytest.mark.parametrize("momentum", [0.1, 1.0])
@pytest.mark.parametrize("affine", [False, True])
def test_leading_batch_norm_is_a_narrow_one_on_the_leading_channels(momentum, affine):
    wide = randomised(LeadingBatchNorm(6, momentum=momentum, affine=affine))
    narrow = torch.nn.BatchNorm2d(4, momentum=momentum, affine=affine)
    leading = {name: value[:4] for name, value in wide.state_dict().items()}
    narrow.load_state_dict(leading, strict=False)  # which counts its batches too
    rest = wide.running_mean[4:].clone()
    for training in (True, True, False):
        x = torch.randn(5, 4, 3, 3)
        torch.testing.assert_close(wide.train(training)(x), narrow.train(training)(x))
    torch.testing.assert_close(wide.running_var[:4], narrow.running_var)
    assert torch.equal(wide.running_mean[4:], rest)
