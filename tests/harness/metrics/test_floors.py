"""Floors against scipy and against random orders."""

from itertools import permutations

import numpy as np
import pytest
from scipy import stats
from tables import made_meta

from harness.metrics.floors import alike, best_floor, floor_label, floor_scores, floors
from harness.tabular.locate import find_table
from harness.tabular.table import Table


def test_sizes_are_ranked_as_scores():
    rng = np.random.default_rng(0)
    params, madds = rng.integers(0, 20, (2, 90))
    truth = np.round(params + 5 * rng.normal(size=90))
    found = floors(truth, {"params": params.astype(float), "flops": madds.astype(float)})
    for name, size in (("params", params), ("flops", madds)):
        assert found[name]["value"] == pytest.approx(stats.kendalltau(size, truth).statistic)
        assert found[name]["low"] < found[name]["value"] < found[name]["high"]


@pytest.mark.parametrize(
    ("values", "best"),
    [
        ({"params": -0.2, "flops": None, "random": 0.0}, "random"),
        ({"params": 0.2, "flops": 0.3, "random": 0.0}, "flops"),
        ({"params": None}, None),
    ],
)
def test_the_best_floor_is_the_highest_that_is_known(values, best):
    assert best_floor({name: {"value": value} for name, value in values.items()}) == best


def test_unknown_sizes_and_a_constant_truth_are_undefined():
    empty = {"value": None, "low": None, "high": None, "n": 30}
    found = floors(np.arange(30.0), {"params": None, "flops": None})
    assert found["params"] == found["flops"] == empty
    assert floors(np.ones(30), {"params": np.arange(30.0)})["random"] == empty


@pytest.mark.parametrize("ties", [1, 8])
def test_the_random_floor_holds_95_percent_of_random_orders(ties):
    rng = np.random.default_rng(1)
    truth = np.repeat(np.arange(80 // ties), ties).astype(float)
    random = floors(truth, {})["random"]
    drawn = [stats.kendalltau(rng.random(80), truth).statistic for _ in range(1500)]
    inside = np.mean([random["low"] <= tau <= random["high"] for tau in drawn])
    assert random["value"] == 0
    assert inside == pytest.approx(0.95, abs=0.02)


@pytest.mark.parametrize("truth", [[1, 2, 3, 4, 5, 6], [1, 1, 1, 1, 2, 3], [1, 1, 2, 2, 3, 3]])
def test_the_random_floor_has_the_spread_of_all_orders(truth):
    truth = np.array(truth, float)
    drawn = [stats.kendalltau(order, truth).statistic for order in permutations(range(6))]
    random = floors(truth, {})["random"]
    assert random["high"] == -random["low"] == pytest.approx(min(1.96 * np.std(drawn), 1))


def test_of_a_handful_no_floor_has_an_interval():
    for n, there in ((2, False), (4, False), (5, True)):
        found = floors(np.arange(float(n)), {"params": np.sin(np.arange(float(n)))})
        assert {key: own["low"] is not None for key, own in found.items()} == {
            "params": there, "random": there
        }  # fmt: skip
        assert found["random"]["value"] == 0 and found["random"]["n"] == n


def test_short_trainings_of_the_table_are_a_floor_where_it_has_them_of_all_rows():
    rng = np.random.default_rng(2)
    truth, short = rng.uniform(20, 90, (2, 40))
    other = np.where(np.arange(40) < 10, np.nan, short)
    table = Table(
        made_meta(epochs=200),
        [str(row) for row in range(40)],
        {
            "test.200.mean": truth,
            "val.200.mean": truth,
            "val.12.mean": short,
            "val.50.mean": other,
            "test.4.mean": truth,
            "cifar10-valid:test.12.mean": truth,
        },
        madds=np.arange(40),
    )
    rows = np.array([30, 3, 17, 11])
    found = floor_scores(table, rows)
    assert list(found) == ["params", "flops", "epochs-12"]
    assert found["params"] is None and found["flops"].tolist() == rows.tolist()
    assert found["epochs-12"].tolist() == short[rows].tolist()
    assert "epochs-50" in floor_scores(table, np.array([30, 12]))
    assert floor_label("epochs-12") == "12 epochs" and floor_label("params") == "parameters"


def test_the_floors_of_the_real_tables_have_twelve_epochs_and_the_best_proxy():
    table = find_table("nb201", "benchmark", "cifar10")
    rows = np.arange(0, len(table), 50)
    found = floors(table.truth("test")[rows], floor_scores(table, rows))
    assert list(found) == ["params", "flops", "epochs-12", "proxy-az-nas", "random"]
    assert found["proxy-az-nas"]["value"] > found["epochs-12"]["value"]
    tau = stats.kendalltau(table.accuracy("val", 12)[rows], table.truth("test")[rows]).statistic
    assert found["epochs-12"]["value"] == pytest.approx(tau) and tau > found["params"]["value"]


def test_who_is_alike_has_the_very_order():
    score = np.array([1.0, 2.0, 0.0, 4.0, 3.0])
    floors = {
        "params": np.array([10, 20, 0, 40, 30]),
        "flops": np.array([1, 0, 4, 2, 3]),  # the same τ with 0..4, and no spread of the difference
        "epochs-12": np.array([1.0, 2.0, 0.0, 4.0, 4.0]),
        "proxy-x": None,
    }
    assert alike(score, floors) == ["params"]
    assert alike(-score, floors) == []
