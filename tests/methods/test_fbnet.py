"""FBNet: the cost in its loss, whom that reaches, and its schedule."""

import numpy as np
import pytest
import torch
from relaxed import make_setting

from harness.conformance.noise import Noise
from methods.fbnet import FBNet, FBNetOptions
from searchspaces.base import ImageSpec
from searchspaces.errors import UsageError
from searchspaces.registry import SPACES

IMAGE = ImageSpec(1, 8, 5)


def made(**options):
    where = make_setting(SPACES["nb201"]("compact"), Noise(IMAGE))
    return FBNet(where, FBNetOptions(**options))


def test_the_loss_is_the_entropy_times_a_power_of_the_cost_s_logarithm():
    method, plain = made(alpha=0.3, beta=0.7), made(alpha=1.0, beta=0.0)
    batch = method.arch_data.train_batch(0, 8, 0)
    ratio = method.arch_loss(batch, 0) / plain.arch_loss(batch, 0)
    space = method.space
    empty = space.cost((0,) * 6, IMAGE).madds
    own = np.array([space.cost((op, 0, 0, 0, 0, 0), IMAGE).madds - empty for op in range(5)])
    cost = sum(own @ weights.detach().numpy() for weights in made().weights(0))  # the same sample
    assert ratio.item() == pytest.approx(0.3 * np.log(np.e + cost) ** 0.7, rel=1e-4)
    batch = method.weight_data.train_batch(0, 8, 0)
    torch.testing.assert_close(made().mixture_loss(batch, 0), made(beta=0).mixture_loss(batch, 0))


def test_the_cost_is_of_the_sample_that_the_images_pass():
    method, twin = (made(temperature=0.1, last_temperature=0.1) for _ in range(2))
    batch = method.arch_data.train_batch(0, 8, 0)
    sample, other = twin.weights(0), twin.weights(0)
    losses = [twin.loss_of(twin.mixed(drawn), batch).item() for drawn in (sample, other)]
    assert losses[0] != pytest.approx(losses[1], rel=1e-3)
    expected = losses[0] * twin.cost_factor(sample).item()
    assert method.arch_loss(batch, 0).item() == pytest.approx(expected, rel=1e-5)


def test_costly_operators_are_made_less_likely():
    method = made(temperature=2.0, last_temperature=2.0)
    method.cost_factor(method.weights(0)).backward()
    for alpha in method.alphas:
        assert alpha.grad[3] > 0 > alpha.grad[[0, 1, 4]].max()  # the 3x3 convolution; no others
    assert method.cost_factor([torch.eye(5)[0]] * 6).item() == pytest.approx(0.2)  # nothing: log e


def test_that_its_loss_has_a_cost_is_said():
    assert any("the cost in its loss" in note for note in made().notes())
    assert not made(beta=0.0).notes()


def test_weights_learn_alone_and_the_temperature_falls_as_printed():
    method = made(alone=0.25)
    told = [method.train_step(step) for step in range(4)]
    assert ["arch_loss" in row for row in told] == [False, True, True, True]
    assert method.costs["image_passes"] == 7 * 5 * 64
    assert FBNetOptions().last_temperature == pytest.approx(5 * np.exp(-0.045 * 89), rel=0.02)


@pytest.mark.parametrize("wrong", [{"alone": 1.0}, {"alpha": 0.0}, {"beta": -1.0}])
def test_impossible_options_are_refused(wrong):
    with pytest.raises(UsageError, match="alpha above 0, beta at least 0"):
        FBNetOptions(**wrong)
