"""What counts as trained in full, and what makes a run less."""

import json
from pathlib import Path

import pytest

from harness.config.presets import PRESETS
from reports.papers.measured import results as tags
from reports.papers.measured.measures import Retrainings
from reports.papers.measured.runs import shortfalls
from reports.runs.record import Record
from searchspaces.errors import UsageError


def runs_of(item, row, **choices):
    return [config for found, config in item.configs(**choices) if found.id == row]


@pytest.fixture
def full(make_item, record_run, measured):
    """The cell of SPOS by the paper preset on CIFAR-10, with changes of options and record."""

    def cell(changes=None, study="", column="tau", **record):
        item = make_item({"seeds = [0, 1]": f'task = "cifar10"\nseeds = [0]\n{study}'})
        choices = {"preset": "paper", "changes": changes}
        record_run(runs_of(item, "spos", **choices)[0], **record)
        return measured(item, **choices).cell("spos", column)

    return cell


def test_printed_hyper_parameters_at_full_scale_are_full(full):
    cell = full()
    assert (cell.tag, cell.shortfalls) == (tags.TRAINED_FULL, ())


@pytest.mark.parametrize(
    "changes, reason",
    [
        ({"train_images": 500}, "fewer training images"),
        ({"supernet.width": 4}, "a smaller supernet"),
        ({"supernet.cells": 1}, "a smaller supernet"),
        ({"rank.architectures": 50}, "a sample of the architectures"),
        ({"train.steps": 50}, "options other than the printed ones"),
    ],
)
def test_whatever_is_less_is_reduced(full, changes, reason):
    cell = full(changes)
    assert cell.tag == tags.TRAINED_REDUCED
    assert reason in cell.shortfalls


def test_a_ground_truth_of_the_harness_is_reduced(full, truth):
    cell = full(data={"sha256": truth.meta.sha256})
    assert cell.tag == tags.TRAINED_REDUCED
    assert cell.shortfalls == ("stand-alone training by the harness's short recipe",)


def test_the_papers_own_sample_of_architectures_is_full(full):
    assert full(study="rank.architectures = 1000").tag == tags.TRAINED_FULL


def test_a_method_without_printed_hyper_parameters_is_reduced(make_item, monkeypatch):
    item, reason = make_item(), "no printed hyper-parameters for the method"
    config = runs_of(item, "spos", preset="paper", task="cifar10")[0]
    assert reason not in shortfalls(item, item.row("spos"), config, Record(Path(), {}))
    monkeypatch.delitem(PRESETS["paper"], "spos")
    config = runs_of(item, "spos", preset="paper", task="cifar10")[0]
    assert reason in shortfalls(item, item.row("spos"), config, Record(Path(), {}))


def test_the_embedded_task_and_small_presets_are_reduced(full_results):
    short = full_results.cell("spos", "tau").shortfalls
    assert short[:2] == ("the embedded task", "preset laptop")


@pytest.fixture
def retrained(make_item, record_run, measured, tmp_path, truth):
    """The error of SPOS on CIFAR-10 with stand-alone trainings of what it found beside the run."""

    def cell(*accuracies, measure="found_error", seeds=(0,), **changes):
        own = {"seeds = [0, 1]": f'task = "cifar10"\nseeds = {[*seeds]}'}
        item = make_item(own | {'measure = "found_error"': f'measure = "{measure}"'})
        runs = [
            record_run(config, data={"sha256": truth.meta.sha256}).name
            for config in runs_of(item, "spos", preset="paper")
        ]
        run = runs[0]
        own = {"task": "cifar10", "preset": "paper", "train_images": 0, "eval_images": 0}
        for number, accuracy in enumerate(accuracies):
            record = {
                "schema_version": 1, "config": own | changes, "network": {"reduced": False},
                "recipe": {"changed": {}}, "result": {"test_accuracy": accuracy},
                "found_by": [{"run": run}],
            }  # fmt: skip
            folder = tmp_path / "runs" / "standalone" / str(number)
            folder.mkdir(parents=True)
            (folder / "standalone.json").write_text(json.dumps(record))
        return measured(item, preset="paper").cell("spos", "error")

    return cell


def test_stand_alone_trainings_in_full_stand_in_for_the_ground_truth(retrained):
    cell = retrained(96.0, 97.0)
    assert (cell.value, cell.n, cell.tag) == (pytest.approx(3.5), 1, tags.TRAINED_FULL)


def test_an_accuracy_is_that_of_the_stand_alone_trainings(retrained):
    assert retrained(96.0, 99.0, 97.5, measure="found_accuracy").value == pytest.approx(97.5)


def test_where_one_seed_lacks_a_stand_alone_training_all_are_of_the_ground_truth(retrained):
    cell = retrained(96.0, seeds=(0, 1))
    assert (cell.by_seed, cell.tag) == ({0: 9.0, 1: 9.0}, tags.TRAINED_REDUCED)


@pytest.mark.parametrize(
    "damage",
    [
        lambda record: [],
        lambda record: {},
        lambda record: record | {"config": []},
        lambda record: record | {"recipe": None},
        lambda record: record | {"found_by": 3},
        lambda record: record | {"result": {"test_accuracy": None}},
        lambda record: record | {"result": {"test_accuracy": float("nan")}},
    ],
)
def test_a_damaged_stand_alone_training_is_named(retrained, tmp_path, damage):
    retrained(96.0)
    [path] = tmp_path.rglob("standalone.json")
    path.write_text(json.dumps(damage(json.loads(path.read_text()))))
    with pytest.raises(UsageError, match="standalone.json is damaged: .*; delete its folder"):
        Retrainings(tmp_path / "runs")


@pytest.mark.parametrize("changes", [{"preset": "laptop"}, {"train_images": 9}, {"task": "digits"}])
def test_lesser_stand_alone_trainings_do_not(retrained, changes):
    cell = retrained(96.0, **changes)
    assert (cell.value, cell.tag) == (pytest.approx(9), tags.TRAINED_REDUCED)


def test_scale_and_shift_in_bns_are_no_smaller_supernet(full):
    assert "a smaller supernet" not in full({"supernet.affine": "true"}).shortfalls


def test_a_study_of_scale_and_shift_can_be_in_full(full):
    assert full(study='supernet.affine = "true"').tag == tags.TRAINED_FULL
