"""Every operator of every space against a network written out with plain functions."""

import re

import numpy as np
import pytest
import reference.chain
import reference.darts
import reference.nb101
import reference.nb201
import torch
from norms import randomised
from params import slow_but
from reference.weights import Weights

from searchspaces.base import ImageSpec
from searchspaces.registry import SPACES

IMAGE = ImageSpec(2, 7, 5)
CLOSE = {"rtol": 1e-7, "atol": 1e-7}
LARGER = [  # scales whose networks have more around their layers
    ("mobilenet-proxyless", "imagenet16", 8),
    ("shufflenet", "imagenet16", 8),
    ("macro", "benchmark", 4),
    ("nb201", "benchmark", 4),
    ("nb101", "benchmark", 8),
    ("darts", "imagenet", 4),
]
FEWER = {"ennas-s3": {"layers": 2}, "darts": {"width": 2}}


def reference_logits(space, network, weights, arch, x):
    if space.name == "darts":
        return reference.darts.logits(network.skeleton, weights, arch, x)
    family = {"nb201": reference.nb201, "nb101": reference.nb101}
    return family.get(space.name[:5], reference.chain).logits(space, weights, arch, x)


def images(size=IMAGE.size):
    """With a few pixels far from the others, so that ReLU6 is no ReLU."""
    generator = torch.Generator().manual_seed(0)
    return torch.randn(4, 2, size, size, generator=generator, dtype=torch.float64) ** 3


def covering(space):
    """Architectures in which every operator of every site has its turn, wired in many ways."""
    rng, most = np.random.default_rng(0), max(len(site.operators) for site in space.sites)
    wiring = getattr(space, "topology", ())
    for shift in range(most):
        drawn = space.sample(rng)
        arch = tuple(
            drawn[place] if place in wiring else (shift + place) % len(site.operators)
            for place, site in enumerate(space.sites)
        )
        yield arch if space.is_valid(arch) else drawn
    while True:
        yield space.sample(rng)


@torch.no_grad()
def assert_like_the_reference(space, network, arch, x):
    """The logits of ``arch``, and what its BNs remember; names of the weights that it used."""
    for training in (True, False):
        network.train(training)
        weights = Weights(network)
        expected = reference_logits(space, network, weights, arch, x)
        torch.testing.assert_close(network(x, arch), expected, **CLOSE)
        for name, tensor in network.named_buffers() if training else ():
            assert torch.allclose(tensor, weights.state[name], **CLOSE), name
    return weights.used


def role(name):
    """Edges of DARTS by what their operators do: from inputs of the cell, or from nodes."""
    return re.sub(r"\d<-(\d)", lambda edge: "input" if int(edge[1]) < 2 else "node", name)


@pytest.mark.slow
@pytest.mark.parametrize("affine", [False, True], ids=["plain", "affine"])
@pytest.mark.parametrize("name", slow_but(["nb201"], SPACES))
def test_every_operator_of_a_supernet_is_that_of_the_paper(name, affine):
    space, x = SPACES[name]("compact", **FEWER.get(name, {})), images()
    torch.manual_seed(0)
    network = randomised(space.supernet(IMAGE, affine=affine)).double()
    unseen = set(map(role, network.state_dict()))
    for number, arch in zip(range(60), covering(space), strict=False):
        unseen -= set(map(role, assert_like_the_reference(space, network, arch, x)))
        if not unseen and number >= 4:
            return
    raise AssertionError(f"no architecture ran {sorted(unseen)}")


@pytest.mark.slow
@pytest.mark.parametrize(("name", "scale", "width"), [(n, "compact", 0) for n in SPACES] + LARGER)
def test_a_standalone_network_is_that_of_the_paper(name, scale, width):
    size = {"imagenet": 33, "benchmark": 8}.get(scale, IMAGE.size)
    space, x = SPACES[name](scale, width), images(size)
    for number, arch in zip(range(2), covering(space), strict=False):
        torch.manual_seed(number)
        network = randomised(space.standalone(arch, IMAGE)).double()
        assert_like_the_reference(space, network, arch, x)
