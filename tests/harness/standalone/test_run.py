"""Whole stand-alone trainings: what they record, what they look at, and that no kill changes them."""

import json
import math
import signal
from dataclasses import replace
from shutil import copytree

import numpy as np
import pandas as pd
import pytest
import tiny
import torch

from harness.config.config import SCHEMA_VERSION, with_values
from harness.resuming.workspace import load_tensors, save_tensors
from harness.standalone import resumable_run
from harness.standalone import run as standalone_run
from harness.standalone.config import base_config
from harness.standalone.images import load_images
from harness.standalone.run import StandaloneExecution, run_standalone
from harness.standalone.source_run import Origin
from harness.tasks import load_task
from harness.tasks.base import Task
from methods.standalone.training import StandaloneTraining
from searchspaces.errors import UsageError
from searchspaces.registry import SPACES

# All of what a recipe can ask for; 5 steps in each of 2 epochs.
CHANGES = {
    "darts": {
        "train.auxiliary": 0.4,
        "train.drop_path": 0.5,
        "train.cutout": 4,
        "train.clip": 5.0,
        "train.lr_every": "epoch",
    },
    "nb201": {
        "train.optimizer": "rmsprop",
        "train.nesterov": False,
        "train.lr": 0.01,
        "train.ema": 0.9,
        "train.dropout": 0.2,
        "train.label_smoothing": 0.1,
        "train.warmup": 1.0,
        "train.decay_all": False,
    },
}
SMALL = {
    "train.epochs": 2,
    "train.batch_size": 32,
    "train_images": 170,  # ten are left out of each epoch
    "eval_images": 200,
    "width": 4,
    "scale": "compact",
}
SEARCH = {"run": "a", "method": "spos", "seconds": 8640.0, "days": 0.1, "device": "here"}


def config(space="nb201", **more):
    base = with_values(base_config(space, "digits", "laptop"), SMALL | CHANGES[space] | more)
    made = SPACES[space]("compact")
    return replace(base, arch=made.encode(made.sample(np.random.default_rng(5))))


def run(config, folder, search=None):
    """A checkpoint at every look at the loss."""
    execution = StandaloneExecution(runs=folder, device="cpu", checkpoint_seconds=0.0)
    return run_standalone(config, execution, search)


def folder_of(record, runs):
    return runs / "standalone" / record["name"]


def same(first, second):
    records = [json.loads((folder / "standalone.json").read_text()) for folder in (first, second)]
    for record in records:
        del record["costs"]["seconds"], record["costs"]["peak_memory_mb"], record["versions"]
    histories = [pd.read_parquet(folder / "history.parquet") for folder in (first, second)]
    pd.testing.assert_frame_equal(*histories, check_exact=True)
    return records[0] == records[1]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Per space: folder of runs, configuration and record of a training left alone."""

    def made(space):
        runs = tmp_path_factory.mktemp(space)
        return runs, config(space), run(config(space), runs, SEARCH)

    return {space: made(space) for space in CHANGES}


# The record -----------------------------------------------------------------------------------


def test_the_record_has_every_documented_key(finished):
    runs, asked, record = finished["nb201"]
    text = (folder_of(record, runs) / "standalone.json").read_text()
    assert json.loads(text, parse_constant=pytest.fail) == json.loads(json.dumps(record))
    assert record["schema_version"] == SCHEMA_VERSION
    assert record["config"] == asked.to_dict()
    assert record["arch"] == asked.arch
    assert record["name"] == asked.name == folder_of(record, runs).name
    sizes = {"train_on": "train", "train": 170, "val": 200, "test": 200}
    assert {key: record["data"][key] for key in sizes} == sizes
    assert len(record["data"]["sha256"]) == 64
    space = SPACES["nb201"]("compact", 4)
    cost = space.cost(space.decode(asked.arch), resumable_run.load_images(asked, None)[0].image)
    assert record["network"] == {
        "scale": "compact",
        "reduced": True,
        "params": cost.params,
        "madds": cost.madds,
    }
    result = record["result"]
    assert result["test_error"] == pytest.approx(100 - result["test_accuracy"])
    assert result["test_top5_error"] == pytest.approx(100 - result["test_top5_accuracy"])
    assert result["test_top5_accuracy"] >= result["test_accuracy"]
    assert result["test_accuracy"] * 2 == round(result["test_accuracy"] * 2)  # of 200 images
    assert result["weights"] == "moving average"
    assert record["costs"]["steps"] == 10
    assert record["costs"]["image_passes"] == 320
    assert {"seconds", "device", "threads", "peak_memory_mb"} <= record["costs"].keys()
    assert {"python", "torch", "numpy"} <= record["versions"].keys()
    assert record["found_by"] == [SEARCH]
    assert record["recipe"]["name"] == "tables"
    assert record["recipe"]["changed"]["ema"] == 0.9
    assert any("170 images only" in note for note in record["notes"])


def test_the_history_has_an_epoch_per_row(finished):
    runs, _, record = finished["nb201"]
    history = pd.read_parquet(folder_of(record, runs) / "history.parquet")
    assert history["epoch"].tolist() == [1, 2]
    assert history["step"].tolist() == [5, 10]
    assert history["val_accuracy"].iloc[-1] == record["result"]["val_accuracy"]
    assert history["loss"].iloc[-1] == record["result"]["train_loss"]
    assert {path.name for path in folder_of(record, runs).iterdir()} == {
        ".lock", "standalone.json", "history.parquet",
    }  # fmt: skip


def test_the_loss_of_an_epoch_is_the_mean_over_its_own_steps(tmp_path, monkeypatch):
    monkeypatch.setattr(
        StandaloneTraining, "step", lambda _, number: torch.tensor(float(number**2))
    )
    record = run(config(eval_images=0), tmp_path)
    sizes = {"train": 170, "val": 1000, "test": 4000}
    assert {part: record["data"][part] for part in sizes} == sizes
    history = pd.read_parquet(folder_of(record, tmp_path) / "history.parquet")
    losses = [np.mean(np.arange(5) ** 2), np.mean(np.arange(5, 10) ** 2)]
    assert history["loss"].tolist() == losses
    assert record["result"]["train_loss"] == losses[1]
    # Of the last step of each epoch: in warm-up, then along the cosine of both epochs.
    rates = [0.01 * 4 / 5, 0.01 * 0.5 * (1 + math.cos(math.pi * 9 / 10))]
    assert history["lr"].tolist() == pytest.approx(rates)


def test_the_same_training_is_not_done_twice(finished, tmp_path, capsys, monkeypatch):
    runs, asked, record = finished["nb201"]
    copytree(folder_of(record, runs), folder_of(record, tmp_path))
    monkeypatch.setattr(standalone_run, "StandaloneRun", pytest.fail)
    assert run(asked, tmp_path, SEARCH) == record
    assert "holds this training finished" in capsys.readouterr().err
    again = run(asked, tmp_path, SEARCH | {"run": "b"})
    assert [found["run"] for found in again["found_by"]] == ["a", "b"]
    assert json.loads((folder_of(record, tmp_path) / "standalone.json").read_text()) == again


# What is looked at ----------------------------------------------------------------------------


@pytest.fixture
def looks(monkeypatch):
    """The parts that were measured, with training steps between them."""
    seen = []
    batches, train_batch = Task.batches, Task.train_batch

    def watch(task, part, size):
        seen.append(part)
        return batches(task, part, size)

    def step(task, *given):
        seen.append("step")
        return train_batch(task, *given)

    monkeypatch.setattr(Task, "batches", watch)
    monkeypatch.setattr(Task, "train_batch", step)
    return seen


def test_test_images_are_looked_at_once_at_the_end(looks, tmp_path):
    """Also where there are fewer images than a batch has, and a network of fewer cells."""
    record = run(config(train_images=20, width=0, cells=1), tmp_path)
    assert looks == ["step", "val", "step", "val", "val", "test"]
    assert (record["costs"]["steps"], record["costs"]["image_passes"]) == (2, 40)
    assert record["network"]["reduced"]


@pytest.mark.parametrize(
    ("every", "seen"),
    [
        (0, [*["step"] * 15, "val", "test"]),
        (2, [*["step"] * 10, "val", *["step"] * 5, "val", "test"]),
    ],
)
def test_validation_can_be_seldom(looks, tmp_path, every, seen):
    record = run(config(validate_every=every, **{"train.epochs": 3}), tmp_path)
    assert looks == seen
    history = pd.read_parquet(folder_of(record, tmp_path) / "history.parquet")
    assert history["val_accuracy"].isna().tolist() == [True, every == 0, True]


@pytest.mark.slow
def test_whoever_trains_on_validation_images_does_not_measure_on_them(looks, tmp_path):
    record = run(config(train_on="train+val", train_images=0, **{"train.epochs": 1}), tmp_path)
    assert looks == ["step"] * (4000 // 32) + ["test"]
    assert record["data"]["train"] == 4000
    assert record["data"]["train_on"] == "train+val"
    assert record["data"]["val"] == 0
    assert record["result"]["val_accuracy"] is None
    assert any("there is no validation accuracy" in note for note in record["notes"])


def test_what_a_run_found_is_trained_in_full_with_its_seed(tmp_path, monkeypatch):
    search = SEARCH | {"seed": 7}
    origin = Origin(space="nb201", task="digits", scale="compact", arch="x", search=search)
    asked = []
    monkeypatch.setattr(standalone_run, "read_origin", lambda folder: origin)
    monkeypatch.setattr(standalone_run, "run_standalone", lambda *given: asked.append(given))
    execution = StandaloneExecution(runs=tmp_path)
    standalone_run.train_found(tmp_path, execution)
    expected = replace(base_config("nb201", "digits", "paper"), arch="x", scale="compact", seed=7)
    assert asked == [(expected, execution, search)]


# The same numbers, whatever happens -----------------------------------------------------------


def run_looking_often(config, folder):
    resumable_run.CHECK_EVERY = 2
    run(config, folder, SEARCH)


@pytest.mark.slow
@pytest.mark.parametrize("space", CHANGES)
def test_a_training_killed_again_and_again_ends_with_the_same_bits(space, finished, tmp_path):
    runs, asked, record = finished[space]
    reference, folder = folder_of(record, runs), folder_of(record, tmp_path)
    # A write is a checkpoint, at steps 2, 4 and 5 of an epoch, then the history, then the record.
    for writes, done in ((3, 4), (3, 7), (3, 10), (2, 10)):
        assert tiny.killed(writes, run_looking_often, asked, tmp_path) == -signal.SIGKILL
        assert load_tensors(folder / "checkpoint.pt")["done"] == done
    assert not (folder / "standalone.json").exists()
    run(asked, tmp_path, SEARCH)
    assert same(reference, folder)
    assert not (folder / "checkpoint.pt").exists()


# What the user can mend -----------------------------------------------------------------------


def test_divergence_is_an_error_and_no_record(tmp_path):
    wild = config("darts", **{"train.lr": 1e30, "train.clip": 0.0})
    message = (
        r"diverged: its loss is not finite at step 5; there is no checkpoint yet\..*--train.lr"
    )
    with pytest.raises(UsageError, match=message):
        run(wild, tmp_path)
    assert not list(tmp_path.rglob("standalone.json"))


def test_divergence_names_the_last_good_checkpoint(tmp_path, monkeypatch):
    step = StandaloneTraining.step
    monkeypatch.setattr(
        StandaloneTraining,
        "step",
        lambda training, number: step(training, number) * (float("nan") if number > 6 else 1),
    )
    with pytest.raises(UsageError, match="not finite at step 10") as raised:
        run(config(), tmp_path)
    [checkpoint] = tmp_path.rglob("checkpoint.pt")
    assert f"; the last good checkpoint, {checkpoint}, is of step 5." in str(raised.value)


# How it is carried out ------------------------------------------------------------------------


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_the_embedded_task_has_one_thread_whoever_asks(two_threads, tmp_path):
    assert run(config(), tmp_path)["costs"]["threads"] == 1


def test_other_tasks_have_all_cores_or_what_is_asked(two_threads, tmp_path, monkeypatch):
    seen = []

    def stop(*_):
        seen.append(torch.get_num_threads())
        raise UsageError("enough")

    monkeypatch.setattr(resumable_run, "load_images", stop)
    monkeypatch.setattr("os.cpu_count", lambda: 3)
    for threads in (0, 2):
        with pytest.raises(UsageError, match="enough"):
            run_standalone(
                config(task="cifar10"), StandaloneExecution(runs=tmp_path, threads=threads)
            )
    assert seen == [3, 2]


def test_other_images_do_not_continue_a_training(tmp_path):
    asked = config()
    folder = tmp_path / "standalone" / asked.name
    save_tensors(folder / "checkpoint.pt", {"sha256": "other", "done": 5})
    with pytest.raises(UsageError, match="are not those that .* was begun with"):
        run(asked, tmp_path)


def test_the_first_images_are_taken_of_each_part_and_all_are_named():
    whole = load_task("digits")
    task, sha256 = load_images(config(train_images=70, eval_images=30), None)
    assert sha256 == whole.fingerprint()
    for name, number in (("train", 70), ("val", 30), ("test", 30)):
        own, all_of_it = getattr(task, name), getattr(whole, name)
        assert torch.equal(own.images, all_of_it.images[:number])
        assert torch.equal(own.labels, all_of_it.labels[:number])
    both, _ = load_images(config(train_on="train+val", train_images=3010, eval_images=0), None)
    images = torch.cat((whole.train.images, whole.val.images[:10]))
    assert torch.equal(both.train.images, images) and len(both.test) == len(whole.test)
    assert torch.equal(both.train.labels[3000:], whole.val.labels[:10])
    most, _ = load_images(config(train_images=3000, eval_images=4000), None)  # all there are
    assert [len(getattr(most, part)) for part in ("train", "test")] == [3000, 4000]


def test_notes_and_words_have_all_that_was_shortened(finished, tmp_path):
    runs, asked, record = finished["nb201"]
    assert record["notes"][:-1] == [
        "Trained on 170 images only.",
        "Measured on the first 200 images only.",
        "The network has not the size of its scale; costs are those of what is trained.",
    ]
    changed = {key.partition(".")[2]: value for key, value in CHANGES["nb201"].items()}
    changed |= {"epochs": 2, "batch_size": 32}
    told = record["notes"][-1].removeprefix("Not as the recipe has it: ").rstrip(".").split(", ")
    assert sorted(told) == sorted(f"{name} {value}" for name, value in changed.items())
    assert record["recipe"]["changed"] == changed


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"train_images": 3001}, "--train-images 3001 is more than digits has: 3000"),
        ({"eval_images": 4001}, "--eval-images 4001 is more than digits has: 4000"),
    ],
)
def test_more_images_than_there_are_is_refused(changes, message, tmp_path):
    with pytest.raises(UsageError, match=message):
        run(config(**changes), tmp_path)
    assert not list(tmp_path.iterdir())
