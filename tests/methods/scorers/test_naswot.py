"""NASWOT's kernel against a count of the ReLUs that treat two images alike."""

import math

import numpy as np
import pytest
import torch
from scorers import IMAGE, drawn, measured, scorer
from torch import nn
from torch.nn import functional

from methods.scorers.naswot import kernel
from searchspaces.registry import SPACES


class Mixed(nn.Module):
    """Calls ReLU in every way that networks here do."""

    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(12, 12) for _ in range(5))
        self.module, self.six = nn.ReLU(inplace=True), nn.ReLU6()
        self.seen = []

    def forward(self, x):
        ways = (self.module, self.six, functional.relu, torch.relu, torch.Tensor.relu)
        for layer, relu in zip(self.layers, ways, strict=True):
            x = layer(x)
            self.seen.append((x.detach() > 0).numpy().copy())
            x = relu(x)
        return x


def test_the_kernel_counts_relus_that_are_on_for_both_images_or_for_none():
    torch.manual_seed(0)
    network = Mixed()
    images = torch.randn(7, 12)
    found = kernel(network, images)
    codes = np.concatenate(network.seen, axis=1)
    expected = [[sum(a == b for a, b in zip(x, y, strict=True)) for y in codes] for x in codes]
    assert codes.shape == (7, 60)
    assert found.tolist() == expected
    assert found.diagonal().tolist() == [60] * 7
    scored = measured("naswot", network, images)
    assert scored == pytest.approx(math.log(abs(np.linalg.det(np.array(expected, float)))))


def test_a_relu_that_is_given_zero_is_off():
    """As where an edge without an operator is all that a node gets."""
    images = torch.tensor([[1.0, 0.0], [1.0, -2.0], [3.0, 4.0]])
    assert kernel(nn.ReLU(), images).tolist() == [[2, 2, 1], [2, 2, 1], [1, 1, 2]]


def test_images_that_switch_on_the_same_relus_make_the_score_minus_infinity():
    torch.manual_seed(0)
    images = torch.randn(1, 12).expand(3, 12)
    assert measured("naswot", Mixed(), images) == -math.inf


@pytest.mark.parametrize("space", ["nb201", "nb101", "macro"])
def test_relus_of_modules_and_of_functions_are_counted_in_all_spaces(space):
    """As many as elements go into functional.relu and its like, counted by patching them."""
    made = SPACES[space]("compact")
    rng = np.random.default_rng(0)
    arch = next(a for a in (made.sample(rng) for _ in range(99)) if made.is_valid(a))
    torch.manual_seed(0)
    network = made.standalone(arch, IMAGE).train()
    counted = []
    images = drawn(8, 1, 12, 12)[0].float()
    whole = kernel(network, images)[0, 0].item()
    for name in ("relu", "relu6", "hardtanh"):
        own = getattr(functional, name)

        def counting(x, *args, own=own, **kwargs):
            counted.append(x[0].numel())
            return own(x, *args, **kwargs)

        setattr(functional, name, counting)
        try:
            network(images)
        finally:
            setattr(functional, name, own)
    assert whole == sum(counted) > 0


def test_as_many_images_are_looked_at_as_the_paper_says():
    made = scorer("naswot")
    assert len(made.batch(0)[0]) == made.options.images == 128
