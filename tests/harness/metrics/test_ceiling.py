"""The ceiling against repetitions that a simulation can afford."""

import math

import numpy as np
import pytest
from params import slow_but

from harness.metrics import ceiling as ceilings
from harness.metrics.ceiling import NEIGHBOURS, ceiling, training_noise
from harness.metrics.intervals import LEAST, measure
from harness.metrics.metrics import kendall_tau


def normal(rng, n):
    return rng.normal(size=n), np.full(n, 0.5)


def noisy(rng, n):
    return rng.normal(size=n), np.full(n, 2.0)


def benchmark_like(rng, n):
    """Most near the best, a long tail trained with more noise, one in twenty at chance level."""
    gap = np.exp(1.3 * rng.normal(size=n))
    noise, chance = 0.1 + 0.15 * gap, np.arange(n) < n // 20
    return np.where(chance, 10.0, 94 - gap), np.where(chance, 0.0, noise)


def two_clusters(rng, n):
    """Nothing but noise within each of two groups: averaging seeds does not help."""
    return 100.0 * (rng.random(n) < 0.5), np.ones(n)


@pytest.mark.parametrize("seeds", slow_but([3], [2, 3]))
@pytest.mark.parametrize("population", [normal, noisy, benchmark_like, two_clusters])
def test_the_extrapolation_meets_a_real_repetition(population, seeds):
    rng = np.random.default_rng(seeds)
    accuracy, noise = population(rng, 3000)

    def trained(times):
        return accuracy[:, None] + noise[:, None] * rng.normal(size=(len(accuracy), times))

    known = [
        np.mean([kendall_tau(trained(s).mean(1), trained(s).mean(1)) for _ in range(10)])
        for s in (1, seeds)
    ]
    found = np.mean([values(ceiling(trained(seeds))) for _ in range(3)], axis=0)
    assert found == pytest.approx(known, abs=0.02)


def values(found):
    return found["single_seed"]["value"], found["seed_mean"]["value"]


def test_missing_seeds_lower_the_ceiling():
    rng = np.random.default_rng(0)
    accuracy, noise = normal(rng, 2000)
    per_seed = accuracy[:, None] + noise[:, None] * rng.normal(size=(2000, 3))
    complete = ceiling(per_seed)
    runs = rng.integers(1, 4, size=2000)
    per_seed[np.arange(3) >= runs[:, None]] = np.nan
    gappy = ceiling(per_seed)

    def measured():
        return accuracy + noise * rng.normal(size=2000) / np.sqrt(runs)

    known = np.mean([kendall_tau(measured(), measured()) for _ in range(10)])
    assert gappy["seed_mean"]["value"] == pytest.approx(known, abs=0.02)
    assert gappy["seed_mean"]["value"] < complete["seed_mean"]["value"] - 0.03
    assert gappy["single_seed"]["n"] == (runs > 1).sum()
    assert gappy["seed_mean"]["n"] == 2000
    for interval in (gappy["single_seed"], gappy["seed_mean"]):
        assert interval["low"] < interval["value"] < interval["high"]


def test_pairs_of_seeds_weigh_by_what_they_share(monkeypatch):
    monkeypatch.setattr(ceilings, "_SIMULATED", 1)  # the seed means are not looked at
    rng = np.random.default_rng(6)
    per_seed = np.arange(60.0)[:, None] + rng.normal(size=(60, 3)) * [1.0, 1.0, 40.0]
    per_seed[12:, 2] = np.nan
    pairs = [(60, (0, 1)), (12, (0, 2)), (12, (1, 2))]
    taus = [kendall_tau(*per_seed[:n, columns].T) for n, columns in pairs]
    weighted = (60 * taus[0] + 12 * taus[1] + 12 * taus[2]) / 84
    assert abs(weighted - np.mean(taus)) > 0.1
    found = ceiling(per_seed)["single_seed"]
    assert found["value"] == pytest.approx(weighted)
    intervals = [measure("kendall_tau", *per_seed[:n, columns].T) for n, columns in pairs]
    for end in ("low", "high"):
        ends = [interval[end] for interval in intervals]
        assert found[end] == pytest.approx((60 * ends[0] + 12 * ends[1] + 12 * ends[2]) / 84)


@pytest.mark.parametrize("shared", [LEAST - 1, LEAST])
def test_a_pair_of_seeds_counts_from_the_least_number_on(shared, monkeypatch):
    monkeypatch.setattr(ceilings, "_SIMULATED", 1)
    rng = np.random.default_rng(5)
    per_seed = rng.normal(size=(60, 2))
    per_seed[shared:, 1] = np.nan
    found = ceiling(per_seed)["single_seed"]
    if shared < LEAST:
        assert found is None
    else:
        assert found == pytest.approx(measure("kendall_tau", *per_seed[:shared].T))


@pytest.mark.slow
def test_only_what_was_trained_twice_tells_how_seeds_agree():
    """Those trained once are far apart, and would agree in a repetition whatever the noise."""
    rng = np.random.default_rng(7)
    accuracy = np.concatenate([rng.normal(size=300), 10.0 * np.arange(1, 101)])
    per_seed = accuracy[:, None] + rng.normal(size=(400, 2))
    per_seed[300:, 1] = np.nan
    runs = np.repeat([2, 1], [300, 100])

    def measured():
        return accuracy + rng.normal(size=400) / np.sqrt(runs)

    known = np.mean([kendall_tau(measured(), measured()) for _ in range(20)])
    found = [ceiling(per_seed, seed=seed)["seed_mean"] for seed in range(2)]
    assert found[0]["value"] == pytest.approx(known, abs=0.03)
    assert found[0] != found[1]  # the simulation is of the seed


@pytest.mark.slow
def test_rows_without_any_seed_are_left_out():
    rng = np.random.default_rng(1)
    per_seed = rng.normal(size=(60, 1)) + 0.3 * rng.normal(size=(60, 2))
    padded = np.concatenate([per_seed, np.full((5, 2), np.nan)])
    assert ceiling(padded) == ceiling(per_seed)


def test_measurements_without_noise_agree_perfectly():
    found = ceiling(np.repeat(np.arange(30.0)[:, None], 2, axis=1))
    assert values(found) == (1, 1)


@pytest.mark.parametrize("per_seed", [np.empty((40, 0)), np.arange(40.0)[:, None]])
@pytest.mark.filterwarnings("error")
def test_one_measurement_is_compared_with_validation_or_unknown(per_seed):
    rng = np.random.default_rng(2)
    test = np.arange(40.0)
    validation = test + 5 * rng.normal(size=40)
    found = ceiling(per_seed, validation, test)
    assert found["how"] == "validation against test"
    assert found["validation"]["value"] == pytest.approx(kendall_tau(validation, test))
    assert found["single_seed"] is None and found["seed_mean"] is None
    unknown = ceiling(per_seed)
    assert unknown["validation"] is None and "unknown" in unknown["how"]


def test_training_noise_follows_the_accuracy():
    rng = np.random.default_rng(3)
    accuracy, noise = np.arange(600.0), np.repeat([0.0, 0.5, 2.0], 200)
    found = training_noise(accuracy[:, None] + noise[:, None] * rng.normal(size=(600, 3)))
    away_from_steps = np.abs(np.arange(600)[:, None] - [200, 400]).min(axis=1) > 40
    ratio = found[away_from_steps & (noise > 0)] / noise[away_from_steps & (noise > 0)]
    assert (found[:150] == 0).all()
    assert 0.7 < ratio.min() < ratio.max() < 1.3
    assert training_noise(accuracy[:, None]) is None


def test_training_noise_is_pooled_over_the_neighbours_in_mean_accuracy():
    """In any order of rows, with gaps; where no neighbour was trained twice it is that of all."""
    rng, n, half = np.random.default_rng(11), 200, NEIGHBOURS // 2
    per_seed = 10.0 * np.arange(n)[:, None] + rng.normal(size=(n, 3)) * rng.uniform(0, 3, (n, 1))
    per_seed[rng.random(n) < 0.3, 2] = np.nan
    per_seed[120:190, 1:] = np.nan
    runs = np.isfinite(per_seed).sum(axis=1)
    squares = np.nanvar(per_seed, axis=1) * runs
    expected = []
    for row in range(n):
        near = slice(max(row - half, 0), row + half + 1)
        if (runs[near] == 1).all():
            near = slice(None)
        expected.append(math.sqrt(squares[near].sum() / (runs[near] - 1).sum()))
    order = rng.permutation(n)
    assert training_noise(per_seed[order]) == pytest.approx(np.array(expected)[order])


def test_noise_of_an_architecture_trained_once_is_its_neighbours():
    rng = np.random.default_rng(4)
    per_seed = rng.normal(size=(300, 2))
    per_seed[100:200, 1] = np.nan
    assert training_noise(per_seed)[100:200] == pytest.approx(np.ones(100), abs=0.6)
