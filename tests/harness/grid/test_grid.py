"""Many runs at once: who waits for whom, and that nothing is done twice or lost."""

import json
import os
import signal
from dataclasses import replace

import pytest
import tiny
import torch
from scripted import Scripted

from harness.commands.grid import parse, split
from harness.config.config import SCHEMA_VERSION, with_values
from harness.files.progress import watch
from harness.grid import grid, queue
from harness.grid.grid import run_grid
from harness.grid.queue import Job, Outcome
from harness.jobs import devices
from harness.jobs.cluster_options import Cluster
from harness.jobs.executor import Event
from harness.resuming.workspace import Workspace
from harness.running.pipeline import Execution
from harness.tabular import locate
from searchspaces.errors import UsageError


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("grid")
    tiny.make_table(folder)
    return folder


@pytest.fixture
def execution(data, tmp_path):
    return Execution(data=data, runs=tmp_path / "runs", device="cpu")


@pytest.fixture
def name(data):
    """The folder name of a configuration."""
    return lambda config: config.run_name(grid.ground_truth(config, data)[1].meta.identity)


SPOS = tiny.config("spos")
OTHER_SEED = replace(SPOS, seed=4)
ARMS = {kd: with_values(tiny.config("mngnas"), {"options.kd": kd}) for kd in ("none", "full")}


def carried_out(configs, execution, **script):
    executor = Scripted(**script)
    outcome = run_grid(configs.items(), execution, executor=executor)
    assert executor.stopped
    return outcome, executor


# Order ------------------------------------------------------------------------------------------


def test_sharers_wait_for_the_one_that_trains_and_no_longer(execution, name):
    configs = {"spos": SPOS, **ARMS, "other": OTHER_SEED}
    outcome, executor = carried_out(configs, execution)
    assert outcome == Outcome({label: name(config) for label, config in configs.items()}, {})
    assert list(outcome.finished) == list(configs)  # though "other" ended before the arms
    assert executor.diary[:2] == [f"start {name(SPOS)}", f"start {name(OTHER_SEED)}"]
    for arm in ARMS.values():
        assert executor.order(f"search {name(SPOS)}", f"start {name(arm)}", f"rank {name(SPOS)}")


def test_when_training_fails_one_sharer_trains_in_its_place(execution, name):
    outcome, executor = carried_out({"spos": SPOS, **ARMS}, execution, broken={name(SPOS): "train"})
    assert outcome.failed == {"spos": "broken."}
    assert set(outcome.finished) == set(ARMS)
    first, second = (name(arm) for arm in ARMS.values())
    assert executor.order(
        f"start {name(SPOS)}", f"train {name(SPOS)}", f"start {first}", f"train {first}",
        f"search {first}", f"start {second}",
    )  # fmt: skip


def test_a_failure_after_training_still_leaves_the_supernet(execution, name):
    _, executor = carried_out({"spos": SPOS, **ARMS}, execution, broken={name(SPOS): "rank"})
    first, second = (name(arm) for arm in ARMS.values())
    assert executor.order(f"search {name(SPOS)}", f"start {first}", f"start {second}")
    assert executor.order(f"start {second}", f"train {first}")


def test_a_run_already_begun_comes_first(execution, name):
    folder = execution.runs / name(ARMS["full"])
    folder.mkdir(parents=True)
    (folder / "checkpoint.pt").touch()
    _, executor = carried_out({"spos": SPOS, **ARMS}, execution)
    assert executor.diary[0] == f"start {folder.name}"


def test_no_more_run_than_there_are_slots(execution):
    configs = {str(seed): replace(SPOS, seed=seed) for seed in range(5)}
    outcome, executor = carried_out(configs, execution, slots=2)
    assert len(outcome.finished) == 5
    assert [entry.startswith("start") for entry in executor.diary[:4]] == [True, True, False, False]


def test_why_a_run_failed_is_said_while_others_run(execution, name, capsys):
    told = []

    class Listening(Scripted):
        def events(self, seconds):
            told.append(capsys.readouterr().err)
            return super().events(seconds)

    executor = Listening(broken={name(SPOS): "time"})
    run_grid([("spos", SPOS), ("other", OTHER_SEED)], execution, executor=executor)
    assert "2 runs: 2 to do" in told[0]
    assert (
        told[1].endswith("spos: failed: broken.\n") and f"end {name(OTHER_SEED)}" in executor.diary
    )


# What is not carried out ------------------------------------------------------------------------


def test_one_run_under_two_labels_is_carried_out_once(execution, name):
    configs = {
        "table": SPOS,
        "figure": SPOS,
        "preset": replace(SPOS, preset="laptop", values_of=""),
    }
    outcome, executor = carried_out(configs, execution)
    assert outcome.finished == {"table": name(SPOS)}
    assert executor.diary.count(f"start {name(SPOS)}") == 1


def test_a_finished_run_is_not_started(execution, name):
    folder = execution.runs / name(SPOS)
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps({"schema_version": SCHEMA_VERSION}))
    executor = Scripted()
    outcome = run_grid([("old", SPOS), ("new", OTHER_SEED)], execution, executor=executor)
    assert outcome.finished == {"old": name(SPOS), "new": name(OTHER_SEED)}
    assert executor.diary[0] == f"start {name(OTHER_SEED)}"
    assert f"start {name(SPOS)}" not in executor.diary


def test_a_run_killed_between_its_record_and_the_removal_of_its_checkpoint_is_started(
    execution, name
):
    folder = execution.runs / name(SPOS)
    folder.mkdir(parents=True)
    record = {"schema_version": SCHEMA_VERSION, "checkpoint_kept": False}
    (folder / "run.json").write_text(json.dumps(record))
    (folder / "checkpoint.pt").touch()
    _, executor = carried_out({"run": SPOS}, execution)
    assert executor.diary[0] == f"start {name(SPOS)}"


def test_what_lacks_ground_truth_fails_alone(execution, name, capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("NAS_HARNESS_HOME", str(tmp_path))
    monkeypatch.setattr(locate, "EMBEDDED", tmp_path / "nothing")
    lacking = {method: replace(tiny.config(method), task="cifar10") for method in ("spos", "dna")}
    outcome, _ = carried_out({**lacking, "digits": SPOS}, execution)
    assert outcome.finished == {"digits": name(SPOS)}
    assert set(outcome.failed) == set(lacking)
    with pytest.raises(UsageError, match="2 of 3 runs failed, .* the same command tries them"):
        outcome.check()
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith("spos, dna: there is no ground truth table nb201-benchmark-cifar10")
    Outcome(finished=outcome.finished).check()


@pytest.mark.slow
def test_a_run_made_with_other_ground_truth_has_failed(execution, name, tmp_path):
    tiny.make_table(tmp_path, version="2")

    class ElsewhereOnce(Scripted):
        def start(self, job, work):
            there = replace(work.execution, data=tmp_path)
            self.work = replace(work, execution=there)
            super().start(job, work)

        def events(self, seconds):
            (job,) = self.at
            (made,) = self.work(lambda *progress: None)
            self.at.clear()
            return [Event(job, result=made), Event(job, ended=True)]

    try:
        outcome = run_grid([("spos", SPOS)], execution, executor=ElsewhereOnce())
    finally:
        watch(None)
    folder = execution.runs / name(SPOS)
    assert outcome.finished == {} and not folder.exists()
    assert outcome.failed["spos"] == (
        f"it left no record in {folder}; its node has other ground truth: name it with --data."
    )


def test_an_interrupt_stops_what_runs(execution):
    class Interrupted(Scripted):
        def events(self, seconds):
            raise KeyboardInterrupt

    executor = Interrupted()
    with pytest.raises(KeyboardInterrupt):
        run_grid([("spos", SPOS)], execution, executor=executor)
    assert executor.stopped


@pytest.mark.parametrize("cluster", [None, Cluster("here", cpus=3, gpus=0.5)])
def test_a_job_has_one_process_and_the_patience_of_its_place(execution, monkeypatch, cluster):
    given = []

    class Noting(Scripted):
        def start(self, job, work):
            given.append(work)
            super().start(job, work)

    monkeypatch.setattr(os, "cpu_count", lambda: 7)
    asked = replace(execution, device="auto", workers=5)
    monkeypatch.setattr(devices, "choose_device", lambda name: torch.device("cpu"))
    run_grid([("spos", SPOS)], asked, executor=Noting(), cluster=cluster)
    (work,) = given
    assert (work.config, work.execution.workers, work.execution.runs) == (SPOS, 1, execution.runs)
    assert work.execution.device == ("cuda" if cluster else "cpu")
    assert work.execution.patience == (120.0 if cluster else 0.0)
    assert work.threads == (3 if cluster else 7)


def test_a_cluster_is_given_the_folder_and_how_many_run_at_a_time(execution, monkeypatch):
    made = []
    monkeypatch.setattr(
        "harness.jobs.cluster.RayExecutor", lambda *given: made.append(given) or Scripted()
    )
    for cluster in (Cluster("a:1", cpus=2), Cluster("a:1", gpus=0.5)):
        asked = replace(execution, device="auto")
        run_grid([(cluster.address, SPOS)], asked, 4, cluster=cluster)
    cpu, gpu = made
    assert cpu == (Cluster("a:1", cpus=2), execution.runs, 4, grid.PRELOAD)
    assert gpu == (Cluster("a:1", gpus=0.5), execution.runs, 4, ())


def test_a_job_elsewhere_has_its_files_there_unless_it_goes_by_a_common_time(execution, tmp_path):
    work = grid.GridRun(SPOS, execution, "group", 5)
    moved = work.at(tmp_path / "there")
    assert moved == replace(work, execution=replace(execution, runs=tmp_path / "there"))
    with pytest.raises(UsageError, match="--equalise seconds measures once for all runs"):
        replace(work, config=replace(SPOS, equalise="seconds")).at(tmp_path)


def test_what_is_left_follows_from_what_is_done(monkeypatch, tmp_path):
    jobs = [Job(name, SPOS, Workspace(tmp_path / name), name) for name in "abcd"]
    monkeypatch.setattr(queue, "monotonic", lambda: 1000.0)
    waiting = queue.Queue(jobs, Outcome())
    monkeypatch.setattr(queue, "monotonic", lambda: 1090.0)
    assert (waiting.ended, waiting.seconds_left) == (0, None)
    first = waiting.next_job()
    waiting.waiting.remove(first)
    waiting.running[first.name] = queue.Running(first, 1000.0, "train", 14, 100)
    assert waiting.seconds_left is None  # less than a twentieth of a run
    second = waiting.next_job()
    waiting.waiting.remove(second)
    waiting.running[first.name] = queue.Running(first, 1000.0, "search", 1, 2)
    assert (first.name, second.name, waiting.ended) == ("a", "b", 1)
    assert waiting.seconds_left == pytest.approx(90 * (4 - 1.5) / 1.5)


# In processes -----------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_killed_grid_continues_and_gives_what_plain_runs_give(data, execution, capsys):
    labelled, _ = parse(tiny.arguments("spos", "--score.bn", "recalibrate", "batchstat"))
    (_, first), (_, second) = labelled
    folders = {"data": data, "runs": execution.runs}
    assert tiny.run_killed(first, folders, writes=2) == -signal.SIGKILL
    outcome = run_grid(labelled, execution, workers=2)
    assert list(outcome.finished) == ["score.bn recalibrate", "score.bn batchstat"]
    assert capsys.readouterr().err.count("done in") == 2
    own, shared = (execution.runs / name for name in outcome.finished.values())
    logs = [
        (execution.runs / "logs" / f"{folder.name}.log").read_text() for folder in (own, shared)
    ]
    assert ["supernet taken" in log for log in logs] == [False, True]
    assert "continuing" in logs[0]
    record = json.loads((shared / "run.json").read_text())
    plain = tiny.run_plainly(second, {"data": data, "runs": execution.runs / "plain"})
    assert record["run"] == plain["run"]
    for part in ("metrics", "found"):
        assert record[part] == json.loads(json.dumps(plain[part]))


# The command line -------------------------------------------------------------------------------


def test_options_with_several_values_are_multiplied():
    line = "--method spos fairnas --seed 0 1 2 --train.steps=7 --keep-checkpoint --preset smoke"
    labelled, execution = parse(line.split())
    assert [label for label, _ in labelled[:4]] == [
        "method spos seed 0", "method spos seed 1", "method spos seed 2", "method fairnas seed 0",
    ]  # fmt: skip
    assert len(labelled) == 6
    for label, config in labelled:
        assert label == f"method {config.method} seed {config.seed}"
        assert (config.train.steps, config.preset) == (7, "smoke")
    assert execution["keep_checkpoint"]
    assert [label for label, _ in parse(["--method", "spos"])[0]] == ["spos"]


def test_a_negative_number_is_a_value():
    assert split(["--a", "-1", "2", "--b", "--c=d", "e"]) == [
        ("--a", ["-1", "2"]), ("--b", []), ("--c", ["d", "e"]),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("spos", "'spos' follows no option"),
        ("--runs a b", "one value in a grid"),
        ("--method spos mngnas --options.kd full", "unknown option '--options.kd'"),
        ("--json", "takes no --json"),
        ("--threads 2", "takes no --threads"),
        ("--method spso", "spos"),
    ],
)
def test_what_a_grid_cannot_do_is_said(line, sentence):
    with pytest.raises(UsageError, match=sentence):
        parse(line.split())
