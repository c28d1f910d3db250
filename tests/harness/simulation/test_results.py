"""Results of simulated searches: every part that is no curve, rows for a file, and the text."""

import math

import numpy as np
import pytest
from searched import SPACE, options, planted_table

from harness.simulation import searches
from harness.simulation.published import PUBLISHED, WITHIN_SECONDS
from harness.simulation.rendering import render
from harness.simulation.searches import EXACT, compare_searches, flat_rows
from harness.simulation.seconds import TIMED, Seconds


def test_a_result_says_what_was_searched_and_how(table):
    chosen = options("random", "rea", rea={"sample": 7})
    result = compare_searches(table, SPACE, chosen, queries=20, repeats=5, max_madds=5, seed=4)
    exact, found = (result["curves"][name][-1] for name in (EXACT, "random"))
    notes = [
        "The table has the whole space (81): moves are the space's own.",
        "Candidates have at most 5 million multiply-adds.",
        "Every query is a training and counts, also of what was trained before; it shows one of up "
        "to 3 seeds, drawn anew.",
        f"Random search is {found['test'] - exact['test']:+.3f} from its exact mean, whose "
        f"standard error is {exact['test_sd'] / math.sqrt(5):.3f}.",
    ]
    within = table.madds <= 5e6
    assert {name: value for name, value in result.items() if name != "curves"} == {
        "space": "planted",
        "scale": "toy",
        "task": "digits",
        "table": table.meta.identity,
        "truth": "digits",
        "epochs": 5,
        "n_table": 81,
        "n_space": 81,
        "n_candidates": within.sum(),
        "moves": "space",
        "selection_split": "val",
        "signal": "val.5",
        "lengths": [5],
        "trainings": 3,
        "best_test": table.truth("test")[within].max(),
        "max_madds": 5,
        "cost": "",
        "max_cost": 0.0,
        "min_cost": 0.0,
        "queries": 20,
        "budget_seconds": 0.0,
        "seconds_source": None,
        "repeats": 5,
        "seed": 4,
        "options": {"random": {}, "rea": {"population": 0, "sample": 7}},
        "published": {},
        "notes": notes,
    }
    assert list(result["curves"]) == [EXACT, "random", "rea"]
    assert [row["queries"] for row in result["curves"][EXACT]] == [1, 2, 5, 10, 20]


def test_a_part_of_a_space_and_a_signal_of_means_are_noted(table):
    some = planted_table(
        {f"val.{epochs}.mean": table.accuracy("val")[:40] - epochs / 9 for epochs in (2, 5)}
        | {"test.5.mean": table.accuracy("test")[:40]},
        table.archs[:40],
    )
    result = compare_searches(some, SPACE, options("rea"), queries=9, repeats=2, signal="val.2")
    assert (result["moves"], result["trainings"], result["signal"]) == ("table", 1, "val.2")
    assert result["notes"] == [
        "The table has 40 of 81 architectures: searches stay among them. A mutation is one of the "
        "nearest in genes; REINFORCE's probabilities are renormalised.",
        "Every query is a training and counts, also of what was trained before; it shows the mean "
        "of the seeds.",
    ]
    for row in result["curves"]["rea"]:  # both validations differ by 3/9 for each architecture
        assert row["val"] == pytest.approx(row["selection"] - 3 / 9)
        assert row["val_sd"] == pytest.approx(row["selection_sd"])


def test_rows_of_a_file_have_the_context(table, monkeypatch):
    costs = {"cost": "params", "min_cost": 1e6, "max_cost": 6e6}
    result = compare_searches(
        table, SPACE, options("random"), queries=5, repeats=2, seed=3, **costs
    )
    rows = flat_rows(result)
    names = (
        *[
            "space",
            "scale",
            "task",
            "table",
            "truth",
            "epochs",
            "selection_split",
            "signal",
            "budget_seconds",
        ],
    )
    names += (
        *["moves", "n_candidates", "max_madds", "cost", "max_cost", "min_cost", "repeats", "seed"],
    )
    context = {name: result[name] for name in names}
    curves = result["curves"]
    assert rows == [
        {"method": name} | row | context for name in (EXACT, "random") for row in curves[name]
    ]
    plain = compare_searches(table, SPACE, options("random"), queries=5, repeats=2)
    assert not {"cost", "max_cost", "min_cost"} & flat_rows(plain)[0].keys()


def row(place, number, deviation=True):
    names = ("selection", "test", "regret")
    values = {name: number + plus for name, plus in zip(names, (0.25, 0.5, 0.75), strict=True)}
    deviations = {f"{name}_sd": value / 10 if deviation else None for name, value in values.items()}
    return place | values | deviations


def made(timed, **changes):
    places = [{"seconds": 1000.0, "queries": 10.25}, {"seconds": 12000.0, "queries": 107.75}]
    places = places if timed else [{"queries": 1}, {"queries": 3000}]
    return {
        "space": "toy",
        "task": "flowers",
        "epochs": 200,
        "n_candidates": 15625,
        "repeats": 1500,
        "seed": 7,
        "selection_split": "val",
        "signal": "val.12",
        "best_test": 94.375,
        "curves": {
            "random": [row(place, 10 * n) for n, place in enumerate(places, start=1)],
            "rea": [row(place, 10 * n + 50, False) for n, place in enumerate(places, start=1)],
        },
        "published": {"searches": {"random": {"test": 93.7, "test_sd": 0.36}}} if timed else {},
        "notes": ["A note."],
    } | changes


@pytest.mark.parametrize("timed", [False, True])
def test_the_text_has_every_number_in_its_place(timed):
    lines = [" ".join(line.split()) for line in render(made(timed)).splitlines()]
    place, first, last = ("seconds", "1,000", "12,000") if timed else ("queries", "1", "3,000")
    effort = "12,000 seconds, 107.8 queries on average" if timed else "3,000 queries"
    published = ["", "test accuracy found, and published", "simulated published"]
    published += ["random 20.50 ± 2.05 93.70 ± 0.36"]
    assert lines == [
        "15,625 architectures of toy on flowers, 200 epochs; mean ± sd over 1,500 repeats, seed 7",
        "",
        "validation (12 epochs) accuracy of the incumbent, by which it was selected",
        f"{place} random rea",
        f"{first} 10.25 ± 1.02 60.25",
        f"{last} 20.25 ± 2.02 70.25",
        "",
        "test accuracy of the incumbent",
        f"{place} random rea",
        f"{first} 10.50 ± 1.05 60.50",
        f"{last} 20.50 ± 2.05 70.50",
        "",
        "regret: points behind the best test accuracy, 94.38",
        f"{place} random rea",
        f"{first} 10.75 ± 1.07 60.75",
        f"{last} 20.75 ± 2.08 70.75",
        *(published if timed else []),
        "",
        "note A note.",
        f"random: test 20.50 ± 2.05, regret 20.75 after {effort}",
        f"rea: test 70.50, regret 70.75 after {effort}",
    ]


def test_the_text_names_what_selected():
    usual = render(made(False, signal="val.200")).splitlines()
    assert usual[2] == "validation accuracy of the incumbent, by which it was selected"
    seen = render(made(False, selection_split="test", signal="test.200")).splitlines()
    assert seen[2] == "TEST accuracy of the incumbent, by which it was selected"
    assert seen[-1].endswith("after 3,000 queries, selected by TEST accuracy")


def test_what_is_published_is_as_printed():
    """NAS-Bench-201, Table 5 (ICLR 2020)."""
    (published,) = PUBLISHED
    assert published.tests == {
        "random": (93.70, 0.36),
        "rea": (93.92, 0.30),
        "reinforce": (93.85, 0.37),
    }
    assert WITHIN_SECONDS == {"rea": {"population": 10, "sample": 3}}


@pytest.mark.parametrize(
    ("task", "training", "validation"),
    [("cifar10", 1, 1), ("cifar100", 2, 1 / 5), ("imagenet16-120", 151_700 / 25_000, 3 / 25)],
)
def test_other_data_sets_take_as_long_for_each_image(published, task, training, validation):
    _, table = published(task)
    found = Seconds.estimated(table, 12)
    slow, fast = TIMED[1], TIMED[0]
    for row in (5, 7000):
        share = (table.madds[row] / 1e6 - fast.millions) / (slow.millions - fast.millions)
        one = fast.training + share * (slow.training - fast.training)
        other = fast.validation + share * (slow.validation - fast.validation)
        assert found.each[row] == pytest.approx(12 * training * one + validation * other)
    assert f"12 passes over {round(25_000 * training):,} images" in found.source
    assert f"one over {round(25_000 * validation):,} for validation" in found.source


def test_seconds_are_of_the_epochs_that_searches_see(published, monkeypatch):
    space, table = published("cifar10")
    asked = []

    def estimated(table, epochs):
        asked.append(epochs)
        return Seconds(np.full(len(table), 100.0), "As told.")

    monkeypatch.setattr(searches.Seconds, "estimated", estimated)
    how = {"repeats": 1, "signal": "val.12", "budget_seconds": 500.0}
    result = compare_searches(table, space, options("random"), **how)
    assert asked == [12] and list(result["curves"]) == ["random"]
    assert [r["queries"] for r in result["curves"]["random"]] == [1, 2, 5]
    assert [r["seconds"] for r in result["curves"]["random"]] == [100, 200, 500]
    assert (result["queries"], result["seconds_source"]) == (None, "As told.")
    assert result["notes"][1:3] == [
        "As told.",
        "A training that would go beyond the budget is not made.",
    ]
