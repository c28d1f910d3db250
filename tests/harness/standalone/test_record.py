"""Records of stand-alone trainings in words, which are in full, and what a run found before."""

from pathlib import Path

import pytest

from harness.config.config import SCHEMA_VERSION
from harness.files.store import write_json
from harness.standalone.record import in_full, render
from harness.standalone.source_run import Origin, read_origin
from searchspaces.errors import UsageError


def test_a_record_in_words():
    record = {
        "config": {"space": "toy", "task": "flowers", "seed": 7, "recipe": "short"},
        "arch": "abc",
        "data": {"train": 1600, "test": 2400, "train_on": "train+val"},
        "network": {"params": 1_234_567, "madds": 98_765_432},
        "result": {"test_error": 12.345, "test_top5_error": 1.5, "val_accuracy": 81.25},
        "costs": {"epochs": 3, "steps": 1500, "seconds": 12.4, "device": "a machine"},
        "notes": ["A note."],
    }
    search = {"days": 0.125, "device": "another", "covers": "all of it", "run": "r"}
    assert render(record, Path("there"), search).splitlines() == [
        "toy stand-alone on flowers, seed 7, recipe short, 3 epochs of 1,600 images (train+val)",
        "  abc",
        "  test error     12.35 %, top-5 1.50 % (2,400 images)",
        "  parameters     1.235 M",
        "  multiply-adds  98.77 M",
        "  validation     81.25 % right",
        "  search cost    0.1250 days on another (all of it; run r)",
        "Cost: 1,500 steps, 12 s on a machine.",
        "note  A note.",
        "Record there/standalone.json",
    ]
    record["result"] |= {"test_top5_error": None, "val_accuracy": None}
    record["costs"] |= {"epochs": 1}
    words = render(record, Path("there")).splitlines()
    assert "1 epoch of" in words[0] and words[2] == "  test error     12.35 % (2,400 images)"
    assert not any("validation" in line or "search cost" in line for line in words)


def test_full_trainings_are_told_by_their_record():
    full = {
        "config": {"preset": "paper", "train_images": 0, "eval_images": 0},
        "network": {"reduced": False},
        "recipe": {"changed": {}},
    }
    assert in_full(full)
    for part, change in (
        ("config", {"preset": "laptop"}),
        ("config", {"train_images": 9}),
        ("config", {"eval_images": 9}),
        ("network", {"reduced": True}),
        ("recipe", {"changed": {"lr": 0.1}}),
    ):
        assert not in_full(full | {part: full[part] | change})


def test_the_origin_of_what_a_run_found(tmp_path):
    record = {
        "schema_version": SCHEMA_VERSION,
        "run": "a-run",
        "config": {
            "space": "toy",
            "task": "flowers",
            "method": "spos",
            "seed": 7,
            "preset": "smoke",
        },
        "costs": {"seconds": 21_600, "device": "a machine"},
        "ground_truth": {"scale": "benchmark"},
        "supernet": {"scale": "proxy"},
        "found": {"arch": "abc"},
    }
    write_json(tmp_path / "run.json", record)
    search = {
        "run": "a-run",
        "method": "spos",
        "seed": 7,
        "preset": "smoke",
        "seconds": 21_600.0,
        "days": 0.25,
        "device": "a machine",
        "covers": "training the supernet, search and ranking",
    }
    assert read_origin(tmp_path) == Origin("toy", "flowers", "benchmark", "abc", search)
    write_json(tmp_path / "run.json", record | {"ground_truth": {}})
    assert read_origin(tmp_path).scale == "proxy"
    write_json(tmp_path / "run.json", record | {"schema_version": SCHEMA_VERSION - 1})
    with pytest.raises(UsageError, match="was written by another version"):
        read_origin(tmp_path)
    write_json(tmp_path / "run.json", record | {"found": None})
    with pytest.raises(UsageError, match="is damaged .TypeError"):
        read_origin(tmp_path)
    with pytest.raises(UsageError, match="holds no finished run .run.json.; .* --arch"):
        read_origin(tmp_path / "nowhere")
