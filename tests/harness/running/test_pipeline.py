"""Whole runs: what they record, that they repeat, and that no kill changes a bit of them."""

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import replace
from itertools import product
from pathlib import Path
from shutil import copytree
from signal import SIGKILL
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import tiny

from harness.cli import main
from harness.config.config import SCHEMA_VERSION, with_values
from harness.environment import processor
from harness.jobs import pool
from harness.metrics.metrics import METRICS
from harness.resuming.workspace import load_tensors, save_tensors
from harness.running import pipeline
from harness.running.assembly import sampled_rows
from harness.running.run_record import render_record
from harness.standalone.source_run import read_origin
from harness.tabular.table import Table
from reports.runs.record import load
from searchspaces.base import ImageSpec
from searchspaces.errors import UsageError
from searchspaces.registry import SPACES

ROOT = Path(pipeline.__file__).parents[2]
# In which of its writes each process of a run is killed: a checkpoint of the training, the shared
# supernet, a checkpoint of the search, that before ranking, the second line of scores, the
# history, the record.
MOMENTS = (2, 3, 4, 2, 3, 2, 3)
METRIC = {"value", "low", "high", "n"}
COSTS = {
    "steps", "path_forwards", "path_backwards", "image_passes", "compute", "scoring_image_passes",
    "seconds", "peak_memory_mb", "device",
}  # fmt: skip


@pytest.fixture(scope="module")
def references(folders):
    """Per method: the configuration of a run that trained its own supernet, folder, record."""

    def made(method):
        config, own = tiny.config(method), folders(method)
        record = tiny.run_plainly(config, own)
        return config, own["runs"] / record["run"], record

    return {method: made(method) for method in tiny.METHODS}


@pytest.fixture(params=tiny.METHODS)
def undisturbed(request, references):
    return references[request.param]


@pytest.fixture(params=tiny.KINDS)
def kind(request, references):
    """As ``undisturbed``, of those methods that keep something of their own between steps."""
    return references[request.param]


# The record -----------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_record_has_every_documented_key(undisturbed):
    config, folder, record = undisturbed
    assert record["schema_version"] == SCHEMA_VERSION
    assert record["run"] == folder.name
    assert record["config"] == json.loads(json.dumps(config.to_dict()))
    assert record["metrics"].keys() == {"all", "unique", "top10"}
    for subset in record["metrics"].values():
        assert subset.keys() == METRICS.keys()
        assert all(interval.keys() == METRIC for interval in subset.values())
    assert record["floors"].keys() == {"params", "flops", "random"}
    assert all(interval.keys() == METRIC for interval in record["floors"].values())
    assert record["ceiling"]["seed_mean"].keys() == METRIC
    assert record["costs"].keys() == COSTS
    assert record["processor"] == processor()
    assert {"python", "torch", "numpy"} <= record["versions"].keys()
    assert all(len(record[of]["sha256"]) == 64 for of in ("data", "ground_truth"))
    assert (record["split"], record["scoring"]["split"]) == ("test", "val")
    assert (record["n"], record["n_table"]) == (tiny.RANKED, tiny.ARCHITECTURES)
    assert record["found"].keys() == {"arch", "truth", "regret", "how"}
    assert record["supernet"]["reduced"] is False
    training = record["training"]
    assert training["steps"] == record["costs"]["steps"] or config.method in ("cream", "dna")
    assert 0 < training["compute"] <= record["costs"]["compute"]
    if config.method == "spos":
        assert training["compute"] == training["declared"] == 3 * record["costs"]["image_passes"]


@pytest.mark.slow
def test_a_proxy_and_scores_by_loss_are_said_in_the_record(folders):
    """The supernet's scale beside that of the ground truth's networks, which reports draw."""
    more = "--supernet.scale proxy --supernet.width 4 --supernet.resolution 6 --score.by loss"
    config, own = tiny.config("spos", *more.split()), folders("proxy")
    record = tiny.run_plainly(config, own)
    folder = own["runs"] / record["run"]
    assert record["supernet"]["scale"] == "proxy" and record["supernet"]["side"] == 6
    assert record["supernet"]["reduced"] is True
    assert record["ground_truth"]["scale"] == load(folder).truth_scale == "compact"
    assert read_origin(folder).scale == "compact"
    assert record["scoring"]["by"] == "loss"
    note = "scale proxy, width 4, on images averaged to 6x6 pixels; the networks of the ground tru"
    assert any(note in said for said in record["notes"])
    assert "scores by loss on the val split" in render_record(record, folder)
    scores = pd.read_parquet(folder / "scores.parquet")
    assert scores["score"].max() < 0 and scores["score"].nunique() > 1
    truth = SPACES["nb201"]("compact")
    image = ImageSpec(1, 12, 10)
    costs = [truth.cost(truth.decode(arch), image).params for arch in scores["arch"]]
    assert scores["params"].tolist() == costs
    assert tiny.run_plainly(config, own) == record


def test_the_files_hold_the_record_the_scores_and_the_history(undisturbed):
    config, folder, record = undisturbed
    text = (folder / "run.json").read_text()
    assert json.loads(text, parse_constant=pytest.fail) == json.loads(json.dumps(record))
    assert {path.name for path in folder.iterdir()} == {
        ".lock", "run.json", "scores.parquet", "history.parquet",
    }  # fmt: skip
    assert record["files"] == {
        name: hashlib.sha256((folder / name).read_bytes()).hexdigest()
        for name in ("scores.parquet", "history.parquet")
    }
    scores = pd.read_parquet(folder / "scores.parquet")
    assert list(scores.columns) == ["arch", "score", "truth", "params", "madds"]
    assert len(scores) == tiny.RANKED
    right = 2 * scores["score"]  # of 200 validation images
    if config.method in ("darts", "gdas", "dna"):
        assert (right > 0).all() or (config.method == "dna" and (right < 0).all())
    else:
        assert (right == right.round()).all() and right.nunique() > 1
    history = pd.read_parquet(folder / "history.parquet")
    epochs = 1 if config.method == "cream" else 2  # its board is scored once
    assert history["step"].tolist() == [2, 4, 6, *range(1, epochs + 1)]
    assert history["phase"].tolist() == ["train"] * 3 + ["search"] * epochs
    assert np.isfinite(history.loc[history["phase"] == "train", "loss"]).all()


def test_costs_are_counted_and_not_guessed(undisturbed):
    config, _, record = undisturbed
    costs, batch, scored = record["costs"], 16, 64 + 200  # images to calibrate and to score
    paths = {"spos": 1, "mixpath": 1, "fairnas": 5, "ennas": 4, "darts": 10, "gdas": 2}
    paths |= {"few-shot": 1, "sandwich": 4}
    if config.method in paths:
        paths = paths[config.method]
        assert costs["steps"] == 6
        assert costs["path_forwards"] == costs["path_backwards"] == 6 * paths
        assert costs["image_passes"] == 6 * paths * batch
        images = 0 if config.method in ("darts", "gdas") else (2 * 4 + tiny.RANKED) * scored
        assert costs["scoring_image_passes"] == images
    elif config.method == "dna":  # a quarter of the steps, rounded, are the teacher's
        assert costs["steps"] == costs["path_backwards"] == 6
        assert costs["path_forwards"] == 2 + 2 * 4
        assert costs["image_passes"] == costs["path_forwards"] * batch
    elif config.method == "cream":  # teachers, and the meta updates with their own steps
        assert costs["steps"] > 6
        assert costs["path_forwards"] > costs["path_backwards"] > 6
    else:
        assert costs["path_forwards"] > costs["path_backwards"] > 6
        assert costs["image_passes"] == costs["path_forwards"] * batch


def test_a_search_epoch_is_compared_with_the_truths_that_there_are(folders):
    table = Table.load(next(folders("")["data"].glob("*.parquet")))
    space = SPACES["nb201"]("compact")
    order = sorted([0, 4, 9, 12], key=table.truth("test").__getitem__)
    known = [space.decode(table.archs[row]) for row in order]
    strange = next(a for a in product(range(5), repeat=6) if space.encode(a) not in table.archs)
    run = SimpleNamespace(table=table, space=space)
    scored = [*zip(known, (1.0, 2.0, 4.0, 3.0), strict=True), (strange, 9.0)]
    row = pipeline.Run._search_row(run, 0, scored)
    assert (row["scored"], row["known"], row["best"]) == (5, 4, 9.0)
    assert (row["phase"], row["step"], row["mean"]) == ("search", 1, 19 / 5)
    assert row["tau"] == pytest.approx(4 / 6)
    row = pipeline.Run._search_row(run, 1, [(strange, -9.0)])
    assert (row["best"], row["known"], row["tau"]) == (-9.0, 0, None)
    row = pipeline.Run._search_row(run, 4, [])
    assert (row["step"], row["scored"], row["best"], row["mean"]) == (5, 0, 0.0, 0.0)


def test_every_method_ranks_the_same_sample(undisturbed, folders):
    _, folder, _ = undisturbed
    table = Table.load(next(folders("")["data"].glob("*.parquet")))
    rows = sampled_rows(table, tiny.RANKED)
    scores = pd.read_parquet(folder / "scores.parquet")
    assert scores["arch"].tolist() == [table.archs[row] for row in rows]
    assert scores["truth"].tolist() == table.truth("test")[rows].tolist()
    assert scores["params"].tolist() == table.params[rows].tolist()


def test_a_sample_is_random_and_without_repetition(folders):
    table = Table.load(next(folders("")["data"].glob("*.parquet")))
    everything = np.arange(tiny.ARCHITECTURES).tolist()
    for number in (0, tiny.ARCHITECTURES, tiny.ARCHITECTURES + 1):
        assert sampled_rows(table, number).tolist() == everything
    drawn = np.random.default_rng(2023).choice(tiny.ARCHITECTURES, 10, replace=False)
    assert sampled_rows(table, 10).tolist() == sorted(set(drawn.tolist())) != everything[:10]


# The same numbers, whatever happens -------------------------------------------------------------


@pytest.mark.slow
def test_a_run_killed_again_and_again_ends_with_the_same_bits(kind, folders):
    config, reference, _ = kind
    own = folders(f"killed {config.method}")
    for attempt, writes in enumerate(MOMENTS):
        assert tiny.run_killed(config, own, writes) == -SIGKILL, attempt
        (folder,) = own["runs"].glob("nb201-*")
        assert not (folder / "run.json").exists()
        stream = folder / "scores.partial.jsonl"
        if stream.exists():
            with open(stream, "a") as cut:
                cut.write('{"archs": [[1,')
    assert stream.exists()
    record = tiny.run_plainly(config, own)
    assert record["run"] == reference.name
    assert tiny.same(reference, folder)
    assert {path.name for path in folder.iterdir()} == {path.name for path in reference.iterdir()}


@pytest.mark.slow
def test_a_shared_supernet_gives_what_training_it_gives(kind, folders, capsys):
    config, reference, record = kind
    trained_by = {"spos": "mngnas", "mngnas": "spos"}.get(config.method, config.method)
    shared = folders(f"shared {config.method}")
    copytree(folders(trained_by)["runs"] / "supernets", shared["runs"] / "supernets")
    for path in (shared["runs"] / "supernets").glob("*.pt"):
        save_tensors(path, load_tensors(path) | {"seconds": 5000.0})
    taken = tiny.run_plainly(config, shared)
    assert 5000 < taken["costs"]["seconds"] < 6000  # its training counts
    assert "supernet taken" in capsys.readouterr().err
    assert tiny.same(reference, shared["runs"] / record["run"])


@pytest.mark.slow
def test_another_seed_or_recipe_trains_a_supernet_of_its_own(folders):
    spos = tiny.config("spos")

    def supernet(config):
        space, table = pipeline.ground_truth(config, folders("")["data"])
        execution = pipeline.Execution(**folders("none"), device="cpu")
        return pipeline.Run(config, execution, None, space, table).shared_supernet()

    arms = [with_values(tiny.config("mngnas"), {"options.kd": kd}) for kd in ("none", "full")]
    assert {supernet(config) for config in arms} == {supernet(spos)}
    values = {"seed": 4, "train.lr": 0.2, "train_images": 500, "supernet.width": 4}
    changed = {supernet(with_values(spos, {name: value})) for name, value in values.items()}
    changed.add(supernet(with_values(spos, {"options.reject_dead": True})))
    assert len(changed | {supernet(spos)}) == len(values) + 2
    assert supernet(with_values(spos, {"score.bn": "batchstat"})) == supernet(spos)


def test_other_instructions_train_a_supernet_of_their_own_for_the_same_run(folders, monkeypatch):
    spos = tiny.config("spos")
    space, table = pipeline.ground_truth(spos, folders("")["data"])

    def supernet():
        execution = pipeline.Execution(**folders("none"), device="cpu")
        return pipeline.Run(spos, execution, None, space, table).shared_supernet()

    name, here = spos.run_name(table.meta.identity), supernet()
    limit = "ONEDNN_MAX_CPU_ISA"
    monkeypatch.setenv(limit, "AVX" if os.environ.get(limit) == "SSE41" else "SSE41")
    assert here != supernet()
    assert spos.run_name(table.meta.identity) == name


@pytest.mark.slow
def test_scores_do_not_depend_on_the_number_of_processes(kind, folders, monkeypatch):
    config, reference, record = kind
    two = folders(f"two processes {config.method}")
    monkeypatch.setattr(pool, "get_context", tiny.quick_context)
    tiny.run_plainly(config, two, workers=2)
    assert tiny.same(reference, two["runs"] / record["run"])


# Reuse ------------------------------------------------------------------------------------------


def test_the_same_command_twice_finds_the_record(undisturbed, folders, monkeypatch, capsys):
    config, folder, record = undisturbed
    monkeypatch.setattr(pipeline, "Run", pytest.fail)
    (folder / "checkpoint.pt").touch()  # as if a kill had come before its removal
    assert tiny.run_plainly(config, folders(config.method)) == record
    assert not (folder / "checkpoint.pt").exists()
    assert f"{folder} holds this run finished.\n" in capsys.readouterr().err
    tiny.run_plainly(config, folders(config.method), keep_checkpoint=True)
    assert "finished. Its weights were not kept: delete it" in capsys.readouterr().err


def test_a_changed_table_or_seed_is_another_run(folders, tmp_path):
    config, data = tiny.config("spos"), folders("")["data"]
    tiny.make_table(tmp_path, version="2")
    names = {
        chosen.run_name(pipeline.ground_truth(chosen, place)[1].meta.identity)
        for chosen in (config, replace(config, seed=9))
        for place in (data, tmp_path)
    }
    assert len(names) == 4


# From the command line --------------------------------------------------------------------------


@pytest.mark.slow
def test_the_command_prints_the_record_as_json_or_in_words(folders, capsys):
    own = folders("command")
    execution = ["--data", str(own["data"]), "--runs", str(own["runs"]), "--workers", "1"]
    arguments = tiny.arguments("spos", *execution)
    command = [sys.executable, "-m", "harness.run", *arguments, "--json"]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    record = json.loads(printed.stdout, parse_constant=pytest.fail)
    folder = own["runs"] / record["run"]
    assert record == json.loads((folder / "run.json").read_text())
    assert (folder / "scatter.png").read_bytes().startswith(b"\x89PNG")
    assert "100%" in printed.stderr
    (folder / "scatter.png").unlink()
    assert main(["run", *arguments]) == 0
    summary = capsys.readouterr().out
    assert f"{record['metrics']['all']['kendall_tau']['value']:.4f}" in summary
    assert record["found"]["arch"] in summary
    assert str(folder / "run.json") in summary
    assert (folder / "scatter.png").exists()  # drawn again from the record


# What the user can mend -------------------------------------------------------------------------


def test_a_loss_that_is_not_finite_ends_the_run(folders):
    wild = with_values(tiny.config("spos"), {"train.lr": 1e30, "train.clip": 0.0})
    own = folders("wild")
    with pytest.raises(UsageError, match=r"not finite at step 2; there is no .*--train.lr"):
        tiny.run_plainly(wild, own)
    assert not list(own["runs"].glob("*/run.json"))
    assert not list(own["runs"].glob("supernets/*"))


@pytest.mark.slow
def test_a_damaged_checkpoint_is_named(folders):
    config, own = tiny.config("spos"), folders("damaged")
    assert tiny.run_killed(config, own, 2) == -SIGKILL
    (checkpoint,) = own["runs"].glob("*/checkpoint.pt")
    checkpoint.write_bytes(checkpoint.read_bytes()[:1000])
    with pytest.raises(UsageError, match="checkpoint.pt is damaged .*delete it and run again"):
        tiny.run_plainly(config, own)


def test_a_table_without_test_accuracies_is_refused_before_anything_is_done(tmp_path):
    table = tiny.make_table(tmp_path / "whole")
    only = {name: values for name, values in table.accuracies.items() if name.startswith("val")}
    replace(table, accuracies=only).save(tmp_path / "data" / "table.parquet")
    with pytest.raises(UsageError, match="has no test.4.mean"):
        tiny.run_plainly(
            tiny.config("spos"), {"data": tmp_path / "data", "runs": tmp_path / "runs"}
        )
    assert not (tmp_path / "runs").exists()


@pytest.mark.slow
def test_a_table_need_not_know_sizes(tmp_path):
    table = replace(tiny.make_table(tmp_path / "whole"), params=None, madds=None)
    table.save(tmp_path / "data" / "table.parquet")
    own = {"data": tmp_path / "data", "runs": tmp_path / "runs"}
    record = tiny.run_plainly(tiny.config("spos"), own)
    assert record["floors"]["params"]["value"] is None
    scores = pd.read_parquet(own["runs"] / record["run"] / "scores.parquet")
    assert list(scores.columns) == ["arch", "score", "truth"]
