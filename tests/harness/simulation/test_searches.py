"""Searches beside each other: limits, budgets, what selects, and the regret."""

import json
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from searched import ARCHS, SPACE, options, planted_table

from harness.simulation import simulate as simulation
from harness.simulation.rendering import render
from harness.simulation.searches import EXACT, compare_searches, flat_rows
from harness.simulation.seconds import Seconds
from harness.tabular.locate import find_table
from harness.tabular.table import Table
from methods.search.candidates import Candidates
from methods.search.table_search import SEARCHES
from searchspaces.errors import UsageError
from searchspaces.registry import SPACES


def test_learning_searches_beat_random_search(table):
    chosen = options("random", "rea", "reinforce", reinforce={"lr": 0.1})
    result = compare_searches(table, SPACE, chosen, queries=40, repeats=60)
    last = {name: rows[-1] for name, rows in result["curves"].items()}
    assert list(last) == [EXACT, "random", "rea", "reinforce"]
    for name in ("rea", "reinforce"):
        assert last[name]["selection"] > last[EXACT]["selection"]
    best = table.truth("test").max()
    for row in flat_rows(result):
        assert row["regret"] == pytest.approx(best - row["test"])
        assert (row["moves"], row["selection_split"]) == ("space", "val")
    json.dumps(result, allow_nan=False)


def test_rows_are_means_and_sample_deviations_over_the_repeats(table):
    (chosen,) = options("random").values()
    result = compare_searches(table, SPACE, {"random": chosen}, queries=10, repeats=7, seed=3)
    start = partial(SEARCHES["random"], Candidates(SPACE, table.archs), chosen, 10)
    found = simulation.simulate(start, [simulation.Trainings.of(table)], 10, 7, 3)
    tests = table.truth("test")[found.rows]
    for place, row in enumerate(result["curves"]["random"]):
        assert row["selection"] == pytest.approx(np.mean(found.seen[:, place]))
        assert row["selection_sd"] == pytest.approx(np.std(found.seen[:, place], ddof=1))
        assert row["test"] == pytest.approx(np.mean(tests[:, place]))
        assert row["test_sd"] == row["regret_sd"] == pytest.approx(np.std(tests[:, place], ddof=1))


def test_a_limit_on_multiply_adds_holds_for_all_and_for_the_regret(table):
    result = compare_searches(table, SPACE, options("rea"), queries=20, repeats=5, max_madds=4)
    within = table.madds <= 4e6
    assert result["n_candidates"] == within.sum() == 31
    assert result["best_test"] == table.truth("test")[within].max() < table.truth("test").max()
    assert all(row["regret"] > -1e-9 for row in flat_rows(result))
    for limit, unknown in ((0.5, table), (4, Table(table.meta, ARCHS, table.accuracies))):
        with pytest.raises(UsageError, match="--max-madds"):
            compare_searches(unknown, SPACE, options("rea"), max_madds=limit)


def test_a_limit_on_a_cost_of_the_table_holds_for_all(table):
    latency = np.random.default_rng(0).integers(1, 10, len(table)).astype(float)
    latency[3] = np.nan
    timed = replace(table, costs={"latency_ms": latency}, distinct=True)
    limits = {"cost": "latency_ms", "min_cost": 2.0, "max_cost": 6.0}
    result = compare_searches(timed, SPACE, options("rea"), queries=20, repeats=5, **limits)
    within = (latency >= 2) & (latency <= 6)
    assert result["n_candidates"] == within.sum() < len(table)
    assert result["best_test"] == table.truth("test")[within].max()
    assert "Candidates have a latency_ms of at least 2 and at most 6." in result["notes"]
    assert {row["max_cost"] for row in flat_rows(result)} == {6.0}
    for limit, kept, words in (
        ({"min_cost": 6.0}, latency >= 6, "at least 6"),
        ({"max_cost": 3.0}, latency <= 3, "at most 3"),
    ):
        one = compare_searches(
            timed, SPACE, options("rea"), queries=9, repeats=2, cost="latency_ms", **limit
        )
        assert one["n_candidates"] == kept.sum()
        assert f"Candidates have a latency_ms of {words}." in one["notes"]
    both = compare_searches(
        timed, SPACE, options("rea"), queries=9, repeats=2, max_madds=5, **limits
    )
    assert both["n_candidates"] == (within & (table.madds <= 5e6)).sum()
    with pytest.raises(UsageError, match="no cost 'energy'; it has params, madds, latency_ms"):
        compare_searches(timed, SPACE, options("rea"), cost="energy", max_cost=1.0)
    with pytest.raises(UsageError, match="--cost names what --max-cost and --min-cost limit"):
        compare_searches(timed, SPACE, options("rea"), max_cost=1.0)


def test_searches_that_saw_the_test_say_so_everywhere(table):
    blind = planted_table({"test.5.mean": table.accuracy("test")})
    result = compare_searches(
        blind, SPACE, options("random"), queries=5, repeats=1, test_as_validation=True
    )
    assert {row["selection_split"] for row in flat_rows(result)} == {"test"}
    assert "select by what they are judged by" in result["notes"][0]
    text = render(result)
    assert "TEST accuracy of the incumbent, by which" in text
    assert text.splitlines()[-1].endswith("selected by TEST accuracy")
    assert {row["test_sd"] for row in result["curves"]["random"]} == {None}


def test_options_that_cannot_be_are_refused_before_anything_runs(table, monkeypatch):
    monkeypatch.setattr("harness.simulation.searches.simulate", None)
    chosen = options("random", "rea", rea={"population": 20})
    with pytest.raises(UsageError, match="population of 20"):
        compare_searches(table, SPACE, chosen, queries=20)


def test_what_takes_long_shows_its_progress(table, monkeypatch, capsys):
    def run():
        compare_searches(table, SPACE, options("random"), queries=3, repeats=4)
        return capsys.readouterr().err

    assert run() == ""
    monkeypatch.setattr(simulation, "PATIENCE", -1.0)
    assert "100% 4 of 4" in run()


@pytest.mark.slow
def test_on_nas_bench_201_evolution_beats_random_search(tmp_path, monkeypatch):
    """Means over the seeds are seen; 300 trainings, of 15,625, on the first 40 repeats."""
    monkeypatch.setenv("NAS_HARNESS_HOME", str(tmp_path))
    space = SPACES["nb201"]("benchmark")
    table = find_table("nb201", "benchmark", "cifar10")
    result = compare_searches(table, space, options("random", "rea", "reinforce"), repeats=40)
    last = {name: rows[-1] for name, rows in result["curves"].items()}
    assert last[EXACT]["test"] == pytest.approx(93.96, abs=0.01)
    assert last["random"]["test"] == pytest.approx(93.96, abs=4 * last[EXACT]["test_sd"] / 40**0.5)
    assert 94.15 < last["rea"]["test"] < 94.37
    assert last[EXACT]["test"] < last["reinforce"]["test"] < last["rea"]["test"]


def test_a_signal_and_the_test_exclude_each_other(published):
    space, table = published("cifar10")
    with pytest.raises(UsageError, match="leave out --test-as-validation"):
        compare_searches(table, space, options("random"), signal="val.12", test_as_validation=True)


def test_what_is_found_has_the_accuracies_of_one_row(published):
    """Validation after 12 epochs, which selects; validation and test after 200."""
    space, table = published("cifar100")
    names = "random", "reinforce"
    result = compare_searches(
        table, space, options(*names), repeats=1, signal="val.12", budget_seconds=20_000
    )
    truth = table.accuracy("val", 12), table.accuracy("val"), table.truth("test")
    for name in names:
        for row in result["curves"][name]:
            found = row["selection"], row["val"], row["test"]
            same = [np.isclose(t, f, atol=1e-9) for t, f in zip(truth, found, strict=True)]
            assert np.logical_and.reduce(same).any() and row["val_sd"] is None
    usual = compare_searches(table, space, options("random"), repeats=1, queries=5)
    assert "val" not in usual["curves"]["random"][-1]


def test_candidates_of_a_limit_are_all_that_a_budget_counts(published):
    space, table = published("cifar10")
    small = table.madds <= 20e6
    result = compare_searches(
        table,
        space,
        options("random"),
        repeats=2,
        max_madds=20,
        budget_seconds=1500,
        signal="val.12",
    )
    each = Seconds.estimated(table, 12).each[Candidates(space, table.archs, small).rows]
    assert 1500 / each.max() - 1 <= result["curves"]["random"][-1]["queries"] <= 1500 / each.min()
