"""The table that comes with the package: honest, wide enough, and made again by one training."""

import numpy as np
import pytest

from harness.evaluate import references
from harness.recipe import StandaloneRecipe
from harness.standalone import train_standalone
from harness.tabular.locate import EMBEDDED
from harness.tabular.table import Table
from harness.tasks import load_task
from searchspaces.nb201 import NASBench201

SPACE = NASBench201("compact")


@pytest.fixture(scope="module")
def task():
    return load_task("digits")


@pytest.fixture(scope="module")
def table():
    return Table.load(EMBEDDED / "nb201-compact-digits.parquet")


@pytest.fixture(scope="module")
def archs(table):
    return [SPACE.decode(name) for name in table.archs]


def test_it_is_large_enough_and_complete(table):
    assert len(table) >= 300
    for split in ("val", "test"):
        seeds = [table.accuracy(split, seed=seed) for seed in table.seeds(split)]
        assert len(seeds) >= 3
        assert np.isfinite(seeds).all()
        assert np.allclose(np.mean(seeds, axis=0), table.accuracy(split), atol=1e-9)
        single = np.array(seeds) / table.meta.resolution[split]
        assert np.allclose(single, single.round(), atol=1e-6)


def test_it_says_how_it_was_made(table, task):
    assert table.meta.name == "nb201-compact-digits"
    assert table.meta.sha256 == task.fingerprint()
    command = f"--architectures {len(table)} --seeds {len(table.seeds('test'))}"
    assert command in table.meta.created_by
    assert table.meta.training.keys() >= StandaloneRecipe.__dataclass_fields__.keys()


def test_costs_are_those_of_the_space(table, archs, task):
    costs = [SPACE.cost(arch, task.image) for arch in archs]
    assert table.params.tolist() == [cost.params for cost in costs]
    assert table.madds.tolist() == [cost.madds for cost in costs]


def test_it_separates_architectures(table, archs):
    live = np.array([SPACE.is_valid(arch) for arch in archs])
    low, high = np.percentile(table.truth("test")[live], [5, 95])
    assert high - low >= 15
    assert references(table, "test")["ceiling"]["seed_mean"]["value"] >= 0.8
    assert table.truth("test")[~live].max() < 20  # what is not connected knows nothing


def test_a_training_today_gives_the_number_of_the_table(table, archs, task):
    seeds = np.array([table.accuracy("test", seed=seed) for seed in table.seeds("test")])
    # Machines round differently, at worst like another seed: take one on which the seeds agree.
    steady = np.flatnonzero((np.ptp(seeds, axis=0) < 1.5) & (table.truth("test") > 50))
    row = min(steady, key=lambda row: table.madds[row])
    recipe = {name: table.meta.training[name] for name in StandaloneRecipe.__dataclass_fields__}
    result = train_standalone(SPACE, archs[row], task, StandaloneRecipe(**recipe), seed=0)
    for split in ("val", "test"):
        assert result[split] == pytest.approx(table.accuracy(split, seed=0)[row], abs=3)
