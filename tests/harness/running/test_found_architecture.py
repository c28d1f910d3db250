"""The truth of the found architecture: looked up, trained, or honestly unknown."""

from dataclasses import asdict

import pytest
import tiny

from harness.running import found_architecture as found
from harness.running.found_architecture import measure_found
from methods.standalone.recipe import StandaloneRecipe
from searchspaces.nb201.space import NASBench201

SPACE, ABSENT = NASBench201("compact"), (3, 3, 3, 3, 3, 3)
RECIPE = StandaloneRecipe(epochs=7, lr=0.3)


@pytest.fixture
def measure(tmp_path, monkeypatch):
    """``measure(arch, train, **meta)`` with trainings that take no time, and what they were."""
    trained = []

    def train_jobs(space, task, recipe, jobs, executor, data, devices):
        trained.append((space, task, recipe, list(jobs), executor.slots, data, devices.names))
        for job in jobs:
            yield job, {"val": 0.0, "test": 80.0 + job[1]}

    def run(arch, train, seeds=3, **meta):
        table = tiny.make_table(tmp_path, seeds=seeds, **meta)
        return (
            measure_found(SPACE, arch, "digits", table, train, 2, tmp_path, "cuda:1"),
            table,
            trained,
        )

    monkeypatch.setattr(found, "train_jobs", train_jobs)
    return run


def test_the_table_is_asked_first(measure):
    for train in (True, False):
        _, table, _ = measure(ABSENT, train)
        for row in (0, int(table.truth("test").argmax())):
            result, _, trained = measure(SPACE.decode(table.archs[row]), train)
            assert result["arch"] == table.archs[row]
            assert result["truth"] == table.truth("test")[row]
            assert result["regret"] == table.truth("test").max() - result["truth"]
            assert result["how"] == "read from the table"
    assert trained == []


def test_an_absent_architecture_is_trained_as_those_of_the_table_were(measure, tmp_path):
    training = asdict(RECIPE) | {"test_trained_on_all": True}
    result, table, trained = measure(ABSENT, True, training=training)
    assert trained == [
        (SPACE, "digits", RECIPE, [(ABSENT, s) for s in range(3)], 2, tmp_path, ("cuda:1",))
    ]
    assert result["truth"] == pytest.approx(81.0)
    assert result["regret"] == pytest.approx(table.truth("test").max() - 81.0)
    assert "3 seeds" in result["how"]


def test_a_recipe_is_all_that_is_needed_and_one_seed_takes_one_worker(measure):
    result, _, trained = measure(ABSENT, True, seeds=1, training=asdict(RECIPE))
    assert [(jobs, slots) for *_, jobs, slots, _, _ in trained] == [([(ABSENT, 0)], 1)]
    assert result["truth"] == 80.0


@pytest.mark.parametrize(
    ("train", "training"), [(False, asdict(RECIPE)), (True, {"epochs": 200, "optimizer": "SGD"})]
)
def test_an_absent_architecture_stays_unknown_otherwise(measure, train, training):
    result, _, trained = measure(ABSENT, train, training=training)
    assert (result["truth"], result["regret"]) == (None, None)
    assert "not measured" in result["how"]
    assert trained == []
