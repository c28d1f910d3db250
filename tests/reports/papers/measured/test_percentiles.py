"""Printed values among all architectures of a table, and beside random search."""

import numpy as np
import pytest
from tables import made_meta

from harness.tabular.table import Table
from reports.papers.definition.item import Column, Search, Truth
from reports.papers.definition.printed import Printed
from reports.papers.measured.percentiles import place
from reports.papers.measured.truths import Missing, Truths

TEST, VAL = (Truth("nb201", "digits", split) for split in ("test", "val"))


@pytest.fixture
def placed(data):
    truths = Truths(data)

    def call(text, truth=TEST, better="higher"):
        return place(Printed.parse(text), Column("a", "A", better=better, truth=truth), truths)

    return call


def test_the_percentile_counts_the_architectures_that_are_worse(placed, truth):
    accuracies = np.round(truth.accuracy("test"), 2)
    value = float(np.sort(accuracies)[40])
    found = placed(f"{value:.2f}")
    assert found.percentile == pytest.approx(100 * np.mean(accuracies < value))
    assert (found.architectures, found.table) == (64, "nb201-compact-digits")
    assert (found.split, found.selected_by) == ("test", "val")
    assert found.best == pytest.approx(accuracies.max())
    assert placed("90", VAL).split == "val"
    assert found.beyond == ()


def test_comparisons_are_at_the_printed_precision(placed, truth):
    best = truth.accuracy("test").max()
    rounded = np.round(truth.accuracy("test"), 1)
    tenth = float(np.sort(rounded)[40])
    assert placed(f"{tenth:.1f}").percentile == pytest.approx(100 * np.mean(rounded < tenth))
    assert placed(f"{best:.0f}").beyond == ()
    above = np.round(best, 2) + 0.01
    assert placed(f"{above:.2f}").beyond == (pytest.approx(above),)
    assert placed(f"90.00 ± 0.10 ({above:.2f})").beyond == (pytest.approx(above),)


@pytest.mark.parametrize("split", [TEST, VAL])
def test_random_search_reaches_it_with_so_many_trainings(placed, truth, split):
    """Against searches drawn at random, around the number of trainings that is found."""
    rng = np.random.default_rng(1)
    target = float(np.quantile(truth.accuracy(split.split), 0.9))
    draws = placed(f"{target:.2f}", split).draws
    seen = np.stack([truth.accuracy("val", seed=seed) for seed in range(3)], 1)

    def reached(number):
        rows = rng.integers(64, size=(20_000, number))
        values = seen[rows, rng.integers(3, size=rows.shape)]
        best = values.argmax(axis=1)
        chosen = rows[np.arange(len(rows)), best]
        shown = truth.accuracy("test")[chosen] if split is TEST else values.max(axis=1)
        return shown.mean()

    assert draws > 2
    noise = 0.05
    assert reached(draws) > round(target, 2) - noise
    assert reached(draws - 2) < round(target, 2) + noise


def test_exactly_as_good_is_reached(tmp_path, truth):
    """Half of the trainings give 80, half 90: the best of n is 90 - 10 / 2^n on average."""
    halves = np.array([80.0, 90.0] * 32)
    columns = {f"{split}.{seed}": halves for split in ("val.5", "test.5") for seed in (0, "mean")}
    resolution = {"val": 0.01, "test": 0.01}
    table = Table(made_meta(scale="compact", resolution=resolution), truth.archs, columns)
    table.save(tmp_path / "halves" / "table.parquet")
    for printed, draws in (("85", 1), ("87.5", 2), ("88.75", 3), ("88.76", 4), ("89.375", 4)):
        found = place(
            Printed.parse(printed), Column("a", "A", truth=TEST), Truths(tmp_path / "halves")
        )
        assert found.draws == draws, printed


def test_without_validation_accuracies_searches_select_by_test_ones(tmp_path, truth):
    columns = {name: values for name, values in truth.accuracies.items() if name[:4] == "test"}
    Table(made_meta(scale="compact"), truth.archs, columns).save(tmp_path / "own" / "table.parquet")
    truths = Truths(tmp_path / "own")
    assert place(Printed.parse("80"), Column("a", "A", truth=TEST), truths).selected_by == "test"
    assert not truths.has_validation(TEST)
    found = truths.simulation(Search("rea", queries=6, repeats=2), TEST)
    assert found["selection_split"] == "test"


def test_what_random_search_does_not_reach_has_no_number(placed):
    found = placed("99.99")
    assert (found.draws, found.percentile) == (None, 100)


def test_errors_are_placed_as_accuracies(placed):
    error, accuracy = placed("9.25", better="lower"), placed("90.75")
    assert error.percentile == accuracy.percentile
    assert error.draws == accuracy.draws
    assert error.best == pytest.approx(100 - accuracy.best)
    assert placed("0.01", better="lower").beyond == (0.01,)


def test_nothing_printed_has_no_place_and_no_table_says_so(data):
    column = Column("a", "A", truth=Truth("nb201", "cifar10"))
    assert place(Printed.parse("-"), column, Truths(data)) is None
    assert place(Printed.parse("9"), Column("a", "A"), Truths(data)) is None
    with pytest.raises(Missing, match="^there is no ground truth table nb201-benchmark-cifar10; `"):
        place(Printed.parse("9"), column, Truths(data))
