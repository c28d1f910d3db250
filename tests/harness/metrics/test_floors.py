"""Floors against scipy and against random orders."""

from itertools import permutations

import numpy as np
import pytest
from scipy import stats

from harness.metrics.floors import floors


def test_sizes_are_ranked_as_scores():
    rng = np.random.default_rng(0)
    params, madds = rng.integers(0, 20, (2, 90))
    truth = np.round(params + 5 * rng.normal(size=90))
    found = floors(truth, params, madds)
    for name, size in (("params", params), ("flops", madds)):
        assert found[name]["value"] == pytest.approx(stats.kendalltau(size, truth).statistic)
        assert found[name]["low"] < found[name]["value"] < found[name]["high"]


def test_unknown_sizes_and_a_constant_truth_are_undefined():
    empty = {"value": None, "low": None, "high": None, "n": 30}
    found = floors(np.arange(30.0), None, None)
    assert found["params"] == found["flops"] == empty
    assert floors(np.ones(30), np.arange(30), None)["random"] == empty


@pytest.mark.parametrize("ties", [1, 8])
def test_the_random_floor_holds_95_percent_of_random_orders(ties):
    rng = np.random.default_rng(1)
    truth = np.repeat(np.arange(80 // ties), ties).astype(float)
    random = floors(truth, None, None)["random"]
    drawn = [stats.kendalltau(rng.random(80), truth).statistic for _ in range(1500)]
    inside = np.mean([random["low"] <= tau <= random["high"] for tau in drawn])
    assert random["value"] == 0
    assert inside == pytest.approx(0.95, abs=0.02)


@pytest.mark.parametrize("truth", [[1, 2, 3, 4, 5, 6], [1, 1, 1, 1, 2, 3], [1, 1, 2, 2, 3, 3]])
def test_the_random_floor_has_the_spread_of_all_orders(truth):
    truth = np.array(truth, float)
    drawn = [stats.kendalltau(order, truth).statistic for order in permutations(range(6))]
    random = floors(truth, None, None)["random"]
    assert random["high"] == -random["low"] == pytest.approx(min(1.96 * np.std(drawn), 1))
