"""The record of a run, part by part, on a run that is made up; and protocols that come later."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import tiny
import torch
from planted import PlantedSpace
from tables import made_meta

from harness.config.config import SCHEMA_VERSION, with_values
from harness.environment import describe_device
from harness.files.store import write_json
from harness.metrics import ceiling
from harness.metrics.scored import Scored
from harness.resuming.workspace import Workspace
from harness.running import run_record
from harness.running.parts import Part
from harness.running.run_record import (
    record_of,
    render_record,
    with_protocols,
)
from harness.running.run_scores import read_scores_columns, scores_columns
from harness.running.timing import Timing
from harness.tabular.table import Table
from searchspaces.base import ImageSpec
from searchspaces.errors import UsageError

CPU = torch.device("cpu")
ARCHS = [f"{row:04d}" for row in (1, 2, 10, 11, 12, 20, 21, 22, 100, 101)]


@pytest.fixture
def table():
    truth = np.linspace(10.1, 90.3, 10)
    columns = {"test.5.mean": truth, "val.5.mean": truth - 1, "val.5.0": truth - 1}
    columns |= {f"test.5.{seed}": truth + seed - 1 for seed in range(3)}
    training = {"truth": "whole", "truth_images": {"whole": 9}}
    meta = made_meta(
        space="planted", version="7", sha256="a" * 64, training=training, resolution={"test": 0.5}
    )
    return Table(meta, ARCHS, columns, np.arange(10) + 100, np.arange(10) + 1000)


@dataclass(frozen=True)
class Watched:
    def record(self):
        return {"every": 4}


@pytest.fixture
def made(table):
    """``made(**changes)``: a run of as many numbers as can be told apart."""

    def make(config=None, **changes):
        space = SimpleNamespace(scale="proxy")
        supernet = torch.nn.Linear(7, 3)
        recipe = SimpleNamespace(steps=55)
        method = SimpleNamespace(
            trains=True,
            scores_images=True,
            space=space,
            supernet=supernet,
            setting=SimpleNamespace(recipe=recipe, costs={}),
            costs={"compute": 77, "image_passes": 8, "steps": 55},
            notes=lambda: ["Of the method."],
        )
        usual = {
            "config": config or tiny.config("spos"),
            "table": table,
            "workspace": SimpleNamespace(folder=SimpleNamespace(name="a-run")),
            "task": SimpleNamespace(
                train=range(70),
                val=range(30),
                test=range(50),
                image=ImageSpec(1, 6, 10),
                original=ImageSpec(1, 12, 10),
                source="",
                notes=(),
            ),
            "images": "f" * 64,
            "space": SimpleNamespace(scale="compact", size=81),
            "method": method,
            "timing": None,
            "watch": None,
            "seconds": 12.345,
            "device": CPU,
            "processes": {"processes": 2},
            "parts": [],
            "trained": 0.0,
        }
        return SimpleNamespace(**usual | changes)

    return make


def recorded(run):
    return record_of(run, {"notes": ["Of the scores."], "n": 10}, {"arch": "0001"})


def test_every_part_of_a_record(made):
    run = made(with_values(tiny.config("spos"), {"score.images": 20, "score.bn": "running"}))
    record = recorded(run)
    assert record["schema_version"] == SCHEMA_VERSION and record["run"] == "a-run"
    assert record["n"] == 10 and record["found"] == {"arch": "0001"}
    assert record["config"] == run.config.to_dict()
    assert record["data"] == {"train": 70, "val": 30, "test": 50, "sha256": "f" * 64}
    assert record["ground_truth"] == {
        "table": "planted-small-digits",
        "scale": "compact",
        "truth": "whole",
        "split": "test",
        "seeds": 3,
        "version": "7",
        "sha256": "a" * 64,
    }
    assert record["scoring"] == {"split": "val", "bn": "running", "by": "accuracy", "images": 20}
    assert record["training"] == {"equalise": "steps", "steps": 55}
    assert record["supernet"] == {"scale": "proxy", "side": 6, "parameters": 24, "reduced": True}
    memory = record["costs"].pop("peak_memory_mb")
    assert memory > 0 and record["costs"] == {
        "scoring_image_passes": 0,
        "path_forwards": 0,
        "path_backwards": 0,
        "compute": 77,
        "image_passes": 8,
        "steps": 55,
        "seconds": 12.3,
        "device": describe_device(CPU),
        "processes": 2,
    }
    assert record["notes"] == [
        "Of the scores.",
        "the supernet is reduced: scale proxy, on images averaged to 6x6 pixels; the networks of "
        "the ground truth are of scale compact",
        "Of the method.",
    ]
    assert "watch" not in record
    assert recorded(made(watch=Watched()))["watch"] == {"every": 4}


def test_notes_of_a_timing_of_known_costs_and_of_a_budget_come_last(made):
    values = {"equalise": "compute", "train.batch_size": 10, "train.steps": 2}
    values |= {"search.cost": "latency", "search.max_cost": 9.0}
    timing = Timing(4.0, 0.04, 0.01, "a machine")
    run = made(with_values(tiny.config("spos"), values), timing=timing)
    run.method.setting.costs = {"0001": 1.0, "0002": float("nan")}
    run.method.costs["compute"] = 2 * 2 * 10 * 3
    record = recorded(run)
    *_, first, second, third = record["notes"]
    assert first == timing.note(run.config)
    assert second.startswith("the search is among the 1 of 81 architectures whose latency")
    assert third.startswith("its scores cost 2 times the compute of 2 steps of one path")
    assert record["training"]["timing"] == {
        "ratio": 4.0,
        "step": 0.04,
        "spos_step": 0.01,
        "device": "a machine",
    }


@pytest.mark.parametrize(
    ("values", "method", "scoring"),
    [
        ({"score.images": 0}, {}, ("val", "recalibrate", "accuracy", 30)),
        ({"score.by": "loss"}, {}, ("val", "recalibrate", "loss", 200)),
        ({"score.by": "loss"}, {"scores_images": False}, ("val", "recalibrate", "method", 200)),
        ({}, {"trains": False, "scores_images": False}, ("none", "none", "method", 0)),
        ({}, {"trains": False}, ("val", "own", "accuracy", 200)),
    ],
)
def test_where_scores_come_from(made, values, method, scoring):
    run = made(with_values(tiny.config("spos"), values))
    vars(run.method).update(method)
    found = recorded(run)["scoring"]
    assert (found["split"], found["bn"], found["by"], found["images"]) == scoring


def test_an_ensemble_is_of_images_where_one_of_its_parts_is(made):
    run = made()
    run.method.trains = run.method.scores_images = False
    costs = {"compute": 1234, "seconds": 5.6, "device": "x"}
    proxy, net = (
        Part(
            name,
            Path(),
            {"scoring": {"split": split, "images": 64}, "costs": costs, "data": {"train": images}},
        )
        for name, split, images in (("synflow-1", "none", 0), ("spos-2", "val", 9))
    )
    run.task.train = run.task.val = run.task.test = ()
    for parts, split, images in (([proxy], "none", 0), ([proxy, net], "val", 64)):
        run.parts = parts
        assert run_record._scoring(run)["split"] == split
        assert run_record._scoring(run)["images"] == images
    assert recorded(run)["data"] == {"train": 9}  # of the part that has seen some
    run.parts = [proxy]
    assert recorded(run)["data"] == {"train": 0, "val": 0, "test": 0, "sha256": None}
    run.parts = [proxy, net]
    assert (
        "costs of its parts: synflow-1: 1,234 compute, 6 s; spos-2: 1,234 compute, 6 s"
        in (recorded(run)["notes"])
    )


def test_what_reads_no_image_says_so(made):
    note = "no image of the task was read"
    assert note not in recorded(made())["notes"]
    run = made()
    run.task.train = run.task.val = run.task.test = ()
    run.method.trains = run.method.scores_images = False
    record = recorded(run)
    assert note in record["notes"] and record["data"]["sha256"] is None
    assert any("scale proxy;" in told for told in record["notes"])
    assert not any("averaged" in told for told in record["notes"])


def test_scores_of_images_without_training_say_of_how_many(made):
    run = made()
    run.method.trains = run.method.scores_images = False
    run.config = SimpleNamespace(options=SimpleNamespace(images=64))
    assert run_record._scoring(run)["images"] == 64


@pytest.mark.parametrize(
    ("values", "scale", "averaged", "note"),
    [
        ({}, "compact", False, ""),
        ({"supernet.width": 4}, "compact", False, "scale compact, width 4; the"),
        ({"supernet.cells": 2}, "compact", False, "scale compact, 2 cells; the"),
        ({"supernet.width": 4, "supernet.cells": 2}, "compact", True, "compact, width 4, 2 cells, on"),
        ({}, "proxy", False, "scale proxy; the"),
        ({}, "compact", True, "scale compact, on images averaged to 6x6 pixels; the"),
    ],
)  # fmt: skip
def test_what_is_reduced_is_said(made, values, scale, averaged, note):
    run = made(with_values(tiny.config("spos"), values))
    run.method.space.scale = scale
    run.task.original = run.task.original if averaged else None
    record = recorded(run)
    assert record["supernet"]["reduced"] is bool(note)
    assert [note in said for said in record["notes"] if "reduced" in said] == [True] * bool(note)
    run.method.trains = False
    assert any("scored networks are reduced" in n for n in recorded(run)["notes"]) is bool(note)


def test_columns_of_scores_have_truths_at_the_resolution_of_an_image(table):
    rows, scores = np.array([7, 2, 5]), np.array([0.1, 0.2, 0.3])
    columns = scores_columns(table, rows, scores)
    assert {name: values.tolist() for name, values in columns.items()} == {
        "arch": [ARCHS[row] for row in rows],
        "score": [0.1, 0.2, 0.3],
        "truth": [np.rint(table.accuracy("test")[row] / 0.5) * 0.5 for row in rows],
        "params": [107, 102, 105],
        "madds": [1007, 1002, 1005],
    }
    bare = replace(table, params=None, madds=None, distinct=True)
    assert list(scores_columns(bare, rows, scores)) == ["arch", "score", "truth"]


def test_protocols_that_a_record_lacks_are_measured_on_its_scores(table, tmp_path, monkeypatch):
    monkeypatch.setattr(ceiling, "_SIMULATED", 1)
    workspace, space = Workspace(tmp_path), PlantedSpace()
    scores = dict(zip(ARCHS, np.random.default_rng(0).normal(size=10).tolist(), strict=True))
    frame = pd.DataFrame({"arch": list(scores), "score": list(scores.values())})
    frame.to_parquet(workspace.scores_path)
    interval = {"value": 1.0, "low": None, "high": None, "n": 10}
    record = {
        "metrics": {"all": {"best_rank_at_k": interval, "precision_at_top": interval}},
        "protocols": {"top10": {"n": 3}},
    }
    given = (workspace, space, table)
    assert with_protocols(record, *given, ["top10"])["protocols"] == record["protocols"]
    assert not workspace.record_path.exists()
    found = with_protocols(record, *given, ["top10", "random-6", "unique"])
    whole = Scored.of(table, scores, "test", space=space, population=81)
    assert whole.fraction == 10 / 81
    expected = {name: whole.under(name) for name in ("random-6", "unique")}
    assert found["protocols"] == {"top10": {"n": 3}} | expected
    assert found["metrics"]["all"].keys() == {"best_rank_at_10", "precision_at_top10pct"}
    assert json.loads(workspace.record_path.read_text()) == json.loads(json.dumps(found))


def test_scores_that_cannot_be_read_are_named(tmp_path):
    path = tmp_path / "scores.parquet"
    with pytest.raises(UsageError, match="delete its folder and run again"):
        read_scores_columns(path)
    path.write_bytes(b"PAR1")
    with pytest.raises(UsageError, match="scores.parquet"):
        read_scores_columns(path)
    write_json(path, {})
    with pytest.raises(UsageError, match="scores.parquet"):
        read_scores_columns(path)


def test_a_record_in_words(monkeypatch, tmp_path):
    monkeypatch.setattr(run_record, "render", lambda record: "THE GRIDS")
    monkeypatch.setattr(run_record, "headline", lambda record: "THE ANSWER")
    record = {
        "config": {"method": "spos", "space": "toy", "seed": 7, "preset": "smoke"},
        "scoring": {"split": "val", "bn": "running", "by": "loss"},
        "found": {"arch": "abc", "truth": 81.234, "regret": -0.567, "how": "read"},
        "costs": {
            "steps": 1001,
            "path_forwards": 2002,
            "path_backwards": 3003,
            "image_passes": 4004,
            "scoring_image_passes": 5005,
            "compute": 6006,
            "seconds": 12.4,
            "device": "a machine",
        },
    }
    assert render_record(record, tmp_path).splitlines() == [
        "THE ANSWER",
        "spos on toy, seed 7, preset smoke; scores by loss on the val split, BN running",
        "THE GRIDS",
        "Found abc",
        "  by its search; test accuracy 81.23 % (read), regret -0.57 points.",
        "Cost: 1,001 steps, 2,002 path-forwards, 3,003 path-backwards, 4,004 image passes, "
        "6,006 compute, 12 s on a machine.",
        f"Record {tmp_path / 'run.json'}, picture {tmp_path / 'scatter.png'}",
        "Another seed ranks otherwise: give --seed 8 too, then "
        f"`nas-harness compare {tmp_path.parent}`.",
    ]
    record["found"] |= {"truth": None, "how": "not measured"}
    record["scoring"] = {"split": "none", "bn": "none", "by": "method"}
    del record["costs"]["compute"]
    words = render_record(record, tmp_path).splitlines()
    assert words[1].endswith("smoke; nothing trained")
    assert words[4] == "  by its search; test accuracy not measured."
    assert "4,004 image passes, 12 s" in words[5]
