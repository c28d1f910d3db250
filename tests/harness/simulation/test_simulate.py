"""Simulated searches: what trainings reveal, curves, the closed form, budgets of seconds."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from searched import ARCHS, SPACE, planted_table
from tables import made_meta

from harness.simulation.budget import Budget, checkpoints
from harness.simulation.simulate import Trainings, best_of_random, simulate
from harness.tabular.table import Table
from methods.search.candidates import Candidates
from methods.search.random_search import RandomSearch
from methods.search.table_search import SEARCHES, NoOptions, TableSearch
from searchspaces.errors import UsageError

ROWS = np.arange(len(ARCHS))
NAN = float("nan")


def test_trainings_are_the_seeds_that_were_run_or_else_the_mean():
    columns = {
        "val.5.0": np.array([1.0, NAN, NAN]),
        "val.5.1": np.array([2.0, 3.0, NAN]),
        "val.5.mean": np.array([1.5, 3.0, 4.0]),
    }
    trainings = Trainings.of(planted_table(columns, ARCHS[:3]))
    luck = np.linspace(0, 1, 50, endpoint=False)
    seen = [{trainings.reveal(row, u) for u in luck} for row in range(3)]
    assert seen == [{1.0, 2.0}, {3.0}, {4.0}]
    only_mean = Trainings.of(planted_table({"val.5.mean": columns["val.5.mean"]}, ARCHS[:3]))
    assert only_mean.reveal(1, 1 - 2**-53) == 3.0
    with pytest.raises(UsageError, match="--test-as-validation"):
        Trainings.of(planted_table({"test.5.mean": columns["val.5.mean"]}, ARCHS[:3]))


def test_a_repeat_is_a_function_of_its_number_and_the_seed():
    rng = np.random.default_rng(0)
    columns = {f"val.5.{seed}": rng.uniform(10, 90, len(ARCHS)) for seed in (0, 1, "mean")}
    table = planted_table(columns)

    def seen(repeats, seed):
        candidates = Candidates(SPACE, table.archs)
        start = lambda rng: RandomSearch(candidates, NoOptions(), 8, rng)  # noqa: E731
        return simulate(start, [Trainings.of(table)], 8, repeats, seed).seen.tolist()

    first = seen(6, 3)
    assert seen(4, 3) == first[:4]
    drawn = [*first, *seen(6, 4)]
    assert len({tuple(curve) for curve in drawn}) == 12


@pytest.mark.slow
@given(st.integers(1, 10**6))
def test_checkpoints_rise_to_the_last_query(queries):
    points = checkpoints(queries).tolist()
    assert points[-1] == queries and points == sorted(set(points))
    assert all(str(point).rstrip("0") in ("1", "2", "5") for point in points[:-1])


def test_checkpoints_as_people_read_them():
    assert checkpoints(300).tolist() == [1, 2, 5, 10, 20, 50, 100, 200, 300]


accuracies = st.integers(0, 4).map(float)


@given(
    st.lists(st.lists(accuracies, min_size=1, max_size=3), min_size=1, max_size=3),
    st.lists(accuracies, min_size=4, max_size=4),
    st.integers(1, 3),
)
def test_the_closed_form_is_the_mean_over_all_sequences(runs, truth, draws):
    # A row without candidate stands in front: candidates need not be the whole table.
    width = max(map(len, runs))
    padded = np.array([[0.0] * width, *(r + [NAN] * (width - len(r)) for r in runs)])
    counts = np.array([width, *map(len, runs)])
    rows, truth = np.arange(1, len(runs) + 1), np.array(truth)
    single = [
        (seen, truth[row], 1 / (len(runs) * len(run)))
        for row, run in zip(rows, runs, strict=True)
        for seen in run
    ]
    chances, found = [], []
    for sequence in itertools.product(single, repeat=draws):
        chances.append(np.prod([chance for *_, chance in sequence]))
        found.append(max(sequence, key=lambda training: training[0])[:2])  # the first of equals
    mean = np.average(found, axis=0, weights=chances)
    sd = np.sqrt(np.average((np.array(found) - mean) ** 2, axis=0, weights=chances))
    (exact,) = best_of_random(Trainings("val", 5, padded, counts), rows, truth, [draws])
    np.testing.assert_allclose(exact, [mean[0], sd[0], mean[1], sd[1]], atol=1e-7)


def test_random_search_has_the_mean_of_the_closed_form(table):
    trainings, truth = Trainings.of(table), table.truth("test")
    candidates, repeats = Candidates(SPACE, ARCHS), 400
    curves = simulate(
        lambda rng: RandomSearch(candidates, NoOptions(), 50, rng), [trainings], 50, repeats, 0
    )
    exact = best_of_random(trainings, ROWS, truth, curves.points.tolist())
    for point, moments in enumerate(exact):
        error = np.array([moments.seen_sd, moments.truth_sd]) / np.sqrt(repeats)
        found = np.array([curves.seen[:, point].mean(), truth[curves.rows[:, point]].mean()])
        assert (np.abs(found - [moments.seen, moments.truth]) < 4 * error).all()


@settings(max_examples=10)
@given(st.sampled_from(["random", "rea", "reinforce"]), st.integers(0, 99), st.integers(3, 40))
def test_a_repeat_depends_on_its_number_and_the_seed_only(table, name, seed, queries):
    cls, candidates = SEARCHES[name], Candidates(SPACE, ARCHS)

    def curves(repeats):
        return simulate(
            lambda rng: cls(candidates, cls.Options(), queries, rng),
            [Trainings.of(table)],
            queries,
            repeats,
            seed,
        )

    few, more = curves(2), curves(4)
    assert (few.rows == more.rows[:2]).all() and (few.seen == more.seen[:2]).all()
    assert (np.diff(more.seen, axis=1) >= 0).all()


# When searches within seconds end -------------------------------------------------------------


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
    budget = Budget([costs], float(costs.max()) + more)
    everything = np.arange(len(rows))
    points, most = budget.points(everything), budget.most_trainings(everything)
    found = simulate(lambda rng: InOrder(costs), [trainings], most, 2, 0, "", budget, points)
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
    budget = Budget([np.array([5.0, 9.0])], 8.0)
    with pytest.raises(UsageError, match="raise --budget-seconds"):
        budget.most_trainings(np.arange(2))
    assert budget.most_trainings(np.array([0])) == 1


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
    with pytest.raises(UsageError, match=r"row 1 of the table .* after 1 epoch\."):
        Trainings.signalled(table, "val.1")
