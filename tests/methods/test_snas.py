"""SNAS: concrete samples, their temperature and gradient, and one pass that trains everything."""

import numpy as np
import pytest
import torch
from optimisers import steps_taken
from relaxed import make_setting, with_alphas

from harness.conformance.noise import Noise
from harness.conformance.subjects import through_a_file
from methods.snas import SNAS, SNASOptions
from searchspaces.base import ImageSpec
from searchspaces.errors import UsageError


def made(**options):
    return with_alphas(SNAS(make_setting(), SNASOptions(**options)), (0.0, 1.5, 3.0))


@pytest.mark.parametrize("temperature", [0.5, 4.0])
def test_a_mixture_and_its_gradient_are_of_the_softened_sample(temperature, monkeypatch):
    method = made(temperature=temperature, last_temperature=temperature)
    noise = np.array([[0.3, -0.2, 0.9], [2.5, 0.1, 0.0], [0.4, 1.9, -0.7], [-0.5, 0.2, 3.0]])
    monkeypatch.setattr(method, "noise", lambda step: torch.tensor(noise.ravel()).float())
    hook = method.mixture(0)
    operators = [lambda x, k=k: (k + 2) ** 2 * x for k in range(3)]
    for site, alpha in enumerate(method.alphas):
        shares = np.exp([0.0, 1.5, 3.0]) / np.exp([0.0, 1.5, 3.0]).sum()
        grown = np.exp((np.log(shares) + noise[site]) / temperature)
        weights = grown / grown.sum()
        out = hook(site, operators, torch.tensor(1.5))
        assert out.item() == pytest.approx(1.5 * weights @ [4, 9, 16], rel=1e-5)
        out.backward()
        slope = 1.5 * weights * (np.array([4, 9, 16]) - weights @ [4, 9, 16]) / temperature
        np.testing.assert_allclose(alpha.grad, slope, rtol=1e-3, atol=1e-5)


def test_samples_approach_one_operator_drawn_by_its_probability():
    method = made(temperature=3.0, last_temperature=1e-3)
    first, last = (
        np.array([[w.detach().numpy() for w in method.weights(step)] for _ in range(250)])
        for step in (0, 3)
    )
    assert first.max(-1).mean() < 0.75 < 0.99 < last.max(-1).mean()
    shares = np.exp([0.0, 1.5, 3.0]) / np.exp([0.0, 1.5, 3.0]).sum()
    for sample in (first, last):  # 1000 draws: six standard deviations
        drawn = np.bincount(sample.argmax(-1).ravel(), minlength=3) / 1000
        np.testing.assert_allclose(drawn, shares, atol=6 * np.sqrt(0.25 / 1000))
        np.testing.assert_allclose(sample.sum(-1), 1, rtol=1e-5)


def test_each_step_draws_its_own_noise_and_again_the_same():
    method, other = made(), made()
    drawn = [method.noise(step) for step in range(5)]
    assert len({tuple(noise.tolist()) for noise in drawn}) == 5
    assert torch.equal(other.noise(3), drawn[3])


def test_the_temperature_falls_by_the_same_factor():
    method = made(temperature=8.0, last_temperature=1.0)
    assert [method.temperature(step) for step in range(4)] == pytest.approx([8, 4, 2, 1])
    with pytest.raises(UsageError, match="temperature and last-temperature must be above 0"):
        SNASOptions(last_temperature=0.0)


def test_one_pass_over_all_training_images_trains_both():
    data = Noise(ImageSpec(12, 3, 9))
    method, twin = (SNAS(make_setting(data=data), SNASOptions(arch_lr=0.5)) for _ in range(2))
    with steps_taken() as taken:
        told = method.train_step(1)
    loss = twin.mixture_loss(data.train_batch(1, 64, 0), 1)
    torch.testing.assert_close(told["loss"], loss.detach())
    loss.backward()
    arch, _ = taken
    for alpha, other in zip(method.alphas, twin.alphas, strict=True):
        torch.testing.assert_close(arch.gradients[alpha], other.grad)
    pairs = zip(method.supernet.parameters(), twin.supernet.parameters(), strict=True)
    assert any(not torch.equal(p, q) for p, q in pairs)
    assert method.costs["image_passes"] == 3 * 64  # three operators of each site, once
    assert method.costs["compute"] == 3 * 3 * 64


def test_a_step_follows_the_gradient_of_its_own_pass_alone():
    method, twin = (SNAS(make_setting(), SNASOptions(arch_lr=0.5)) for _ in range(2))
    with steps_taken() as taken:
        method.train_step(0)
        twin.load_state_dict(through_a_file(method.state_dict()))
        method.train_step(1)
        twin.train_step(1)
    of_method, of_twin = taken[2], taken[4]
    for alpha, other in zip(method.alphas, twin.alphas, strict=True):
        torch.testing.assert_close(of_method.gradients[alpha], of_twin.gradients[other])
        assert of_twin.gradients[other].abs().max() > 0
