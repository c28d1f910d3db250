"""Runs of ensembles: which finished runs they take, what they record, and what they refuse."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import tiny
from scipy.stats import rankdata

from harness.commands.run import parse
from harness.config.config import SCHEMA_VERSION, Config, with_values
from harness.files.store import write_json
from harness.grid.grid import run_grid
from harness.jobs.executor import Event
from harness.measured import packaged
from harness.running.parts import Part, parts_of, summed_costs
from harness.running.pipeline import Execution
from reports.runs.compare import summary
from searchspaces.errors import UsageError

USUAL = ["--preset", "smoke", "--seed", "3", "--device", "cpu", "--rank.architectures", "12"]
QUICK = ["--search.population", "2", "--search.generations", "1", "--search.parents", "1"]


def config(method, *more):
    return parse(["--method", method, *USUAL, *QUICK, *more])[0]


def ensemble(*more):
    return parse(["--method", "ensemble", *USUAL, *QUICK, "--options.of", "params,layers", *more])[
        0
    ]


@pytest.fixture(scope="module")
def parts(folders):
    """Folders with finished runs of params and layers, and their records."""
    own = folders("ensemble")
    return own, [tiny.run_plainly(config(name), own) for name in ("params", "layers")]


def scores(own, record):
    return pd.read_parquet(own["runs"] / record["run"] / "scores.parquet").set_index("arch")[
        "score"
    ]


@pytest.mark.slow
def test_its_scores_are_mean_ranks_of_the_finished_runs_and_its_costs_their_sums(parts):
    own, (params, layers) = parts
    record = tiny.run_plainly(ensemble(), own)
    found, first, second = (scores(own, one) for one in (record, params, layers))
    expected = sum((rankdata(part[found.index]) - 1) / 11 for part in (first, second)) / 2
    np.testing.assert_allclose(found, expected)
    for kind in ("compute", "image_passes", "steps", "scoring_image_passes"):
        assert record["costs"][kind] == params["costs"][kind] + layers["costs"][kind]
    assert record["costs"]["seconds"] >= params["costs"]["seconds"] + layers["costs"]["seconds"]
    digests = [one["run"].split("-")[3] for one in (params, layers)]
    assert record["config"]["options"]["of"] == f"params-{digests[0]},layers-{digests[1]}"
    assert record["scoring"]["split"] == "none"
    assert any("costs of its parts: params-" in note for note in record["notes"])
    assert record["found"]["arch"] == found.idxmax()
    assert tiny.run_plainly(ensemble(), own) == record  # found finished
    table = summary([own["runs"] / one["run"] for one in (params, layers, record)])
    assert set(table["method"]) > {"params", "layers", "ensemble"}


def test_seed_zero_of_the_parts_is_a_seed_like_any_other(parts):
    own, _ = parts
    with pytest.raises(UsageError, match="needs its finished run.* --seed 0 --preset smoke"):
        tiny.run_plainly(ensemble("--seed", "3", "--options.part-seed", "0"), own)


def test_a_missing_part_is_named_with_the_command_that_makes_it(parts):
    own, _ = parts
    with pytest.raises(UsageError) as raised:
        tiny.run_plainly(ensemble("--seed", "4"), own)
    assert str(raised.value) == (
        f"an ensemble of params needs its finished run in {own['runs']}: run `nas-harness run "
        "--method params --space nb201 --task digits --seed 4 --preset smoke --rank.architectures "
        f"12 --data {own['data']} --runs {own['runs']}` first."
    )


def test_the_command_has_what_is_not_usual_and_no_more(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    usual = Config.from_preset("smoke", method="ensemble", task="digits", space="nb201")
    values = {"options.of": "params,layers", "scale": "benchmark", "truth": "other", "seed": 2}
    with pytest.raises(UsageError) as raised:
        parts_of(with_values(usual, values), Path("runs"), None)
    assert str(raised.value) == (
        "an ensemble of params needs its finished run in runs: run `nas-harness run --method "
        "params --space nb201 --task digits --seed 2 --preset smoke --scale benchmark --truth "
        "other` first."
    )


def test_the_command_names_the_data_folder_where_one_is_needed(tmp_path, monkeypatch):
    monkeypatch.setenv("NAS_HARNESS_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("NAS_HARNESS_DATA", raising=False)

    def command(task, data):
        usual = Config.from_preset("smoke", method="ensemble", task=task, space="nb201")
        with pytest.raises(UsageError) as raised:
            parts_of(usual, tmp_path, SimpleNamespace(meta=SimpleNamespace(name="none")), data)
        return str(raised.value)

    monkeypatch.setattr("harness.running.parts.places", lambda runs: (runs,))
    assert f" --data {tmp_path} --runs" in command("digits", tmp_path)
    assert f" --data {tmp_path} --runs" in command("cifar10", tmp_path)
    assert " --data DIR --runs" in command("cifar10", None)
    assert "--data" not in command("digits", None)
    (tmp_path / "home" / "data" / "cifar10").mkdir(parents=True)
    assert "--data" not in command("cifar10", None)
    monkeypatch.setenv("NAS_HARNESS_DATA", str(tmp_path))
    assert "--data" not in command("cifar100", None)


def test_an_unknown_part_is_answered_with_the_nearest(tmp_path):
    for name in ("synflo", "synflo-s1"):
        given = with_values(ensemble(), {"options.of": f"layers,{name}"})
        with pytest.raises(UsageError, match="unknown method 'synflo'; did you mean 'synflow'"):
            parts_of(given, tmp_path, None)


def test_several_of_the_package_are_said_to_be_of_the_package(tmp_path, monkeypatch):
    """Not of the folder of runs, which is empty."""
    monkeypatch.setattr(packaged, "PACKAGED", tmp_path / "package")
    truth = {"table": "a-table", "version": "7", "sha256": "f" * 64, "truth": "whole"}
    table = SimpleNamespace(meta=SimpleNamespace(name="a-table", **truth))
    record = {"schema_version": SCHEMA_VERSION, "ground_truth": truth}
    for digest in ("0123abcd", "4567abcd"):
        folder = tmp_path / "package" / f"nb201-digits-params-{digest}-s3"
        write_json(folder / "run.json", record)
    with pytest.raises(UsageError, match="^the package holds several finished runs of params with"):
        parts_of(ensemble(), tmp_path / "runs", table)


@pytest.mark.parametrize("other", ["", "table", "version", "sha256", "truth"])
def test_a_part_was_ranked_against_the_same_truth(tmp_path, other):
    truth = {"table": "a-table", "version": "7", "sha256": "f" * 64, "truth": "whole"}
    table = SimpleNamespace(meta=SimpleNamespace(name="a-table", **truth))
    own = truth | ({other: "another"} if other else {})
    record = {"schema_version": SCHEMA_VERSION, "ground_truth": own | {"seeds": 3}}
    for name in ("params", "layers"):
        write_json(tmp_path / f"nb201-digits-{name}-0123abcd-s3" / "run.json", record)
    if other:
        with pytest.raises(UsageError, match="an ensemble of params needs its finished run"):
            parts_of(ensemble(), tmp_path, table)
    else:
        names = [part.name for part in parts_of(ensemble(), tmp_path, table)]
        assert names == ["params-0123abcd", "layers-0123abcd"]


def test_costs_are_summed_and_what_is_no_cost_is_not():
    costs = {"compute": 3, "seconds": 1.5, "processes": 2, "device": "x", "peak_memory_mb": 7}
    parts = [Part(name, Path(), {"costs": costs}) for name in ("a", "b")]
    assert summed_costs(parts) == {"compute": 6, "seconds": 3.0}


@pytest.mark.slow
def test_parts_may_be_of_another_seed_and_are_named_where_several_fit(folders):
    own = folders("several")
    for more in ([], ["--search.mutation-rate", "0.5"]):
        tiny.run_plainly(config("params", *more), own)
    layers = tiny.run_plainly(config("layers"), own)
    with pytest.raises(UsageError, match="several finished runs of params with seed 3: name the"):
        tiny.run_plainly(ensemble(), own)
    (chosen, _) = sorted(own["runs"].glob("nb201-digits-params-*"))
    named = "-".join(chosen.name.split("-")[2:4])
    more = ["--options.of", f"{named},layers", "--seed", "9", "--options.part-seed", "3"]
    record = tiny.run_plainly(ensemble(*more), own)
    assert record["config"]["options"]["of"] == f"{named},layers-{layers['run'].split('-')[3]}"
    assert record["run"].endswith("-s9")


@pytest.mark.slow
def test_a_part_that_ranked_too_few_is_refused(folders):
    own = folders("few")
    tiny.run_plainly(config("params"), own)
    tiny.run_plainly(config("layers", "--rank.architectures", "6"), own)
    with pytest.raises(UsageError, match="was not ranked by all of"):
        tiny.run_plainly(ensemble(), own)


class AtOnce:
    """Carries a job out when it is started."""

    slots = 1

    def __init__(self):
        self.ended, self.names = [], []

    def start(self, name, job):
        self.names.append(name)
        (made,) = job(lambda *_: None)
        self.ended.append((name, made))

    def events(self, seconds):
        for name, made in self.ended:
            yield Event(job=name, result=made)
            yield Event(job=name, ended=True)
        self.ended = []

    def stop(self):
        pass


@pytest.mark.slow
def test_a_grid_carries_ensembles_out_behind_their_parts(folders, monkeypatch):
    own = folders("grid")
    executors = [AtOnce(), AtOnce()]
    made = iter(executors)
    monkeypatch.setattr("harness.grid.grid._executor", lambda *_: next(made))
    monkeypatch.setattr("harness.grid.grid.watch", lambda watcher: None)
    monkeypatch.setattr("harness.running.pipeline.FINISHERS", {})
    labelled = [("all", ensemble()), ("p", config("params")), ("l", config("layers"))]
    outcome = run_grid(labelled, Execution(**own, device="cpu"))
    assert outcome.failed == {} and list(outcome.finished) == ["all", "p", "l"]
    assert [len(one.names) for one in executors] == [2, 1]
    assert "ensemble" in executors[1].names[0]


@pytest.mark.slow
def test_parts_of_several_seeds_are_named_with_theirs(folders):
    own = folders("seeds")
    made = [tiny.run_plainly(config("params", "--seed", seed), own) for seed in "34"]
    named = "-".join(made[0]["run"].split("-")[2:4])
    record = tiny.run_plainly(ensemble("--options.of", "params-s4,params", "--seed", "3"), own)
    assert record["config"]["options"]["of"] == f"{named}-s4,{named}"
    of = f"{named}-s3,params-s4"
    again = tiny.run_plainly(ensemble("--options.of", of, "--seed", "3"), own)
    assert again["config"]["options"]["of"] == f"{named}-s3,{named}-s4"
    kinds = [scores(own, one) for one in (record, again)]
    np.testing.assert_allclose(*kinds)
    with pytest.raises(UsageError, match="needs its finished run.* --method params .* --seed 5 "):
        tiny.run_plainly(ensemble("--options.of", "params-s5,params-s4", "--seed", "5"), own)
    with pytest.raises(UsageError, match="with --seed 4 it is the same once more; give --seed 3"):
        tiny.run_plainly(ensemble("--options.of", of, "--seed", "4"), own)
    with pytest.raises(UsageError, match=f"names nb201-digits-{named}-s3 twice"):
        tiny.run_plainly(ensemble("--options.of", "params,params-s03", "--seed", "3"), own)
