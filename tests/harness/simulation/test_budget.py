"""Searches within a budget of seconds: what a training takes, when they end, what is published."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tables import made_meta

from harness.commands.search import main, parse
from harness.simulation.published import PUBLISHED, beside
from harness.simulation.rendering import render
from harness.simulation.searches import compare_searches, flat_rows
from harness.simulation.seconds import IMAGES, TIMED, Seconds
from harness.simulation.simulate import Budget, Trainings, simulate
from harness.tabular.ground_truth import space_with_table
from harness.tabular.table import Table
from methods.search.candidates import Candidates
from methods.search.table_search import SEARCHES, TableSearch
from searchspaces.errors import UsageError

BOTH = pytest.mark.parametrize("task", IMAGES)


@pytest.fixture(scope="module")
def published():
    """Space and packaged table of NAS-Bench-201 on a task."""
    return lambda task: space_with_table("nb201", task)


def options(*names, **values):
    return {name: SEARCHES[name].Options(**values.get(name, {})) for name in names}


# What a training takes -----------------------------------------------------------------------


@pytest.mark.parametrize("timed", TIMED)
def test_the_two_timed_architectures_take_what_is_in_print(published, timed):
    _, table = published("cifar10")
    (row,) = table.index([timed.arch])
    assert table.madds[row] == round(timed.millions * 1e6)
    for epochs in (1, 12, 200):
        seconds = Seconds.estimated(table, epochs)
        assert seconds.each[row] == pytest.approx(epochs * timed.training + timed.validation)
        assert "ESTIMATED" in seconds.source and f"{seconds.each.mean():.0f}" in seconds.source


def test_a_third_architecture_in_print_is_estimated_to_a_fifth(published):
    """The table's best: 28.797 seconds a pass over 50,000 images, printed by a third project."""
    _, table = published("cifar10")
    row = int(table.truth("test").argmax())
    pass_ = Seconds.estimated(table, 2).each[row] - Seconds.estimated(table, 1).each[row]
    assert 2 * pass_ == pytest.approx(28.797, rel=0.2)


@BOTH
def test_more_multiply_adds_take_longer_and_equal_ones_as_long(published, task):
    _, table = published(task)
    each = Seconds.estimated(table, 12).each
    order = np.lexsort((each, table.madds))
    same = np.diff(table.madds[order]) == 0
    steps = np.diff(each[order])
    assert each.min() > 0 and (steps[same] == 0).all() and (steps[~same] > 0).all()


def test_times_are_never_made_up_for_other_tables(published):
    _, digits = published("digits")
    cifar = published("cifar10")[1]
    for table in (digits, Table(cifar.meta, cifar.archs, cifar.accuracies)):
        with pytest.raises(UsageError, match="--queries instead of --budget-seconds"):
            Seconds.estimated(table, 12)


# When searches end ---------------------------------------------------------------------------


class InOrder(TableSearch):
    """Asks for row 0, 1, 2, ... and again from the first."""

    def __init__(self, costs):
        self.next, self.count = 0, len(costs)

    def ask(self):
        row, self.next = self.next, (self.next + 1) % self.count
        return row


@settings(max_examples=200)
@given(
    st.lists(st.tuples(st.integers(1, 9), st.integers(0, 5)), min_size=1, max_size=6),
    st.integers(0, 60),
)
def test_a_search_makes_the_trainings_that_its_seconds_pay_for(rows, more):
    costs = np.array([float(cost) for cost, _ in rows])
    accuracy = np.array([[float(shown)] for _, shown in rows])
    trainings = Trainings("val", 12, accuracy, np.ones(len(rows), dtype=int))
    budget = Budget(Seconds(costs, ""), float(costs.max()) + more)
    everything = np.arange(len(rows))
    points, most = budget.points(everything), budget.most_queries(everything)
    found = simulate(lambda rng: InOrder(costs), trainings, most, 2, 0, "", budget, points)
    assert points[-1] == budget.total and (np.diff(points) > 0).all()
    for column, point in enumerate(points):
        spent, made = 0.0, []
        while spent + costs[len(made) % len(rows)] <= point:
            spent += costs[len(made) % len(rows)]
            made.append(len(made) % len(rows))
        best = max(made, key=lambda row: accuracy[row, 0])  # the first of equals
        assert (found.made[:, column] == len(made)).all()
        assert (found.rows[:, column] == best).all()
        assert (found.seen[:, column] == accuracy[best, 0]).all()


def test_a_budget_below_one_training_is_refused():
    budget = Budget(Seconds(np.array([5.0, 9.0]), ""), 8.0)
    with pytest.raises(UsageError, match="raise --budget-seconds"):
        budget.most_queries(np.arange(2))
    assert budget.most_queries(np.array([0])) == 1


# What they see -------------------------------------------------------------------------------


def test_the_signal_is_the_column_that_it_names(published):
    _, table = published("cifar10")
    early = Trainings.signalled(table, "val.12")
    assert (early.split, early.epochs, early.signal) == ("val", 12, "val.12")
    assert (early.runs[:, 0] == table.accuracy("val", 12)).all() and (early.counts == 1).all()
    late = Trainings.signalled(table, "val.200")
    assert (late.runs == Trainings.of(table).runs).all() and (late.runs != early.runs).any()


@pytest.mark.parametrize("wrong", ["val", "test.12", "val.0", "val.12.mean", "12", "val.13"])
def test_an_unknown_signal_is_refused_with_those_there_are(published, wrong):
    with pytest.raises(UsageError, match=r"val\.200 and val\.12|val\.12 and val\.200"):
        Trainings.signalled(published("cifar10")[1], wrong)


def test_a_signal_with_gaps_is_refused():
    columns = {"val.5.mean": np.ones(2), "val.1.mean": np.array([1.0, np.nan])}
    table = Table(made_meta(space="planted", scale="toy"), ["0000", "0001"], columns)
    with pytest.raises(UsageError, match="row 1 of the table .* after 1 epochs"):
        Trainings.signalled(table, "val.1")


def test_a_signal_and_the_test_exclude_each_other(published):
    space, table = published("cifar10")
    with pytest.raises(UsageError, match="leave out --test-as-validation"):
        compare_searches(table, space, options("random"), signal="val.12", test_as_validation=True)


# What the authors of NAS-Bench-201 report ------------------------------------------------------


@pytest.fixture(scope="module")
def protocol(published):
    """The protocol of NAS-Bench-201's authors, 200 searches each."""
    space, table = published("cifar10")
    chosen = options("random", "rea", "reinforce", rea={"population": 10, "sample": 3})
    return compare_searches(
        table, space, chosen, repeats=200, signal="val.12", budget_seconds=12_000
    )


def test_random_search_and_evolution_find_what_is_published(protocol):
    """Random search has nothing to tune: it tells whether seconds are estimated well."""
    last = {name: rows[-1] for name, rows in protocol["curves"].items()}
    printed = protocol["published"]["searches"]
    assert printed["rea"] == {"test": 93.92, "test_sd": 0.30}
    for name, row in last.items():
        assert row["seconds"] == 12_000 and 100 < row["queries"] < 115
        assert row["test"] == pytest.approx(printed[name]["test"], abs=0.15)
        assert row["test_sd"] == pytest.approx(printed[name]["test_sd"], abs=0.2)  # long tails
    assert last["rea"]["test"] > last["random"]["test"] + 0.1


def test_the_text_has_both_beside_each_other_and_says_what_is_estimated(protocol):
    text = render(protocol)
    beside_each_other = next(line for line in text.splitlines() if line.startswith("rea   "))
    ours = protocol["curves"]["rea"][-1]
    assert beside_each_other.split("  ")[-1].strip() == "93.92 ± 0.30"
    assert f"{ours['test']:.2f} ± {ours['test_sd']:.2f}" in beside_each_other
    assert "ESTIMATED" in text and "NAS-Bench-201, ICLR 2020" in text
    assert "validation (12 epochs) accuracy of the incumbent" in text
    assert text.splitlines()[-1].endswith("queries on average")
    assert json.loads(json.dumps(protocol, allow_nan=False)) == protocol
    assert {row["signal"] for row in flat_rows(protocol)} == {"val.12"}


@pytest.mark.parametrize(
    "change",
    [
        {"signal": "val.200"},
        {"budget_seconds": 20_000},
        {"truth": "cifar10-valid"},
        {"max_madds": 100.0},
        {"options": {"rea": {"population": 100, "sample": 10}}},
    ],
)
def test_what_another_protocol_found_stands_beside_nothing(protocol, change):
    assert beside(protocol) == protocol["published"]
    assert beside(protocol | change) == {}


def test_a_budget_brings_the_options_of_the_authors_and_any_can_be_given():
    (known,) = PUBLISHED
    _, found = parse(["--budget-seconds", "12000"])
    assert (found["rea"].population, found["rea"].sample) == (10, 3)
    _, found = parse(["--budget-seconds", "12000", "--rea.sample", "5"])
    assert (found["rea"].population, found["rea"].sample) == (10, 5)
    assert parse([])[1] == options(*SEARCHES)
    assert list(known.tests) == list(SEARCHES)
    with pytest.raises(UsageError, match="--budget-seconds"):
        parse(["--budget-seconds", "-1"])


def test_the_command_simulates_within_seconds(capsys):
    main(
        [
            "--task",
            "cifar10",
            "--method",
            "rea",
            "--signal",
            "val.12",
            "--budget-seconds",
            "2000",
            "--repeats",
            "3",
            "--json",
        ]
    )
    result = json.loads(capsys.readouterr().out)
    assert (result["signal"], result["budget_seconds"], result["queries"]) == ("val.12", 2000, None)
    assert result["options"]["rea"] == {"population": 10, "sample": 3}
    assert [row["seconds"] for row in result["curves"]["rea"]] == [200, 500, 1000, 2000]
    assert result["published"] == {}


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
