"""The difference of two dependent τ: its value, what it does not depend on, and its coverage."""

import math

import numpy as np
import pytest
from scipy import stats
from tables import made_meta

from harness.metrics.difference import shown, tau_difference
from harness.metrics.evaluate import evaluate_scores
from harness.metrics.influences import tau_influence
from harness.metrics.intervals import measure
from harness.metrics.rendering import render
from harness.tabular.table import Table

SAMPLES = 400


def population(rng, n, gap=0.0):
    """A truth and two scores that share most of their errors; the first is the better by ``gap``."""
    truth, common = rng.normal(size=(2, n))
    scores = [truth + common + spread * rng.normal(size=n) for spread in (0.5, 0.5 + gap)]
    return *scores, truth


def tied(rng, n):
    """Sizes of a small space, rounded accuracies, a fifth at chance."""
    first, second, truth = population(rng, n, 0.7)
    truth = np.where(truth < -0.8, 10.0, np.round(90 + 2 * truth, 1))
    return np.round(2 * first), np.round(second, 1), truth


def test_the_value_is_that_of_two_taus_and_the_order_plays_no_part():
    rng = np.random.default_rng(0)
    first, second, truth = tied(rng, 80)
    found = tau_difference(first, second, truth)
    taus = [stats.kendalltau(score, truth).statistic for score in (first, second)]
    assert found["value"] == pytest.approx(taus[0] - taus[1])
    order = rng.permutation(80)
    for fraction in (0.0, 0.4):
        given = {"fraction": fraction, "truth_sd": np.full(80, 0.1)}
        plain = tau_difference(first, second, truth, **given)
        assert tau_difference(first[order], second[order], truth[order], **given) == plain
    turned = tau_difference(second, first, truth)
    for end, other in (("value", "value"), ("low", "high"), ("high", "low")):
        assert turned[end] == pytest.approx(-found[other])


@pytest.mark.parametrize("fraction", [0.0, 0.3, 1.0])
def test_the_interval_is_that_of_the_difference_of_influences(fraction):
    """Student's, with the degrees of freedom of Welch and Satterthwaite, in the usual terms."""
    rng, n = np.random.default_rng(8), 40
    first, second, truth = tied(rng, n)
    noise = rng.uniform(0.1, 2.0, n)
    order = np.lexsort((second, first, truth))

    def influence(truths):
        own, other = (tau_influence(score[order], truths) for score in (first, second))
        return own - other

    def part(values, share):
        spread = np.var(values)
        freedom = 2 * n / (stats.kurtosis(values, fisher=False) - 1)
        return share * spread / (n - 1), np.clip(freedom, 1, n - 1)

    parts = [part(influence(truth[order]), 1 - fraction)]
    if fraction:
        fresh = noise[order] * np.random.default_rng(7).standard_normal(n)
        moved = influence(truth[order] + fresh) - influence(truth[order])
        parts.append(part(moved, fraction))
    variance = sum(share for share, _ in parts)
    freedom = variance**2 / sum(share**2 / of for share, of in parts)
    half = stats.t.ppf(0.975, freedom) * math.sqrt(variance)
    found = tau_difference(first, second, truth, fraction=fraction, truth_sd=noise, seed=7)
    assert found["n"] == n and (fraction < 1 or freedom < n - 2)
    ends = (found["value"] - half, found["value"] + half)
    assert (found["low"], found["high"]) == pytest.approx(ends)


def test_a_difference_of_two_correlations_is_between_minus_and_plus_two():
    truth, turned = np.arange(7.0), np.arange(7.0)[::-1].copy()
    nearly = truth[[0, 1, 4, 3, 2, 5, 6]]
    for pair, end, bound in (((turned, nearly), "low", -2), ((nearly, turned), "high", 2)):
        found = tau_difference(*pair, truth)
        assert found[end] == bound and abs(found["value"]) < 2


def test_a_score_does_not_beat_itself_nor_what_ranks_as_it_does():
    rng = np.random.default_rng(1)
    score, _, truth = population(rng, 50)
    for other in (score, np.exp(score), 3 * score - 1):
        found = tau_difference(score, other, truth)
        assert (found["value"], found["low"], found["high"]) == (0, 0, 0)
        assert shown(found) is False


def test_it_is_known_exactly_where_the_whole_space_was_scored_and_truth_has_no_noise():
    first, second, truth = population(np.random.default_rng(2), 60, 0.5)
    found = tau_difference(first, second, truth, fraction=1.0)
    assert found["low"] == found["value"] == found["high"]
    noisy = tau_difference(first, second, truth, fraction=1.0, truth_sd=np.full(60, 0.3))
    assert noisy["low"] < noisy["value"] < noisy["high"]


def test_what_is_not_defined_has_no_difference_and_few_architectures_no_interval():
    first, second, truth = population(np.random.default_rng(3), 4)
    found = tau_difference(first, second, truth)
    assert found["value"] is not None and found["low"] is None and shown(found) is None
    assert tau_difference(first, np.ones(4), truth)["value"] is None


def test_shared_errors_make_a_difference_certain_that_two_intervals_would_not():
    first, second, truth = population(np.random.default_rng(4), 400, 0.6)
    intervals = [measure("kendall_tau", score, truth) for score in (first, second)]
    assert intervals[0]["low"] < intervals[1]["high"]
    assert shown(tau_difference(first, second, truth))


@pytest.mark.slow
@pytest.mark.parametrize("n", [30, 200])
@pytest.mark.parametrize("gap", [0.0, 0.7])
@pytest.mark.parametrize("ties", [False, True])
def test_the_interval_covers_95_percent(n, gap, ties):
    """And of equal scorers one in forty seems to beat the other."""
    rng = np.random.default_rng([n, round(10 * gap), ties])
    draw = (lambda: tied(rng, n)) if ties else (lambda: population(rng, n, gap))
    found = [tau_difference(*draw()) for _ in range(SAMPLES)]
    true = np.mean([each["value"] for each in found])
    covered = np.mean([each["low"] <= true <= each["high"] for each in found])
    allowed = 0.02 + 2 * math.sqrt(0.95 * 0.05 / SAMPLES)
    assert abs(covered - 0.95) <= allowed
    if not gap and not ties:
        wrongly = np.mean([shown(each) for each in found])
        assert wrongly <= 0.025 + 0.01 + 2 * math.sqrt(0.025 / SAMPLES)


@pytest.mark.slow
def test_the_interval_covers_95_percent_of_samples_of_a_finite_space_with_noisy_truths():
    """The difference of the whole space by true accuracies without the noise of training."""
    rng, space, n, sd = np.random.default_rng(7), 500, 250, 0.3
    found = []
    for _ in range(SAMPLES):
        first, second, exact = population(rng, space, 0.7)
        # What is estimated is of truths with noise: another training of the whole space.
        taus = []
        for score in (first, second):
            again = [stats.kendalltau(score, exact + sd * rng.normal(size=space)) for _ in range(3)]
            taus.append(np.mean([each.statistic for each in again]))
        chosen = rng.choice(space, n, replace=False)
        truth = exact[chosen] + sd * rng.normal(size=n)
        each = tau_difference(
            first[chosen], second[chosen], truth, fraction=n / space, truth_sd=np.full(n, sd)
        )
        found.append(each["low"] <= taus[0] - taus[1] <= each["high"])
    allowed = 0.03 + 2 * math.sqrt(0.95 * 0.05 / SAMPLES)
    assert abs(np.mean(found) - 0.95) <= allowed


def test_evaluation_records_how_far_over_each_floor_scores_are():
    rng = np.random.default_rng(5)
    params, truth = rng.integers(1, 40, 60), rng.normal(size=60)
    truth = np.round(50 + 10 * truth, 2)
    names = [f"a{i}" for i in range(60)]
    table = Table(made_meta(), names, {"test.5.mean": truth}, params, None)
    score = truth + 5 * rng.normal(size=60)
    result = evaluate_scores(table, dict(zip(table.archs, score.tolist(), strict=True)), "test")
    over = result["over_floors"]["params"]
    assert over["value"] == pytest.approx(
        result["metrics"]["all"]["kendall_tau"]["value"] - result["floors"]["params"]["value"]
    )
    assert shown(over) and not any("beat" in note for note in result["notes"])
    assert f"{over['value']:.4f} [" in render(result)
    assert list(result["over_floors"]) == ["params"]
    # As parameters, but for the best architecture, which it puts first.
    nearly = params.astype(float)
    nearly[truth.argmax()] = nearly.max() + 1
    close = evaluate_scores(table, dict(zip(names, nearly.tolist(), strict=True)), "test")
    assert close["over_floors"]["params"]["value"] > 0
    assert [
        note
        for note in close["notes"]
        if "beat ranking by parameters" in note and "not shown" in note
    ]
