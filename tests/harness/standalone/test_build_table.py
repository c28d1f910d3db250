"""Tables of our own making: the same whoever trains, in whatever order, however often stopped."""

import json
import re
from dataclasses import asdict
from importlib.metadata import version
from itertools import product

import pytest
import torch
from planted import PlantedSpace

from harness.environment import harness_version
from harness.jobs import devices
from harness.metrics import ceiling
from harness.metrics.describe_table import measure
from harness.standalone import build_table as builder
from harness.standalone.build_table import build_table, sample_architectures
from harness.standalone.trainings import train_standalone
from harness.tabular.table import Table
from harness.tasks import load_task
from methods.standalone.recipe import StandaloneRecipe
from searchspaces.errors import UsageError
from searchspaces.nb201.space import NASBench201

SPACE, RECIPE = NASBench201("compact", width=2), StandaloneRecipe(epochs=1)


@pytest.fixture(scope="module")
def task():
    return load_task("digits")


@pytest.fixture(autouse=True)
def few_simulations(monkeypatch):
    """No test here is of the precision of a ceiling."""
    monkeypatch.setattr(ceiling, "_SIMULATED", 1)


@pytest.fixture
def invented(monkeypatch):
    """Trainings that take no time; returns the list of jobs that were trained."""
    trained = []

    def train_jobs(space, task, recipe, jobs, executor, data, devices):
        for arch, seed in jobs:
            trained.append((arch, seed))
            yield (arch, seed), {"val": sum(arch) + seed / 10, "test": 50.0 + sum(arch) + seed / 3}

    monkeypatch.setattr(builder, "train_jobs", train_jobs)
    return trained


def build(task, output, architectures=3, seeds=2, recipe=RECIPE, workers=1, **more):
    return build_table(SPACE, task, recipe, architectures, seeds, output, workers, **more)


def stopped(monkeypatch, task, output, after, **kwargs):
    """A build that is interrupted while its training number ``after`` is written down."""
    write, left = builder.append_line, after + 1  # and one line for what is being built

    def append_line(path, row):
        nonlocal left
        if not left:
            with open(path, "a") as log:
                log.write(json.dumps(row)[:20])
            raise KeyboardInterrupt
        left -= 1
        write(path, row)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(builder, "append_line", append_line)
        build(task, output, **kwargs)


# Samples --------------------------------------------------------------------------------------


def test_a_longer_sample_begins_as_a_shorter_one():
    archs = sample_architectures(SPACE, 200)
    assert len(set(archs)) == 200
    for number in (1, 7, 199):
        assert sample_architectures(SPACE, number) == archs[:number]
    everything = sample_architectures(PlantedSpace(), 81)
    assert len(set(everything)) == PlantedSpace().size == 81


def test_more_architectures_than_there_are_cannot_be_sampled():
    with pytest.raises(UsageError, match="82 distinct .* planted, 81 were; ask for as many, or f"):
        sample_architectures(PlantedSpace(), 82)


def test_unless_asked_for_a_number_a_small_space_gives_all_and_a_large_one_the_usual():
    assert set(sample_architectures(PlantedSpace(), 0)) == {*product(range(3), repeat=4)}
    assert sample_architectures(SPACE, 0) == sample_architectures(SPACE, 300)


# Building -------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_stopped_build_in_two_processes_equals_one_trained_in_turn(task, tmp_path, monkeypatch):
    output = tmp_path / "two" / "table.parquet"
    stopped(monkeypatch, task, output, after=2, workers=1)
    build(task, output, workers=2)

    def in_turn(space, name, recipe, jobs, executor, data, devices):
        results = {job: train_standalone(space, job[0], task, recipe, job[1]) for job in jobs[::-1]}
        yield from ((job, results[job]) for job in jobs)

    monkeypatch.setattr(builder, "train_jobs", in_turn)
    table, other = build(task, tmp_path / "table.parquet"), Table.load(output)
    assert other.meta.measured.pop("cpu_seconds") > 0  # what alone is not a function of the jobs
    other.save(output)
    assert (tmp_path / "table.parquet").read_bytes() == output.read_bytes()
    assert len({*table.accuracies["test.1.0"], *table.accuracies["test.1.1"]}) > 3
    assert [path.name for path in output.parent.glob("[!.]*")] == ["table.parquet"]


def test_a_table_says_what_it_is(task, tmp_path, invented):
    recipe = StandaloneRecipe(epochs=3, lr=0.05)
    build(task, tmp_path / "table.parquet", 4, 2, recipe)
    table = Table.load(tmp_path / "table.parquet")
    archs = sample_architectures(SPACE, 4)
    assert table.archs == [SPACE.encode(arch) for arch in archs]
    assert table.meta.name == "nb201-compact-digits"
    assert table.meta.sha256 == task.fingerprint()
    assert table.meta.resolution == {"val": 0.1, "test": 0.025}
    assert table.meta.created_by == (
        "nas-harness table build --space nb201 --scale compact --task digits --architectures 4 "
        "--seeds 2 --epochs 3 --lr 0.05"
    )
    assert set(table.accuracies) == {
        f"{split}.3.{seed}" for split in ("val", "test") for seed in ("0", "1", "mean")
    }
    for row, arch in enumerate(archs):
        assert table.accuracy("test", seed=1)[row] == 50.0 + sum(arch) + 1 / 3
        assert table.accuracy("val")[row] == pytest.approx(sum(arch) + 0.05)
        cost = SPACE.cost(arch, task.image)
        assert (table.params[row], table.madds[row]) == (cost.params, cost.madds)


def test_the_metadata_are_of_the_build(task, tmp_path, invented):
    recipe = StandaloneRecipe(epochs=3, lr=0.05)
    meta = build(task, tmp_path / "table.parquet", 12, 3, recipe).meta
    assert meta.training == asdict(recipe) | {"test_trained_on_all": True}
    installed = version("torch").partition("+")[0]
    assert re.fullmatch(
        rf"12 architectures x 3 seeds, torch {installed}, results \w{{8}}", meta.version
    )
    assert (meta.epochs, meta.licence) == (3, "Apache-2.0")
    assert meta.measured == measure(Table.load(tmp_path / "table.parquet"), SPACE)


def test_a_build_goes_on_where_all_that_its_results_depend_on_is_equal(
    task, tmp_path, monkeypatch, invented
):
    stopped(monkeypatch, task, tmp_path / "table.parquet", after=1)
    first = (tmp_path / "table.parquet.progress").read_text().partition("\n")[0]
    assert json.loads(first) == {
        "space": "nb201",
        "scale": "compact",
        "task": "digits",
        "data": task.fingerprint(),
        "recipe": asdict(RECIPE),
        "torch": version("torch").partition("+")[0],
        "version": harness_version(),
    }


def test_a_build_that_goes_on_says_which_other_version_began_it(
    task, tmp_path, monkeypatch, invented, capsys
):
    output, log = tmp_path / "table.parquet", tmp_path / "table.parquet.progress"
    stopped(monkeypatch, task, output, after=1)
    log.write_text(log.read_text().replace(f', "version": "{harness_version()}"', ""))
    capsys.readouterr()
    with pytest.raises(UsageError, match="or torch version, begun by an earlier version; finish"):
        build(task, output, recipe=StandaloneRecipe(epochs=2))
    build(task, output)
    assert f"continuing {log}, begun by an earlier version\n" in capsys.readouterr().err
    assert len(invented) == 7  # two, of which one was written down, and the other five
    stopped(monkeypatch, task, output, after=1)
    capsys.readouterr()
    build(task, output)
    assert "continuing" not in capsys.readouterr().err


def test_tables_with_other_results_have_other_identities(task, tmp_path, invented, monkeypatch):
    first = build(task, tmp_path / "1.parquet")
    again = build(task, tmp_path / "2.parquet")
    assert first.meta.identity == again.meta.identity
    train_jobs = builder.train_jobs
    for split in ("val", "test"):  # as many, and one point less in each

        def others(*given, split=split):
            yield from ((job, r | {split: r[split] - 1}) for job, r in train_jobs(*given))

        monkeypatch.setattr(builder, "train_jobs", others)
        other = build(task, tmp_path / f"{split}.parquet")
        assert other.meta.identity != first.meta.identity


def test_a_table_has_means_over_seeds_and_the_median_of_seconds(task, tmp_path, monkeypatch):
    percent, seconds = (10.0, 20.0, 60.0), iter([1.0, 2.0, 90.0] * 3)

    def train_jobs(space, task, recipe, jobs, executor, data, devices):
        for arch, seed in jobs:
            accuracies = {"val": percent[seed], "test": percent[seed] + 1}
            yield (arch, seed), accuracies | {"seconds": next(seconds)}

    monkeypatch.setattr(builder, "train_jobs", train_jobs)
    table = build(task, tmp_path / "table.parquet", seeds=3)
    assert table.accuracy("val").tolist() == [30.0] * 3
    assert table.accuracy("test").tolist() == [31.0] * 3
    assert table.meta.measured["cpu_seconds"] == 2.0


# On GPUs --------------------------------------------------------------------------------------


@pytest.fixture
def gpus(monkeypatch):
    """Two of them, of a kind."""
    monkeypatch.setattr(devices, "choose_device", torch.device)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(builder, "describe_device", lambda device: f"the kind of {device}")


def test_a_table_that_gpus_built_says_so(task, tmp_path, monkeypatch, invented, gpus):
    output = tmp_path / "table.parquet"
    meta = build(task, output, device="cuda").meta
    assert meta.created_by.endswith(" --epochs 1 --device cuda")
    stopped(monkeypatch, task, output, after=1, device="cuda")
    first = json.loads((tmp_path / "table.parquet.progress").read_text().partition("\n")[0])
    assert first["device"] == "the kind of cuda:0"
    with pytest.raises(UsageError, match="another recipe, task, device or torch version"):
        build(task, output)


def test_seconds_on_a_gpu_are_told_as_such(task, tmp_path, monkeypatch, gpus):
    def train_jobs(space, task, recipe, jobs, executor, data, devices):
        assert devices.names == ("cuda:0", "cuda:1") and executor.slots == 4
        yield from ((job, {"val": 1.0, "test": 2.0, "seconds": 3.0}) for job in jobs)

    monkeypatch.setattr(builder, "train_jobs", train_jobs)
    measured = build(task, tmp_path / "table.parquet", workers=4, device="cuda").meta.measured
    assert measured["gpu_seconds"] == 3.0 and "cpu_seconds" not in measured


# Stopping and continuing ------------------------------------------------------------------------


@pytest.mark.parametrize("after", range(6))
def test_nothing_finished_is_trained_again(task, tmp_path, monkeypatch, invented, after):
    output = tmp_path / "table.parquet"
    stopped(monkeypatch, task, output, after)
    invented.clear()
    build(task, output)
    assert len(invented) == 6 - after
    build(task, tmp_path / "undisturbed.parquet")
    assert output.read_bytes() == (tmp_path / "undisturbed.parquet").read_bytes()


def test_a_stopped_build_may_be_enlarged(task, tmp_path, monkeypatch, invented):
    output = tmp_path / "table.parquet"
    stopped(monkeypatch, task, output, after=5)
    invented.clear()
    build(task, output, architectures=5, seeds=3)
    assert len(invented) == 15 - 5


@pytest.mark.slow
def test_a_log_cut_at_any_byte_is_continued(task, tmp_path, monkeypatch, invented):
    output = tmp_path / "table.parquet"
    log = tmp_path / "table.parquet.progress"
    stopped(monkeypatch, task, output, after=1, architectures=1)
    content = log.read_bytes()
    undisturbed = build(task, output, architectures=1).accuracies
    for size in range(0, len(content), 11):
        log.write_bytes(content[:size])
        table = build(task, output, architectures=1)
        assert all((table.accuracies[k] == undisturbed[k]).all() for k in undisturbed)
        assert not log.exists()


def test_while_one_builds_a_second_is_refused(task, tmp_path, monkeypatch, invented):
    output, train_jobs = tmp_path / "table.parquet", builder.train_jobs

    def meanwhile(*given):
        monkeypatch.setattr(builder, "train_jobs", train_jobs)
        for result in train_jobs(*given):
            with pytest.raises(UsageError, match="another process builds .*table.parquet; wait"):
                build(task, output)
            yield result

    monkeypatch.setattr(builder, "train_jobs", meanwhile)
    build(task, output)
    assert len(invented) == 6


@pytest.mark.parametrize(
    "changes",
    [
        {"arch": 7}, {"seed": "0"}, {"seed": None}, {"val": None}, {"val": "50"}, {"val": 101.0},
        {"test": float("nan")}, {"test": -1.0}, {"seconds": "1"}, {"seconds": float("inf")},
    ],
)  # fmt: skip
def test_a_log_with_a_line_of_another_kind_is_refused(
    task, tmp_path, monkeypatch, invented, changes
):
    output, log = tmp_path / "table.parquet", tmp_path / "table.parquet.progress"
    stopped(monkeypatch, task, output, after=1)
    header, row = log.read_text().splitlines()[:2]
    row = json.loads(row) | {"seconds": 1.0}
    kept = {key: value for key, value in row.items() if changes.get(key, "") is not None}
    damaged = json.dumps(kept | {k: v for k, v in changes.items() if v is not None})
    for content in (f"{header}\n{damaged}\n", f"{header}\n7\n", f"{header}\n{header}\n", "7\n"):
        log.write_text(content)
        with pytest.raises(UsageError, match="table.parquet.progress is damaged; delete it"):
            build(task, output)
        assert log.read_text() == content
    log.write_text(f"{header}\n{json.dumps(row)}\n")
    build(task, output)


def test_another_recipe_does_not_continue_a_build(task, tmp_path, monkeypatch, invented):
    output = tmp_path / "table.parquet"
    stopped(monkeypatch, task, output, after=3)
    before = (tmp_path / "table.parquet.progress").read_bytes().rpartition(b"\n")[0]
    with pytest.raises(UsageError, match="another recipe.*delete the file"):
        build(task, output, recipe=StandaloneRecipe(epochs=2))
    assert (tmp_path / "table.parquet.progress").read_bytes() == before + b"\n"
    assert not output.exists()


@pytest.mark.slow
def test_an_error_in_a_training_reaches_the_user(tmp_path, task):
    with pytest.raises(UsageError, match="diverged"):
        build(task, tmp_path / "table.parquet", 1, 1, StandaloneRecipe(epochs=1, lr=1e20))


def test_a_space_without_costs_is_refused_before_anything_is_trained(task, tmp_path, invented):
    class Costless(NASBench201):
        def cost(self, arch, image):
            raise NotImplementedError

    output = tmp_path / "table.parquet"
    with pytest.raises(NotImplementedError):
        build_table(Costless("compact"), task, RECIPE, 3, 1, output, 1)
    assert invented == [] and not list(tmp_path.iterdir())
