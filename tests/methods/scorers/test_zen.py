"""Zen-score against its definition, worked out on a network of two layers and a BN."""

import math

import numpy as np
import pytest
import torch
from scorers import IMAGE, scorer
from torch import nn

from methods.scorers.zen import features, variance_of


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


def test_the_variance_of_each_channel_is_pytorchs():
    given = 40 + torch.randn(5, 3, 4, 2, generator=torch.Generator().manual_seed(2))
    assert torch.allclose(variance_of(given), given.var((0, 2, 3)), rtol=1e-4)


@pytest.mark.parametrize("init", ["normal", "default"])
def test_each_initialisation_is_scored_as_if_it_were_alone(init):
    """However often a network's weights are drawn anew, whoever was scored before."""
    archs = [(3, 1, 2, 3, 4, 3), (2, 3, 3, 2, 3, 1)]
    made, seen = scorer("zen", images=4, repeats=3, init=init), []
    measure = made.measure

    def watched(network, images, labels):
        seen.append((network.classifier.weight.detach().clone(), measure(network, images, labels)))
        return seen[-1][1]

    made.measure = watched
    both = made.score(archs)
    weights = [weight for weight, _ in seen[:3]]
    assert not any(torch.equal(weights[i], weights[j]) for i, j in ((0, 1), (0, 2), (1, 2)))
    assert both[0] == pytest.approx(np.mean([value for _, value in seen[:3]]))
    assert both[1] == scorer("zen", images=4, repeats=3, init=init).score(archs[1:]).item()
    with made.drawn(1):
        network = made.network(archs[0], 1)  # the last one was of the other
    assert sum(p.numel() for p in network.parameters()) == made.cost_of(archs[0]).params
    assert made.cost_of(archs[0]).params != made.cost_of(archs[1]).params
