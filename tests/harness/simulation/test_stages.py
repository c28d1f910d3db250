"""Searches that also ask for short trainings: what these cost, and which incumbent they make."""

import numpy as np
import pytest
from searched import ARCHS, SPACE, options, planted_table

from harness.simulation.budget import Budget
from harness.simulation.rendering import render
from harness.simulation.searches import compare_searches
from harness.simulation.seconds import Seconds
from harness.simulation.simulate import Trainings, simulate
from methods.search.table_search import TableSearch
from searchspaces.errors import UsageError

LENGTHS = [
    Trainings("val", epochs, np.array(seen)[:, None], np.ones(3, dtype=int))
    for epochs, seen in ((2, [90.0, 70.0, 80.0]), (7, [50.0, 60.0, 60.0]))
]


class Scripted(TableSearch):
    """Asks for the rows and lengths of its script."""

    staged = True

    def __init__(self, script):
        self.script, self.told = iter(script), []

    def ask(self):
        row, self.length = next(self.script)
        return row

    def tell(self, row, accuracy):
        self.told.append((row, self.length, accuracy))


def test_the_incumbent_is_the_best_of_the_longest():
    script = [(1, 0), (0, 0), (1, 1), (0, 1), (2, 1), (2, 0)]
    made = []

    def start(rng):
        made.append(Scripted(script))
        return made[-1]

    curves = simulate(start, LENGTHS, 6, 1, 0, points=np.arange(1, 7))
    assert curves.rows.tolist() == [[1, 0, 1, 1, 1, 1]]  # of equals the first
    assert curves.seen.tolist() == [[70.0, 90.0, 60.0, 60.0, 60.0, 60.0]]
    told = [LENGTHS[length].runs[row, 0] for row, length in script]
    assert made[0].told == [(*one, seen) for one, seen in zip(script, told, strict=True)]


def test_a_training_costs_what_its_length_costs():
    """In epochs: 2 and 7; four queries have 28. In seconds: by row and length."""
    script = [(0, 0)] * 7 + [(1, 1)] * 9
    epochs = Budget.of_queries(4, [2, 7], 3)
    assert epochs.most_trainings(np.arange(3)) == 14
    curves = simulate(
        lambda rng: Scripted(script), LENGTHS, 14, 1, 0, budget=epochs, points=np.arange(1, 5)
    )
    assert curves.made.tolist() == [[3, 7, 8, 9]]  # 6, 14, 21 and 28 epochs
    seconds = Budget([np.array([3.0, 9, 9]), np.array([9.0, 10, 30])], 40.0)
    assert seconds.most_trainings(np.array([0, 1])) == 13
    with pytest.raises(UsageError, match="up to 30"):
        Budget(seconds.costs, 29.0).most_trainings(np.arange(3))
    points = np.array([3.0, 20, 30, 31, 40])
    curves = simulate(
        lambda rng: Scripted(script), LENGTHS, 14, 1, 0, budget=seconds, points=points
    )
    assert curves.made.tolist() == [[1, 6, 7, 8, 8]]


def test_lengths_are_those_of_the_table_up_to_what_is_seen(published):
    _, table = published("cifar10")
    whole = Trainings.of(table)
    short, same = whole.lengths(table)
    assert same is whole and (short.split, short.epochs) == ("val", 12)
    assert (short.runs[:, 0] == table.accuracy("val", 12)).all()
    early = Trainings.signalled(table, "val.12")
    assert early.lengths(table) == [early]


@pytest.fixture
def table():
    truth = np.array([SPACE.truth(SPACE.decode(text)) for text in ARCHS])
    noisy = truth + np.random.default_rng(0).normal(scale=3, size=len(ARCHS))
    columns = {"val.1.mean": noisy.clip(0, 100), "val.5.mean": truth.clip(0, 100)}
    return planted_table(columns | {"test.5.mean": truth.clip(0, 100)})


def test_bohb_stands_beside_random_search_at_equal_cost(table):
    pytest.importorskip("optuna", reason="Optuna is the extra 'optuna'")
    result = compare_searches(table, SPACE, options("random", "bohb"), queries=16, repeats=6)
    last = {name: rows[-1] for name, rows in result["curves"].items()}
    assert result["lengths"] == [1, 5] and set(last) == {"random-exact", "random", "bohb"}
    assert last["bohb"]["test"] > last["random-exact"]["test"]
    (note,) = [note for note in result["notes"] if note.startswith("bohb also")]
    assert "trainings of 1 epochs, which count epochs / 5 of a query" in note
    alone = compare_searches(table, SPACE, options("random"), queries=16, repeats=6)
    assert alone["curves"]["random"] == result["curves"]["random"] and alone["lengths"] == [5]
    assert not any("also asks" in note for note in alone["notes"])


@pytest.mark.slow
def test_seconds_are_those_of_each_length(published):
    """A bracket of 17 short and a whole training, then two whole ones: 3 x 200 + 17 x 12 epochs."""
    pytest.importorskip("optuna", reason="Optuna is the extra 'optuna'")
    space, table = published("cifar10")
    result = compare_searches(table, space, options("bohb"), budget_seconds=40_000, repeats=2)
    short, whole = (Seconds.estimated(table, epochs).each.mean() for epochs in (12, 200))
    turns = 40_000 / (17 * short + 3 * whole)
    assert result["curves"]["bohb"][-1]["queries"] == pytest.approx(20 * turns, rel=0.3)
    assert "count their own seconds" in render(result) and result["lengths"] == [12, 200]
