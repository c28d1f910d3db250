"""Zen-score against its definition, worked out on a network of two layers and a BN."""

import math

import numpy as np
import pytest
import torch
from scorers import IMAGE, scorer
from torch import nn

from methods.scorers.zen import features


class Tiny(nn.Module):
    """As many stages as a Zen-score needs, without a head."""

    stages_number = 1

    def __init__(self, normed, gain=1.0):
        super().__init__()
        self.first = nn.Conv2d(1, 4, 3, bias=False).double()
        nn.init.normal_(self.first.weight, std=gain)
        self.norm = nn.BatchNorm2d(4).double() if normed else nn.Identity()

    def begin(self, x):
        return (self.first(x),)

    def stage(self, index, state):
        return (self.norm(state[0]).relu(),)


def moved(images, step):
    torch.manual_seed(5)
    return images + step * torch.randn(images.shape).to(images)


def score(network, images, step=0.01):
    made = scorer("zen", step=step)
    torch.manual_seed(5)
    return made.measure(network, images, torch.zeros(len(images)))


@pytest.fixture
def images():
    return torch.randn(6, 1, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def test_without_norms_it_is_the_log_of_the_mean_change(images):
    torch.manual_seed(0)
    network = Tiny(normed=False)
    apart = network.first(moved(images, 0.01)).relu() - network.first(images).relu()
    per_image = [sum(abs(value) for value in image.flatten().tolist()) for image in apart]
    assert score(network, images) == pytest.approx(math.log(np.mean(per_image)), rel=1e-9)


def test_a_norm_adds_the_log_of_what_it_divided_by(images):
    torch.manual_seed(0)
    network = Tiny(normed=True)
    with torch.no_grad():
        before, after = network.first(images), network.first(moved(images, 0.01))
    variances = [before[:, channel].numpy().var(ddof=1) for channel in range(4)]

    def normal(x):
        mean = x.mean((0, 2, 3), keepdim=True)
        return (x - mean) / (x.var((0, 2, 3), unbiased=False, keepdim=True) + 1e-5).sqrt()

    apart = (normal(after).relu() - normal(before).relu()).abs().sum((1, 2, 3)).mean()
    expected = math.log(apart) + math.log(math.sqrt(np.mean(variances)))
    assert score(network, images) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("normed", [False, True])
def test_a_gain_in_front_of_a_norm_or_of_none_is_added_as_its_log(images, normed):
    scores = []
    for gain in (1.0, 7.0):
        torch.manual_seed(0)
        scores.append(score(Tiny(normed, gain), images))
    assert scores[1] - scores[0] == pytest.approx(math.log(7), rel=1e-4)


def test_small_steps_give_the_slope_in_the_direction_of_the_noise(images):
    torch.manual_seed(0)
    network = Tiny(normed=False)
    scores = [score(network, images, step) for step in (1e-6, 1e-5)]
    assert scores[1] - scores[0] == pytest.approx(math.log(10), abs=1e-3)


def test_features_are_those_before_the_head():
    made = scorer("zen")
    network = made.network((3, 1, 2, 3, 4, 3), 0).eval()
    images = torch.randn(4, 1, 12, 12)
    stages, _ = network.features(images)
    assert torch.equal(features(network, images), stages[-1])
    assert made.data.image == IMAGE
    assert (made.options.images, made.options.repeats, made.options.init) == (16, 32, "normal")


def test_an_operator_that_no_image_reaches_scales_nothing():
    """In NAS-Bench-201 an edge from a node at zero runs, and its BN is given zeros."""
    made = scorer("zen", repeats=1)
    unreached = (0, 0, 3, 1, 0, 1)
    assert math.isfinite(made.of(unreached))
    assert made.score([unreached]).item() == made.of(unreached)
    assert made.costs["scores_not_finite"] == 0
