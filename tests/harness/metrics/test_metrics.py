"""Metrics against scipy and brute force, ties included."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from harness.metrics.concordance import concordance
from harness.metrics.metrics import (
    METRICS,
    best_rank_at_k,
    precision_at_top,
    regret,
    top_count,
    with_present_names,
)

SCIPY = {
    "kendall_tau": lambda s, t: stats.kendalltau(s, t).statistic,
    "weighted_tau": lambda s, t: stats.weightedtau(s, t).statistic,
    "spearman": lambda s, t: stats.spearmanr(s, t).statistic,
    "pearson": lambda s, t: stats.pearsonr(s, t).statistic,
}

whole = st.integers(-4, 4).map(float)
pairs = st.lists(st.tuples(whole, whole), min_size=2, max_size=40).map(
    lambda rows: tuple(np.array(column) for column in zip(*rows, strict=True))
)


def brute_concordance(x, y):
    dx, dy = np.sign(x[:, None] - x), np.sign(y[:, None] - y)
    return (dx * dy).sum(1), np.abs(dx).sum(1), np.abs(dy).sum(1)


@given(pairs)
def test_concordance_is_the_sum_of_signs(pair):
    np.testing.assert_array_equal(concordance(*pair), brute_concordance(*pair))


def test_concordance_of_many_without_ties():
    rng = np.random.default_rng(0)
    x, y = rng.permutation(700).astype(float), rng.normal(size=700)
    np.testing.assert_array_equal(concordance(x, y), brute_concordance(x, y))


@given(pairs)
def test_correlations_equal_scipy(pair):
    constant = any(np.ptp(values) == 0 for values in pair)
    for name, reference in SCIPY.items():
        value = METRICS[name].compute(*pair)
        if constant:
            assert value is None
        else:
            assert value == pytest.approx(reference(*pair), abs=1e-12)


@pytest.mark.parametrize("name", SCIPY)
def test_correlations_of_a_large_tied_sample_equal_scipy(name):
    rng = np.random.default_rng(1)
    truth = np.round(90 + rng.normal(size=4000), 1)
    score = np.round(truth + rng.normal(size=4000), 1)
    assert METRICS[name].compute(score, truth) == pytest.approx(SCIPY[name](score, truth))


@given(pairs, st.integers(0, 2**32 - 1))
@settings(max_examples=50)
def test_no_metric_depends_on_the_order_of_architectures(pair, seed):
    score, truth = pair
    order = np.random.default_rng(seed).permutation(len(score))
    for metric in METRICS.values():
        before, after = metric.compute(score, truth), metric.compute(score[order], truth[order])
        assert before == after or before == pytest.approx(after, abs=1e-12)


@given(pairs)
def test_rank_metrics_ignore_monotone_transforms_of_the_score(pair):
    score, truth = pair
    for name in set(METRICS) - {"pearson"}:
        compute = METRICS[name].compute
        assert compute(np.exp(score / 2) + 3, truth) == compute(score, truth)


@given(pairs)
def test_reversing_the_score_flips_the_sign(pair):
    score, truth = pair
    for name in ("kendall_tau", "spearman", "pearson"):
        value = METRICS[name].compute(score, truth)
        flipped = METRICS[name].compute(-score, truth)
        assert flipped == value is None or flipped == pytest.approx(-value, abs=1e-12)


def test_pearson_survives_extreme_scores():
    truth = np.arange(5.0)
    for scale in (1e-300, 1e300):
        assert METRICS["pearson"].compute(truth * scale, truth) == pytest.approx(1)


def over_random_tie_breaks(metric, score, truth):
    """Mean of ``metric`` over all orders of the architectures, the first ones winning ties."""
    values = []
    for order in permutations(range(len(score))):
        s, t = score[list(order)], truth[list(order)]
        values.append(metric(s[np.argsort(-s, kind="stable")], t[np.argsort(-s, kind="stable")]))
    return np.mean(values)


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3)), min_size=2, max_size=6))
@settings(max_examples=40, deadline=None)
def test_ties_at_the_cut_take_the_expectation(rows):
    score, truth = (np.array(column, float) for column in zip(*rows, strict=True))
    k = 2

    def best_rank(_, t):
        return 1 + (t > t[:k].max()).sum()

    def lost(_, t):
        return t.max() - t[0]

    def precise(_, t):
        top = np.argsort(-t, kind="stable")[: top_count(len(t), 0.4)]
        return np.mean(top < top_count(len(t), 0.4))

    def expected(metric):
        return pytest.approx(over_random_tie_breaks(metric, score, truth), abs=1e-12)

    assert best_rank_at_k(score, truth, k) == expected(best_rank)
    assert regret(score, truth) == expected(lost)
    if len(set(truth)) == len(truth):
        assert precision_at_top(score, truth, 0.4) == expected(precise)


def test_a_perfect_and_a_reversed_ranking():
    truth = np.arange(100.0)
    assert {name: metric.compute(truth, truth) for name, metric in METRICS.items()} == (
        pytest.approx(dict.fromkeys(METRICS, 1.0) | {"regret": 0.0})
    )
    assert precision_at_top(-truth, truth) == 0
    assert best_rank_at_k(-truth, truth) == 91
    assert regret(-truth, truth) == 99


def test_constant_scores_choose_at_random():
    truth = np.arange(20.0)
    score = np.zeros(20)
    assert METRICS["kendall_tau"].compute(score, truth) is None
    assert precision_at_top(score, truth) == pytest.approx(0.1)
    assert regret(score, truth) == pytest.approx(9.5)
    # Smallest of 10 drawn from ranks 1..20: (20 + 1) / (10 + 1).
    assert best_rank_at_k(score, truth) == pytest.approx(21 / 11)


def test_former_names_of_metrics_become_the_present_ones():
    known = {"kendall_tau": 1, "precision_at_top": 2, "best_rank_at_k": 3, "regret": 4}
    present = {
        "kendall_tau": 1,
        "precision_at_top10pct": 2,
        "best_rank_at_10": 3,
        "regret": 4,
    }
    record = {"n": 9, "metrics": {"all": known, "unique": present}}
    assert with_present_names(record) == {"n": 9, "metrics": {"all": present, "unique": present}}
    for other in ({"n": 9}, {"metrics": None}, {"metrics": {"all": 3}}):
        assert with_present_names(other) == other


@pytest.mark.parametrize(("n", "k"), [(1, 1), (10, 1), (11, 2), (30, 3), (15625, 1563)])
def test_a_share_is_rounded_up(n, k):
    assert top_count(n) == k


def test_a_share_in_percent_is_rounded_up_as_whole_numbers_are():
    """7 of 100 are 7 %, though 0.07 * 100 is a little above 7."""
    for percent in range(1, 100):
        found = [top_count(n, percent / 100) for n in range(1, 301)]
        assert found == [-(-percent * n // 100) for n in range(1, 301)]
