"""Every measure of a cell, of one record in which no two numbers are equal."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from harness.config.config import SCHEMA_VERSION
from harness.metrics.metrics import METRICS
from harness.tasks import IMAGES
from reports.papers.measured.measures import MEASURES
from reports.papers.measured.truths import Truths
from reports.runs.record import load
from searchspaces.nb201.space import NASBench201


@pytest.fixture
def numbers(make_item, record_run, make_interval, data, truth):
    """The record of a run that found an architecture of a table, and the numbers in it."""
    drawn = iter(np.random.default_rng(0).uniform(0.1, 0.9, 100).tolist())
    metrics = {
        subset: {name: make_interval(next(drawn), 0.01) for name in METRICS}
        for subset in ("all", "unique", "top10")
    }
    found = {"arch": truth.archs[7], "truth": 93.25, "regret": 1.75, "how": "read"}
    costs = {"seconds": 172_800.0, "image_passes": 3_000_000, "scoring_image_passes": 500_000}
    (_, config), *_ = make_item().configs()
    folder = record_run(config, metrics=metrics, found=found, costs=costs)
    epochs = {
        "phase": ["epoch"] * 4 + ["supernet"],
        "step": [3, 1, 2, 4, 5],
        "teacher_accuracy": [55.0, 50.0, 63.0, None, 99.0],
        "student_accuracy": [49.0, 46.0, None, 70.0, 10.0],
    }
    pd.DataFrame(epochs).to_parquet(folder / "history.parquet", index=False)
    detector = {
        "schema_version": SCHEMA_VERSION,
        "reduced": False,
        "result": {"map": 31.0, "ap50": 52.0, "ap75": 33.0},
        "backbone": {"params": 4.5, "madds": 600.5},
        "found_by": [{"run": folder.name}],
    }
    path = folder.parent / "detection" / "one" / "detection.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(detector))
    return load(folder), metrics


def test_every_measure_is_the_number_of_its_name(numbers, data, truth):
    record, metrics = numbers
    space = NASBench201("compact")
    cost = space.cost(space.decode(truth.archs[7]), IMAGES["digits"])
    everyone = {name: value["value"] for name, value in metrics["all"].items()}
    expected = {
        "tau": everyone["kendall_tau"],
        "unique_tau": metrics["unique"]["kendall_tau"]["value"],
        "top10_tau": metrics["top10"]["kendall_tau"]["value"],
        "weighted_tau": everyone["weighted_tau"],
        "spearman": everyone["spearman"],
        "pearson": everyone["pearson"],
        "precision_at_top": everyone["precision_at_top10pct"],
        "found_accuracy": 93.25,
        "found_error": 6.75,
        "found_val_accuracy": truth.accuracy("val")[7],
        "found_params": cost.params / 1e6,
        "found_madds": cost.madds / 1e6,
        "teacher_end": 55.0,  # by the last step that has one, not the highest
        "teacher_mean": 56.0,
        "teacher_gain": 5.0,
        "detected_map": 31.0,
        "detected_ap50": 52.0,
        "detected_ap75": 33.0,
        "detected_params": 4.5,
        "detected_madds": 600.5,
        "regret": 1.75,
        "search_seconds": 172_800.0,
        "search_days": 2.0,
        "image_passes": 3.0,
    }
    found = {name: measure(record, Truths(data)) for name, measure in MEASURES.items()}
    assert found == pytest.approx(expected)
    assert len(set(found.values())) == len(found)


def test_a_validation_accuracy_is_of_the_table_that_the_run_was_ranked_against(numbers, data):
    record, _ = numbers
    measure = MEASURES["found_val_accuracy"]
    assert measure(record, Truths(data)) is not None
    for part, changes in (("ground_truth", {"sha256": "another"}), ("found", {"arch": "none"})):
        changed = replace(record, content=record.content | {part: record.get(part) | changes})
        assert measure(changed, Truths(data)) is None


def test_without_teachers_there_is_no_number_of_them(make_item, record_run, data):
    (_, config), *_ = make_item().configs()
    folder = record_run(config)
    teachers = [measure for name, measure in MEASURES.items() if name.startswith("teacher")]
    assert [measure(load(folder), Truths(data)) for measure in teachers] == [None] * 3
    epochs = {"phase": ["epoch"], "step": [1], "student_accuracy": [50.0]}
    pd.DataFrame(epochs).to_parquet(folder / "history.parquet", index=False)
    assert [measure(load(folder), Truths(data)) for measure in teachers] == [None] * 3
