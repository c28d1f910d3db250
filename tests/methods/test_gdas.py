"""GDAS: samples that are forward passes of one path, and whose gradient is the softened one's."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from relaxed import make_setting, with_alphas
from scipy.stats import chisquare

from methods.gdas import GDAS, GDASOptions
from methods.options import Recipe


def sampled(hook, sites=4, operators=3):
    """The operator that a hook runs at each site; all others would leave the number untouched."""
    number = [lambda x, k=k: x + k for k in range(operators)]
    return [hook(site, number, torch.zeros(())).item() for site in range(sites)]


def at_temperature(temperature, values=(0.0, 1.5, 3.0)):
    options = GDASOptions(temperature=temperature, last_temperature=temperature)
    return with_alphas(GDAS(make_setting(), options), values)


def test_a_forward_pass_of_gdas_is_that_of_the_path_it_samples():
    """To the bit, at temperatures that leave the softened sample far from certain."""
    method, seen = at_temperature(10.0), []
    run = method.supernet.run
    method.supernet.run = lambda site, op, part: seen.append((site, op)) or run(site, op, part)
    x, _ = method.arch_data.train_batch(0, 64, 0)
    for step in range(5):
        seen.clear()
        mixed = method.relaxation.logits(method.supernet, x, method.mixture(step))
        assert [site for site, _ in seen] == [0, 1, 2, 3]
        path = tuple(op for _, op in seen)
        assert torch.equal(mixed, method.supernet(x, path))


@pytest.mark.parametrize("temperature", [0.1, 1.0, 10.0])
@pytest.mark.slow
def test_operators_are_drawn_by_the_softmax_at_any_temperature(temperature):
    method = at_temperature(temperature)
    drawn = [sampled(method.mixture(step)) for step in range(400) for _ in range(2)]
    counts = np.bincount(np.array(drawn, dtype=int).ravel(), minlength=3)
    chances = np.exp([0.0, 1.5, 3.0]) / np.exp([0.0, 1.5, 3.0]).sum()
    assert chisquare(counts, chances * counts.sum()).pvalue > 1e-3


def test_sites_passes_and_steps_draw_for_themselves():
    method = at_temperature(1.0, (0.0, 0.0, 0.0))
    first, second = (
        np.array(drawn, dtype=int)
        for drawn in zip(
            *([sampled(method.mixture(step)) for _ in range(2)] for step in range(400)),
            strict=True,
        )
    )
    pairs = [(first, second), (first[:, :-1], first[:, 1:]), (first[:-1], first[1:])]
    for one, other in pairs:
        counts = np.bincount((3 * one + other).ravel(), minlength=9)
        assert chisquare(counts).pvalue > 1e-3


@pytest.mark.parametrize("temperature", [0.5, 4.0])
def test_the_gradient_of_a_sample_is_that_of_the_softened_one(temperature, monkeypatch):
    """Straight through: that of the chosen one's share in softmax((log softmax α + noise) / T)."""
    method = at_temperature(temperature)
    noise = np.array([[0.3, -0.2, 0.9], [2.5, 0.1, 0.0], [0.4, 1.9, -0.7], [-0.5, 0.2, 3.0]])
    rows = iter(noise)
    monkeypatch.setattr(method, "rng", lambda *_: SimpleNamespace(gumbel=lambda size: next(rows)))
    hook = method.mixture(0)
    operators = [lambda x, k=k: (k + 2) * x for k in range(3)]
    for site, alpha in enumerate(method.alphas):
        hook(site, operators, torch.tensor(1.5)).backward()
        own = alpha.detach().clone().requires_grad_()
        soft = ((own.log_softmax(0) + torch.tensor(noise[site]).float()) / temperature).softmax(0)
        chosen = int(soft.argmax())
        (1.5 * (chosen + 2) * soft[chosen]).backward()
        torch.testing.assert_close(alpha.grad, own.grad)
        assert (alpha.grad.abs() > 1e-5).all()


def test_samples_are_of_the_parameters_that_were_loaded():
    method = GDAS(make_setting(), GDASOptions())
    method.train_step(0)
    state = method.trained_state()
    far = torch.tensor([-500.0, 500.0, -500.0])
    method.load_trained_state(state | {"alphas": [far] * len(state["alphas"])})
    assert sampled(method.mixture(1)) == [1, 1, 1, 1]


@pytest.mark.parametrize("before", [0, 2])
def test_samples_are_of_the_parameters_as_the_last_step_left_them(before, monkeypatch):
    def far():
        for alpha in method.alphas:
            alpha.data.copy_(torch.tensor([-500.0, 500.0, -500.0]))

    method = GDAS(make_setting(), GDASOptions())
    for step in range(before):
        method.train_step(step)
    monkeypatch.setattr(method.arch_optimizer, "step", far)
    method.train_step(before)
    assert sampled(method.mixture(before + 1)) == [1, 1, 1, 1]


def test_the_temperature_of_gdas_falls_to_its_last_value():
    method = GDAS(make_setting(), GDASOptions(temperature=5.0, last_temperature=0.5))
    assert [method.temperature(step) for step in (0, 3)] == [5.0, 0.5]
    assert method.temperature(1) == pytest.approx(3.5)
    assert method.temperature(2) == pytest.approx(2.0)
    single = replace(make_setting(), recipe=Recipe(steps=1))
    assert GDAS(single, GDASOptions(temperature=5.0)).temperature(0) == 5.0
