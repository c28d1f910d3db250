"""DARTS networks: what they cost, what they compute, and what belongs to their training."""

import numpy as np
import pytest
import torch
from darts_examples import IMAGES, SMALL, SPACE, V2, P, archs
from hypothesis import given, settings
from hypothesis import strategies as st
from norms import randomised
from reference import darts
from reference.weights import Weights
from torch.utils.flop_counter import FlopCounterMode

from searchspaces.base import ImageSpec
from searchspaces.darts.cell import (
    OPERATORS,
)
from searchspaces.darts.network import DARTSNetwork
from searchspaces.darts.operators import drop_images, operator
from searchspaces.darts.skeleton import Skeleton
from searchspaces.darts.space import DARTS
from searchspaces.errors import UsageError


def parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


# Cost ---------------------------------------------------------------------------------------


def test_parameters_of_published_networks():
    """DARTS_V2: 3.3 M on CIFAR, 4.7 M on ImageNet. P-DARTS as counted in its issue #7."""
    assert SPACE.cost(V2, IMAGES["cifar"]).params == 3_349_342
    assert round(DARTS("imagenet").cost(V2, IMAGES["imagenet"]).params / 1e6, 1) == 4.7
    assert SPACE.cost(P, IMAGES["cifar"]).params == 3_433_798
    with torch.device("meta"):
        assert parameters(SPACE.standalone(P, IMAGES["cifar"], auxiliary=True)) == 3_910_224


@pytest.mark.slow
@pytest.mark.parametrize("scale", DARTS.scales)
@given(arch=archs, wider=st.integers(0, 9))
@settings(max_examples=5)
def test_cost_equals_the_built_network(scale, arch, wider):
    image = IMAGES[scale]
    image = ImageSpec(image.channels, image.size + wider, image.classes)
    check_cost(DARTS(scale, width=6, cells=1), arch, image)


@pytest.mark.slow
@pytest.mark.parametrize("scale", ["cifar", "imagenet"])
def test_cost_equals_the_built_network_of_published_size(scale):
    check_cost(DARTS(scale), P, IMAGES[scale])


def check_cost(space, arch, image):
    with torch.device("meta"):
        network = space.standalone(arch, image).eval()
        counter = FlopCounterMode(display=False)
        with counter, torch.no_grad():
            network(torch.zeros(1, image.channels, image.size, image.size))
    cost = space.cost(arch, image)
    assert parameters(network) == cost.params
    assert counter.get_total_flops() // 2 == cost.madds


# Networks -----------------------------------------------------------------------------------


@pytest.mark.slow
@given(archs, st.sampled_from([1, 8]), st.sampled_from([16, 27]))
@settings(max_examples=10)
def test_standalone_network_is_that_of_the_paper(arch, stem_stride, size):
    torch.manual_seed(0)
    skeleton, image = Skeleton(4, 4, stem_stride=stem_stride), ImageSpec(3, size, 5)
    network = DARTSNetwork(skeleton, image, arch, affine=True, norm_pools=False).eval()
    x = torch.randn(2, 3, size, size, dtype=torch.float64)
    expected = darts.logits(skeleton, Weights(randomised(network).double()), arch, x)
    torch.testing.assert_close(network(x), expected)


def test_reductions_are_at_one_and_two_thirds():
    assert Skeleton(36, 20).reductions == (6, 13)
    assert Skeleton(48, 14).reductions == (4, 9)
    assert Skeleton(16, 8).reductions == (2, 5)
    assert DARTS("cifar", cells=2).supernet_skeleton.reductions == (2, 4)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("scale", "sides"),
    [
        ("cifar", (32, 16, 8)),
        ("imagenet16", (16, 8, 4)),
        ("imagenet", (28, 14, 7)),
        ("compact", (6, 3)),
    ],
)
def test_features_are_the_stages(scale, sides):
    space, image = DARTS(scale, width=4, cells=1), IMAGES[scale]
    with torch.device("meta"):
        x = torch.zeros(2, image.channels, image.size, image.size)
        for skeleton, network in (
            (space.standalone_skeleton, space.standalone(V2, image)),
            (space.supernet_skeleton, space.supernet(image)),
        ):
            outputs, logits = network.features(x, V2)
            assert logits.shape == (2, image.classes)
            assert [tuple(y.shape) for y in outputs] == [
                (2, 4 * skeleton.width << stage, side, side) for stage, side in enumerate(sides)
            ]


@pytest.mark.slow
def test_gradient_reaches_exactly_the_parameters_of_the_path():
    # Not narrower: oneDNN's AVX2 kernels of 1x1 convolutions with stride 2 write past their
    # memory for fewer than eight channels (uxlfoundation/oneDNN issue 6035).
    space, rng = DARTS("compact"), np.random.default_rng(0)
    supernet = space.supernet(SMALL, affine=True)
    for arch in [space.sample(rng) for _ in range(8)]:
        supernet.zero_grad(set_to_none=True)
        supernet(torch.randn(4, 1, 12, 12), arch).square().sum().backward()
        used = {name for name, _ in supernet.subnet(arch).named_parameters()}
        for name, parameter in supernet.named_parameters():
            assert (parameter.grad is not None) == (name in used), name


def test_pools_are_normalised_in_supernets_only():
    pooling = (0, 1) * 8 + (0,) * 6
    space = DARTS("compact")
    supernet = space.supernet(SMALL, affine=True)
    for network in (supernet, supernet.subnet(pooling)):
        norms = [
            module
            for name, module in network.named_modules()
            if "pool" in name and isinstance(module, torch.nn.BatchNorm2d)
        ]
        assert len(norms) >= 16
        assert not any(norm.affine for norm in norms)
    alone = space.standalone(pooling, SMALL)
    assert not any("pool" in name for name in alone.state_dict())


# What belongs to training -------------------------------------------------------------------


@pytest.mark.parametrize("scale", DARTS.scales)
def test_auxiliary_head_sees_the_last_stage(scale):
    image = IMAGES[scale]
    with torch.device("meta"):
        network = DARTS(scale, width=4, cells=1).standalone(V2, image, auxiliary=True)
        x = torch.zeros(2, image.channels, image.size, image.size)
        for logits in network.logits_and_auxiliary(x):
            assert logits.shape == (2, image.classes)


def test_auxiliary_head_pools_as_published():
    for scale, pooling in (("cifar", (5, 3)), ("imagenet", (5, 2))):
        with torch.device("meta"):
            space = DARTS(scale, cells=1)
            head = space.standalone(V2, IMAGES[scale], auxiliary=True).auxiliary
        assert (head[1].kernel_size, head[1].stride) == pooling
        assert isinstance(head[6], torch.nn.BatchNorm2d) == (scale == "cifar")


def test_auxiliary_logits_need_a_head_and_room_for_it():
    with pytest.raises(UsageError, match="no auxiliary head"):
        DARTS("compact").standalone(V2, SMALL).logits_and_auxiliary(torch.zeros(2, 1, 12, 12))
    with pytest.raises(UsageError, match="too small for an auxiliary head"):
        DARTS("compact").standalone(V2, ImageSpec(1, 8, 10), auxiliary=True)


def test_both_classifiers_train_the_cells():
    network = DARTS("compact").standalone(V2, SMALL, auxiliary=True)
    x = torch.randn(4, 1, 12, 12)
    network.eval()
    logits, auxiliary = network.logits_and_auxiliary(x)
    assert torch.equal(logits, network(x))
    auxiliary.sum().backward()
    reached = {name for name, p in network.named_parameters() if p.grad is not None}
    assert reached == {n for n, _ in network.named_parameters() if not n.startswith("classifier")}


def test_auxiliary_head_is_behind_the_first_cell_of_the_last_stage():
    """At two thirds of the depth: it trains five of six cells, and its own weights."""
    network = DARTS("cifar", width=8, cells=2).standalone(V2, SMALL, auxiliary=True)
    network.logits_and_auxiliary(torch.randn(2, 1, 12, 12))[1].sum().backward()
    reached = {n for n, p in network.named_parameters() if p.grad is not None}
    assert {int(name.split(".")[1]) for name in reached if name.startswith("cells")} == set(
        range(5)
    )
    assert any(name.startswith("auxiliary") for name in reached)


def test_dropped_images_keep_their_expectation():
    torch.manual_seed(0)
    x = torch.rand(4000, 3, 2, 2) + 1
    scale = drop_images(x, 0.2) / x
    per_image = scale.flatten(1)
    assert torch.allclose(per_image, per_image[:, :1].expand_as(per_image))
    dropped = (per_image[:, 0] == 0).float().mean().item()
    assert abs(dropped - 0.2) < 5 * (0.16 / 4000) ** 0.5
    assert torch.allclose(per_image[per_image > 0], torch.tensor(1 / 0.8))


def test_path_drop_is_for_training_and_spares_identities():
    torch.manual_seed(0)
    skeleton, x = Skeleton(4, 1, stages=1), torch.randn(8, 1, 12, 12)

    def outputs(arch, training):
        network = DARTSNetwork(skeleton, SMALL, arch, affine=True, norm_pools=False)
        for module in network.train(training).modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.momentum = 0.0
        whole = network(x)
        network.drop_probability = 0.5
        return whole, network(x)

    identity, pooling = (OPERATORS.index(name) for name in ("skip_connect", "max_pool_3x3"))
    for operator_index, training, equal in (
        (pooling, True, False),
        (pooling, False, True),
        (identity, True, True),
    ):
        whole, dropped = outputs((operator_index,) * 16 + (0,) * 6, training)
        assert torch.equal(whole, dropped) == equal


@pytest.mark.parametrize("name", OPERATORS)
@pytest.mark.parametrize("stride", [1, 2])
def test_operators_divide_odd_sides_rounding_up(name, stride):
    made = operator(name, 4, stride, affine=True, norm_pools=True)
    assert made(torch.randn(2, 4, 7, 5)).shape == (2, 4, -(-7 // stride), -(-5 // stride))
