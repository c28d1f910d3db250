"""Intervals: coverage of the truth in simulations whose truth is known, and their symmetries."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from harness.metrics import intervals
from harness.metrics.influences import INFLUENCES
from harness.metrics.intervals import LEAST, RANGES, combine, measure, measure_all
from harness.metrics.metrics import METRICS


def correlated(rng, n, r=0.7):
    truth = rng.normal(size=n)
    return r * truth + np.sqrt(1 - r * r) * rng.normal(size=n), truth


def tied(rng, n):
    """A fifth of the architectures at chance level, rounded accuracies, rounded scores."""
    truth = rng.normal(size=n)
    score = np.round(3 * (truth + 0.8 * rng.normal(size=n)))
    return score, np.where(truth < -0.8, 10.0, np.round(90 + 2 * truth, 1))


def covers(interval, value):
    return interval["low"] <= value <= interval["high"]


@pytest.mark.slow
@pytest.mark.parametrize("population", [correlated, tied])
@pytest.mark.parametrize("n", [30, 300])
def test_tau_covers_95_percent(population, n):
    rng = np.random.default_rng(n)
    truth = METRICS["kendall_tau"].compute(*population(rng, 200_000))
    hits = [covers(measure("kendall_tau", *population(rng, n)), truth) for _ in range(600)]
    assert 0.93 <= np.mean(hits) <= 0.98


@pytest.mark.slow
@pytest.mark.parametrize("fraction", [0.5, 1.0])
def test_a_finite_space_leaves_its_share_of_sampling_and_all_training_noise(fraction):
    """Repeat: sample a share of one fixed space, train its architectures anew."""
    rng = np.random.default_rng(4)
    score, accuracy = correlated(rng, 400)
    n, noise = int(400 * fraction), np.full(400, 0.35)
    found = []
    for _ in range(400):
        chosen = rng.choice(400, n, replace=False)
        truth = accuracy + noise * rng.normal(size=400)
        options = {"fraction": fraction, "truth_sd": noise[chosen]}
        found.append(measure("kendall_tau", score[chosen], truth[chosen], **options))
    values = np.array([interval["value"] for interval in found])
    width = np.mean([interval["high"] - interval["low"] for interval in found])
    assert width / (2 * 1.96) == pytest.approx(values.std(), rel=0.12)
    assert 0.92 <= np.mean([covers(interval, values.mean()) for interval in found]) <= 0.98
    spearman = measure("spearman", score[:n], accuracy[:n], **options)
    assert (spearman["high"] - spearman["low"]) / width == pytest.approx(1.25, abs=0.25)


@pytest.mark.parametrize("name", ["weighted_tau", "spearman", "pearson"])
def test_training_noise_alone_moves_a_correlation_as_far_as_its_interval_says(name):
    rng = np.random.default_rng(14)
    score, truth = correlated(rng, 1500)
    noise, compute = rng.uniform(0.1, 0.5, 1500), METRICS[name].compute
    spread = np.std([compute(score, truth + noise * rng.normal(size=1500)) for _ in range(150)])
    options = {"fraction": 1.0, "truth_sd": noise}
    found = [measure(name, score, truth, seed=seed, **options) for seed in range(4)]
    width = np.mean([interval["high"] - interval["low"] for interval in found])
    assert width / (2 * 1.96) == pytest.approx(spread, rel=0.2)


@pytest.mark.parametrize("fraction", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("name", sorted(INFLUENCES))
def test_a_correlation_has_students_interval_in_fishers_z(name, fraction):
    """With the degrees of freedom of Welch and Satterthwaite, in the usual terms."""
    rng, n, compute = np.random.default_rng(15), 40, METRICS[name].compute
    score, truth = tied(rng, n)
    noise = rng.uniform(0.1, 3.0, n)
    order = np.lexsort((score, truth))
    ordered, truths, deviation = score[order], truth[order], noise[order]
    normal = np.random.default_rng(7)

    def part(values, share):
        freedom = 2 * n / (stats.kurtosis(values, fisher=False) - 1)
        return share * np.var(values) / (n - 1), np.clip(freedom, 1, n - 1)

    own = INFLUENCES[name](ordered, truths)
    parts = [part(own, 1 - fraction)]
    if fraction and name == "weighted_tau":
        again = [
            compute(ordered, truths + deviation * normal.standard_normal(n)) for _ in range(200)
        ]
        parts.append((fraction * np.var(again) * 200 / 199, 199))
    elif fraction:
        moved = INFLUENCES[name](ordered, truths + deviation * normal.standard_normal(n)) - own
        parts.append(part(moved, fraction))
    variance = sum(share for share, _ in parts)
    freedom = variance**2 / sum(share**2 / of for share, of in parts)
    value = compute(score, truth)
    half = stats.t.ppf(0.975, freedom) * np.sqrt(variance) / (1 - value**2)
    ends = np.tanh(np.arctanh(value) + [-half, half])
    found = measure(name, score, truth, fraction=fraction, truth_sd=noise, seed=7)
    assert (found["low"], found["high"]) == pytest.approx(ends)


@pytest.mark.parametrize(("n", "draws"), [(60, 200), (7500, 200), (15_000, 100), (10**6, 20)])
def test_there_are_200_resamples_and_fewer_of_many(n, draws, monkeypatch):
    asked = []
    monkeypatch.setattr(
        intervals, "_samples", lambda sample, seed, draws: asked.append(draws) or ()
    )
    monkeypatch.setattr(intervals.np, "quantile", lambda *_: (0.0, 0.0))
    sample = intervals.Sample(np.zeros(n), np.zeros(n), np.zeros(n), 0.0)
    intervals._resampled({"regret": 0.5}, sample, 0, None)
    assert asked == [draws]


@pytest.mark.parametrize("name", ["precision_at_top10pct", "regret"])
def test_resamples_are_of_the_seed(name):
    score, truth = correlated(np.random.default_rng(16), 60)
    options = {"fraction": 0.5, "truth_sd": np.full(60, 0.1)}
    first, again, other = (measure(name, score, truth, seed=seed, **options) for seed in (1, 1, 2))
    assert first == again != other


@pytest.mark.parametrize("fraction", [0.0, 0.25, 1.0])
@pytest.mark.parametrize("name", ["best_rank_at_10", "precision_at_top10pct", "regret"])
def test_the_bootstrap_has_the_exact_spread_of_a_mean(name, fraction, monkeypatch):
    """In the place of each metric the mean of the truths, whose variance is known.

    Of sampling a share 1 - f, of the noise of the truths a share f.
    """

    def mean(score, truth):
        assert len(score) == len(truth) == n
        return float(truth.mean())

    rng, n = np.random.default_rng(9), 60
    truth, noise = 0.1 * rng.normal(size=n), 0.1 * rng.uniform(0.5, 1.5, n)
    truth += 0.5 - truth.mean()  # a share may be so
    free = replace(METRICS[name], compute=mean, least=-np.inf, most=np.inf)
    monkeypatch.setitem(METRICS, name, free)
    found = measure(name, truth, truth, fraction=fraction, truth_sd=noise, resamples=1000)
    variance = (1 - fraction) * truth.var() / n + fraction * (noise**2).mean() / n
    quantile = stats.norm.ppf(0.975) if name in RANGES else stats.t.ppf(0.975, n - 1)
    width = found["high"] - found["low"]
    assert width / 2 == pytest.approx(quantile * np.sqrt(variance), rel=0.09)


def test_of_a_share_the_interval_is_wilsons():
    """In samples of all there is, copies of the ten best at random: ten trials."""
    truth = np.concatenate([np.arange(90.0), np.full(10, 100.0)])
    score = np.concatenate([np.arange(90.0), np.full(4, 100.0), np.full(6, -1.0)])
    found = measure("precision_at_top10pct", score, truth)
    assert found["value"] == pytest.approx(0.4)
    low, high = found["low"], found["high"]
    # Wilson's ends solve (p - 0.4)² = z² p (1 - p) / trials with one number of trials.
    trials = [p * (1 - p) / (p - 0.4) ** 2 for p in (low, high)]
    assert trials[0] == pytest.approx(trials[1], rel=1e-9)


@pytest.mark.parametrize("name", METRICS)
def test_a_whole_space_without_noise_leaves_nothing_open(name):
    score, truth = correlated(np.random.default_rng(5), 50)
    found = measure(name, score, truth, fraction=1.0)
    assert found["low"] == found["value"] == found["high"]


@pytest.mark.parametrize("name", METRICS)
def test_intervals_do_not_depend_on_order_and_repeat_exactly(name):
    rng = np.random.default_rng(6)
    score, truth = tied(rng, 80)
    order = rng.permutation(80)
    first = measure(name, score, truth, resamples=30)
    assert measure(name, score, truth, resamples=30) == first
    again = measure(name, score[order], truth[order], resamples=30)
    assert again == pytest.approx(first, abs=1e-12)
    assert first["low"] <= first["value"] <= first["high"]
    assert first["low"] >= METRICS[name].least and first["high"] <= METRICS[name].most
    assert first["n"] == 80


def test_undefined_values_and_tiny_samples_have_no_interval():
    truth = np.arange(20.0)
    empty = {"value": None, "low": None, "high": None, "n": 20}
    assert measure("kendall_tau", np.zeros(20), truth) == empty
    few = measure("kendall_tau", truth[: LEAST - 1], truth[: LEAST - 1])
    assert few["value"] == 1 and few["low"] is None and few["high"] is None


@given(
    st.lists(st.integers(0, 40), min_size=LEAST, max_size=60).filter(lambda v: len(set(v)) > 1),
    st.sampled_from([1.0, -1.0]),
    st.floats(1e-3, 1e3),
    st.sampled_from([0.0, 0.4]),
)
def test_a_perfect_ranking_is_certain_of_its_correlations(values, sign, scale, fraction):
    truth = np.array(values) / 7
    found = measure_all(tuple(INFLUENCES), sign * (scale * truth + 3), truth, fraction=fraction)
    for name, interval in found.items():
        assert (interval["value"], interval["low"], interval["high"]) == (sign,) * 3, name


@pytest.mark.parametrize("name", sorted(INFLUENCES))
@pytest.mark.parametrize("n", [5, 25, 1000, 20_000])
def test_next_to_perfect_is_next_to_certain(name, n):
    """Two neighbours in the middle change places."""
    truth = np.arange(float(n))
    score = truth.copy()
    score[[n // 2, n // 2 + 1]] = score[[n // 2 + 1, n // 2]]
    found = measure(name, score, truth)
    assert found["low"] <= found["value"] <= found["high"] <= 1
    assert found["low"] < 1
    assert 1 - found["low"] <= max(250 * (1 - found["value"]), 1e-5)


@pytest.mark.parametrize("fraction", [0.0, 0.75])
def test_a_share_of_zero_is_not_certain(fraction):
    """Zero of ten: the exact binomial bound of Clopper and Pearson, less in a finite space."""
    truth = np.arange(100.0)
    found = measure("precision_at_top10pct", -truth, truth, fraction=fraction)
    assert found["low"] == 0
    exact = stats.binomtest(0, 10).proportion_ci().high
    assert found["high"] == pytest.approx(exact * np.sqrt(1 - fraction))


def test_a_range_holds_the_value_even_where_no_resample_reaches_it():
    """The best score is of the best truth; noise of the truths makes another one the best."""
    truth = np.arange(300) * 1e-6
    found = measure("regret", truth, truth, fraction=1.0, truth_sd=np.ones(300))
    assert found["value"] == found["low"] == 0 < 2 < found["high"]
    found = measure("best_rank_at_10", truth, -truth, fraction=1.0, truth_sd=np.ones(300))
    assert found["low"] < 100 < found["value"] == found["high"]


def seeds(values, half=0.0, n=100):
    return [{"value": v, "low": v - half, "high": v + half, "n": n} for v in values]


def test_combining_seeds_alone_is_students_interval():
    values = [0.5, 0.6, 0.55, 0.52]
    runs = seeds(values)
    runs[1]["n"], runs[2]["n"] = 120, 140  # as few as any run has
    found = combine(runs)
    low, high = stats.t.interval(0.95, 3, np.mean(values), stats.sem(values))
    assert found == pytest.approx({"value": np.mean(values), "low": low, "high": high, "n": 100})


def test_more_seeds_do_not_average_architecture_sampling_away():
    found = combine(seeds([0.5] * 8, half=0.04))
    assert found == pytest.approx({"value": 0.5, "low": 0.46, "high": 0.54, "n": 100})


def test_the_parts_of_seeds_and_of_architectures_add_as_squares():
    runs = [
        run for value, half in ((0.1, 0.3), (0.2, 0.4), (0.6, 0.0)) for run in seeds([value], half)
    ]
    over_seeds = stats.t.ppf(0.975, 2) * np.std([0.1, 0.2, 0.6], ddof=1) / np.sqrt(3)
    half = np.sqrt(over_seeds**2 + (0.09 + 0.16 + 0.0) / 3)
    found = combine(runs, "regret")  # which has no largest value
    assert found["value"] == pytest.approx(0.3) and found["high"] == pytest.approx(0.3 + half)


def test_combine_keeps_one_run_bounds_the_range_and_hides_no_failure():
    assert combine(seeds([0.5], half=0.1)) == seeds([0.5], half=0.1)[0]
    wide = combine(seeds([-0.9, 0.9]))
    assert (wide["low"], wide["high"]) == (-1, 1)
    assert combine(seeds([0.0, 3.0]), "regret")["low"] == 0
    failed = {"value": None, "low": None, "high": None, "n": 100}
    assert combine([*seeds([0.5, 0.6]), failed]) == failed


@pytest.mark.slow
def test_combined_intervals_cover_at_least_95_percent():
    """Repeat: sample 100 architectures, score them with three supernets of varying quality."""
    rng = np.random.default_rng(8)

    def supernet(truth):
        return truth + rng.normal(size=len(truth)) * np.exp(0.1 * rng.normal())

    tau, hits = METRICS["kendall_tau"].compute, []
    truth = rng.normal(size=20_000)
    known = np.mean([tau(supernet(truth), truth) for _ in range(100)])
    for _ in range(200):
        sample = rng.choice(truth, 100)
        runs = [measure("kendall_tau", supernet(sample), sample) for _ in range(3)]
        hits.append(covers(combine(runs), known))
    assert np.mean(hits) >= 0.95
