"""ProxylessNAS: pairs with binary gates, and what their gradients and updates leave alone."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from relaxed import make_setting, with_alphas

from harness.conformance.noise import Noise
from methods.operator_costs import expected, operator_madds
from methods.proxylessnas import ProxylessNAS, ProxylessNASOptions
from searchspaces.base import ImageSpec
from searchspaces.errors import UsageError
from searchspaces.registry import SPACES

VALUES = (0.0, 1.0, 3.0)
SHARES = np.exp(VALUES) / np.exp(VALUES).sum()


def made(**options):
    return with_alphas(ProxylessNAS(make_setting(), ProxylessNASOptions(**options)), VALUES)


def test_one_path_is_drawn_by_the_softmax():
    method = made()
    operators = [lambda x, k=k: x + k for k in range(3)]
    drawn = [method.mixture(step)(s, operators, 0) for step in range(300) for s in range(4)]
    counts = np.bincount(drawn, minlength=3) / 1200
    np.testing.assert_allclose(counts, SHARES, atol=6 * np.sqrt(0.25 / 1200))


def test_the_path_of_the_weights_is_drawn_apart_from_the_pair():
    """Equally likely operators: the first site's path is the first of its pair in a third."""
    method = with_alphas(ProxylessNAS(make_setting(), ProxylessNASOptions()), (0.0, 0.0, 0.0))
    operators, same = [lambda x, k=k: k for k in range(3)], []
    batch = method.arch_data.train_batch(0, 8, 0)
    for step in range(100):
        method.arch_loss(batch, step)
        same.append(method.mixture(step)(0, operators, 0) == method.pairs[0][0])
    assert np.mean(same) == pytest.approx(1 / 3, abs=6 * np.sqrt(0.25 / len(same)))


def test_the_gates_of_a_pair_are_binary_and_their_gradient_is_that_of_their_softmax():
    """Equation 4: of each gate's gradient p_j (δ_jk - p_k), where p is of the pair."""
    method, rng, active = made(), np.random.default_rng(0), []
    for _ in range(200):
        hook = method.gated([[2, 1]] * 4, rng)
        operators = [lambda x, k=k: 10.0**k * x for k in range(3)]
        out = hook(0, operators, torch.tensor(3.0))
        assert out.item() in (pytest.approx(30.0), pytest.approx(300.0))
        active.append(out.item() > 100)
        method.alphas[0].grad = None
        out.backward()
    p = 1 / (1 + np.exp(-2.0))  # of operator 2 beside operator 1
    slope = p * (1 - p) * (300 - 30)
    np.testing.assert_allclose(method.alphas[0].grad, [0, -slope, slope], rtol=1e-4)
    assert np.mean(active) == pytest.approx(p, abs=6 * np.sqrt(0.25 / 200))


def test_operators_that_were_not_drawn_keep_their_probability():
    method = made(arch_lr=0.3, alone=0.0, every=1)
    for step in range(4):
        before = [alpha.detach().softmax(0).numpy() for alpha in method.alphas]
        method.train_step(step)
        for alpha, old, pair in zip(method.alphas, before, method.pairs, strict=True):
            new = alpha.detach().softmax(0).numpy()
            (other,) = {0, 1, 2} - {*pair}
            assert new[other] == pytest.approx(old[other], rel=1e-4)
            assert len(set(pair)) == 2 and abs(new[pair] - old[pair]).max() > 1e-3


def test_one_of_every_few_steps_trains_the_architecture():
    """Of eight the first two train weights alone."""
    where = make_setting()
    where = replace(where, recipe=replace(where.recipe, steps=8))
    method = ProxylessNAS(where, ProxylessNASOptions(alone=0.25, every=3))
    told = ["arch_loss" in method.train_step(step) for step in range(8)]
    assert told == [False, False, True, False, False, True, False, False]
    paths = method.paths_per_step(method.options, method.space)
    assert paths["forwards"] == pytest.approx(1 + 0.75 * 2 / 3)


def test_a_step_costs_a_path_and_two():
    method = made(alone=0.5, every=1)
    for step in range(4):
        method.train_step(step)
    assert method.costs["path_forwards"] == 2 * 1 + 2 * 3
    assert method.costs["compute"] == 8 * 64 * 3
    paths = method.paths_per_step(method.options, method.space)
    assert paths == {"forwards": 2.0, "backwards": 2.0}


def test_the_cost_of_an_operator_is_what_it_adds_to_a_network():
    """By the formula of the space; both cells of the compact network have the site."""
    space, image = SPACES["nb201"]("compact"), ImageSpec(1, 8, 5)
    costs = operator_madds(space.relaxation(), space.supernet(image), image)
    empty = space.cost((0,) * 6, image).madds
    for site in range(6):
        for op in range(5):
            arch = tuple(op if s == site else 0 for s in range(6))
            assert costs[site][op] == space.cost(arch, image).madds - empty
    weights = [torch.full((5,), 0.2)] * 6
    assert expected(costs, weights).item() == pytest.approx(float(sum(c.mean() for c in costs)))


def test_the_latency_term_is_the_expected_cost():
    where = make_setting(SPACES["nb201"]("compact"), Noise(ImageSpec(1, 8, 5)))
    plain, dear = (ProxylessNAS(where, ProxylessNASOptions(latency=by)) for by in (0.0, 0.5))
    batch = plain.arch_data.train_batch(0, 8, 0)
    more = dear.arch_loss(batch, 0) - plain.arch_loss(batch, 0)
    assert more.item() == pytest.approx(0.5, rel=1e-4)  # all operators are equally likely
    more.backward()
    assert all(alpha.grad.argmax() == 3 for alpha in dear.alphas)  # the 3x3 convolution goes first


@pytest.mark.parametrize("wrong", [{"alone": 1.0}, {"latency": -1.0}, {"every": 0}])
def test_impossible_options_are_refused(wrong):
    with pytest.raises(UsageError, match="alone is from 0 to below 1|every must be at least 1"):
        ProxylessNASOptions(**wrong)


def test_parameters_that_diverged_draw_nothing():
    method = with_alphas(ProxylessNAS(make_setting(), ProxylessNASOptions()), (0.0, math.nan, 0.0))
    with pytest.raises(UsageError, match="parameters are not finite; lower --train.lr"):
        method.draw(np.random.default_rng(0), 1)
