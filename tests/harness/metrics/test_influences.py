"""Influences: derivatives in weights, and values without an architecture, by brute force."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.metrics.influences import INFLUENCES
from harness.metrics.metrics import METRICS

whole = st.integers(-3, 3).map(float)
pairs = st.lists(st.tuples(whole, whole), min_size=4, max_size=30).map(
    lambda rows: tuple(np.array(column) for column in zip(*rows, strict=True))
)


def tied(rng, n):
    truth = rng.normal(size=n)
    return np.round(2 * (truth + 0.8 * rng.normal(size=n))), np.round(2 * truth)


def tau(score, truth, weight):
    sign_x, sign_y = np.sign(score[:, None] - score), np.sign(truth[:, None] - truth)
    norm = (weight @ np.abs(sign_x) @ weight) * (weight @ np.abs(sign_y) @ weight)
    return weight @ (sign_x * sign_y) @ weight / np.sqrt(norm)


def rho(score, truth, weight):
    ranks = [(1 + np.sign(v[:, None] - v)) @ weight / 2 for v in (score, truth)]
    a, b = (rank - weight @ rank for rank in ranks)
    return weight @ (a * b) / np.sqrt((weight @ a**2) * (weight @ b**2))


@pytest.mark.parametrize(("name", "weighed"), [("kendall_tau", tau), ("spearman", rho)])
def test_influence_is_the_derivative_in_the_weight_of_an_architecture(name, weighed):
    score, truth = tied(np.random.default_rng(7), 40)
    even, step = np.full(40, 1 / 40), 1e-6
    assert weighed(score, truth, even) == pytest.approx(METRICS[name].compute(score, truth))
    numeric = []
    for i in range(40):
        towards = (1 - step) * even
        towards[i] += step
        numeric.append((weighed(score, truth, towards) - weighed(score, truth, even)) / step)
    np.testing.assert_allclose(INFLUENCES[name](score, truth), numeric, atol=1e-4)


@pytest.mark.parametrize("name", ["weighted_tau", "pearson"])
@given(pairs)
def test_pseudo_values_leave_each_architecture_out(name, pair):
    if any(np.ptp(values) == 0 for values in pair):
        return
    n, compute = len(pair[0]), METRICS[name].compute
    left = [compute(*(np.delete(values, i) for values in pair)) for i in range(n)]
    left = np.array([0.0 if value is None else value for value in left])
    expected = (n - 1) * (left.mean() - left)
    np.testing.assert_allclose(INFLUENCES[name](*pair), expected, atol=1e-7 * n)


@pytest.mark.parametrize("name", sorted(INFLUENCES))
def test_influences_follow_the_order_and_have_mean_0(name):
    rng = np.random.default_rng(8)
    score, truth = tied(rng, 300)
    order = rng.permutation(300)
    found = INFLUENCES[name](score, truth)
    np.testing.assert_allclose(
        INFLUENCES[name](score[order], truth[order]), found[order], atol=1e-9
    )
    np.testing.assert_allclose(INFLUENCES[name](truth, score), found, atol=1e-9)
    assert found.mean() == pytest.approx(0, abs=1e-9)
