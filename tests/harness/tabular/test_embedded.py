"""The tables of the task digits that come with the package: honest, wide enough, and made again by one training."""

import numpy as np
import pytest

from harness.metrics.describe_table import measure
from harness.standalone.trainings import train_standalone
from harness.tabular.locate import EMBEDDED
from harness.tabular.table import Table
from harness.tasks import load_task
from methods.standalone.recipe import StandaloneRecipe
from searchspaces.registry import SPACES

MAIN = ("nb101", "macro", "darts", "mobilenet", "shufflenet", "ennas-s1")
# Architectures and seeds; variants of a space have at least those of LEAST.
SIZES = {"nb201": (600, 3)} | dict.fromkeys(MAIN, (150, 2))
LEAST = (34, 2)
TRAINED = (*MAIN, "nb201", "nb101-mixpath", "nb101-1shot1-1")
PATHS = sorted(EMBEDDED.glob("*-compact-digits.parquet"))


@pytest.fixture(scope="module")
def task():
    return load_task("digits")


@pytest.fixture(scope="module", params=PATHS, ids=lambda path: path.stem)
def path(request):
    return request.param


@pytest.fixture(scope="module")
def table(path):
    return Table.load(path)


@pytest.fixture(scope="module")
def space(table):
    return SPACES[table.meta.space](table.meta.scale)


@pytest.fixture(scope="module")
def archs(table, space):
    return [space.decode(name) for name in table.archs]


def test_every_space_of_the_package_has_one():
    own = [name for name in SPACES if SPACES[name].__module__.startswith("searchspaces.")]
    files = {path.stem for path in PATHS}
    assert {f"{name}-compact-digits" for name in own} == files


def test_it_is_large_enough_and_complete(table):
    architectures, trainings = SIZES.get(table.meta.space, LEAST)
    assert len(table) >= architectures
    for split in ("val", "test"):
        seeds = [table.accuracy(split, seed=seed) for seed in table.seeds(split)]
        assert len(seeds) >= trainings
        assert np.isfinite(seeds).all()
        assert np.allclose(np.mean(seeds, axis=0), table.accuracy(split), atol=1e-9)
        single = np.array(seeds) / table.meta.resolution[split]
        assert np.allclose(single, single.round(), atol=1e-6)


def test_it_says_how_it_was_made(table, path, task):
    assert table.meta.name == path.stem
    assert table.meta.sha256 == task.fingerprint()
    command = f"--architectures {len(table)} --seeds {len(table.seeds('test'))}"
    assert command in table.meta.created_by
    assert table.meta.training.keys() >= StandaloneRecipe.__dataclass_fields__.keys()


def test_costs_are_those_of_the_space(table, archs, space, task):
    costs = [space.cost(arch, task.image) for arch in archs]
    assert table.params.tolist() == [cost.params for cost in costs]
    assert table.madds.tolist() == [cost.madds for cost in costs]


@pytest.mark.slow
def test_it_separates_architectures_and_says_how_well(table, archs, space):
    truth, live = table.truth("test"), np.array([space.is_valid(arch) for arch in archs])
    assert (truth[~live] < 20).all()  # what is not connected knows nothing
    told = dict(table.meta.measured)
    assert 0 < told.pop("cpu_seconds") < 10
    assert told["ceiling"]["seed_mean"] >= 0.6
    assert told["test_percent"]["p95"] - told["test_percent"]["p5"] >= 5
    measured = measure(table, space)
    assert told.keys() == measured.keys()
    for kind, values in measured.items():
        assert told[kind] == pytest.approx(values, abs=2e-3), kind


# Another rounding is at worst another seed, and trainings of other seeds differ by the spread
# that the table itself shows. No single number is sharp, the mean over the tables is.


def deviations(path, task, **changes):
    """How far a training today is from the table on ``val`` and ``test``, in deviations of seeds.

    Of the twenty best architectures, whose seeds give the deviation, the cheapest is trained.
    """
    table = Table.load(path)
    space = SPACES[table.meta.space](table.meta.scale)
    best = np.argsort(-table.truth("test"))[:20]
    row = min(best, key=lambda row: table.madds[row])
    recipe = {name: table.meta.training[name] for name in StandaloneRecipe.__dataclass_fields__}
    recipe = StandaloneRecipe(**recipe | changes)
    result = train_standalone(space, space.decode(table.archs[row]), task, recipe, seed=0)
    found = []
    for split in ("val", "test"):
        seeds = np.array([table.accuracy(split, seed=seed) for seed in table.seeds(split)])
        deviation = np.sqrt(seeds[:, best].var(axis=0, ddof=1).mean())
        found.append((result[split] - seeds[:, row].mean()) / deviation)
    return found


@pytest.mark.slow
def test_trainings_today_give_the_numbers_of_the_tables(task):
    """Those of the spaces that other tables vary, and of the cheapest two variants."""
    chosen = [path for path in PATHS if path.stem.removesuffix("-compact-digits") in TRAINED]
    found = {path.stem: deviations(path, task) for path in chosen}
    assert len(found) == len(TRAINED)
    assert np.abs(list(found.values())).max() < 5, found
    assert np.abs(np.mean(list(found.values()), axis=0)).max() < 1.2, found


@pytest.mark.slow
@pytest.mark.parametrize("changes", [{"epochs": 3}, {"lr": 0.04}], ids=["shorter", "slower"])
def test_trainings_by_another_recipe_do_not(task, changes):
    quickest = sorted(PATHS, key=lambda path: Table.load(path).meta.measured["cpu_seconds"])[:5]
    found = {path.stem: deviations(path, task, **changes) for path in quickest}
    assert np.mean(list(found.values()), axis=0).max() < -1.2, found
