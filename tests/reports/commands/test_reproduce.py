"""Items reproduced from nothing: what is missing is run, what is there is not, all is reported."""

import json
import shutil
from argparse import Namespace

import pytest
import tiny
from tiny import ITEM

import reports.papers.definition.loading
from harness.config import presets
from harness.files.progress import watch
from harness.grid import grid
from harness.jobs.cluster_options import Cluster
from harness.jobs.executor import Event
from harness.running import pipeline
from reports.commands.reproduce import main, retrain
from reports.papers.definition.loading import load_item
from searchspaces.errors import UsageError

SMALL = {
    "train": {"steps": 6, "batch_size": 16},
    "score": {"calibration_images": 64, "images": 200},
    "search": {"population": 4, "parents": 2, "generations": 1},
    "rank": {"architectures": 12, "measure_found": False},
}
BATCHSTAT = """
[[rows]]
id = "batchstat"
label = "SPOS, statistics of batches"
run = {method = "spos", score.bn = "batchstat"}
"""
WILD = """
[[rows]]
id = "wild"
label = "SPOS, wild"
run = {method = "spos", train.lr = 1e30, train.clip = 0.0}
"""


class InThisProcess:
    """An executor that needs no process: a job is done when its events are asked for."""

    def __init__(self, slots, logs, preload):
        self.slots, self.job = 1, None
        InThisProcess.started = []

    def start(self, job, work):
        self.started.append(job)
        self.job = job, work

    def events(self, seconds):
        job, work = self.job
        try:
            (made,) = work(lambda *progress: None)
        except UsageError as mistake:
            return [Event(job, ended=True, error=str(mistake))]
        return [Event(job, result=made), Event(job, ended=True)]

    def stop(self):
        watch(None)


@pytest.fixture
def paper(tmp_path, monkeypatch):
    """A folder for items, of a paper that is called toy."""
    folder = tmp_path / "papers" / "toy"
    folder.mkdir(parents=True)
    (folder / "paper.toml").write_text('title = "Toy"\nauthors = "A."\nvenue = "V."\n')
    monkeypatch.setattr(reports.papers.definition.loading, "PAPERS", folder.parent)
    return folder


@pytest.fixture
def reproduce(paper, tmp_path, monkeypatch):
    """``reproduce(*arguments)`` of that paper; the names of the runs that were carried out."""
    monkeypatch.setattr(grid, "LocalExecutor", InThisProcess)
    monkeypatch.setattr(InThisProcess, "started", [], raising=False)
    monkeypatch.setattr(pipeline, "FINISHERS", {})
    tiny.make_table(tmp_path / "data", seeds=2)
    folders = {"data": "data", "runs": "runs", "output": "paper"}
    options = [text for name in folders for text in (f"--{name}", str(tmp_path / folders[name]))]

    def call(*arguments):
        InThisProcess.started = []
        main(["toy", *arguments, *options, "--device", "cpu"])
        return InThisProcess.started

    return call


@pytest.mark.slow
def test_what_is_missing_is_run_and_then_reported(paper, reproduce, tmp_path, capsys):
    (paper / "table-1.toml").write_text(ITEM)
    (paper / "fig-1.toml").write_text(ITEM.replace('"table"', '"scatter"') + BATCHSTAT)
    assert len(reproduce("table-1", "--seeds", "0", "--json")) == 1
    (cells,) = json.loads(capsys.readouterr().out)["cells"]
    assert (cells["tag"], cells["n"]) == ("trained-reduced", 1)
    assert len(reproduce("table-1")) == 1  # the other seed
    assert len(reproduce("fig-1", "table-1", "fig-1")) == 2  # the other row
    printed = capsys.readouterr().out
    assert printed.index("Table I") < printed.rindex("Table I")
    assert reproduce("--all") == []
    pages = {path.name for path in (tmp_path / "paper").iterdir()}
    assert {"table-1.md", "table-1.tex", "fig-1.html", "fig-1.svg", "index.html"} <= pages
    assert "not run" not in (tmp_path / "paper" / "table-1.csv").read_text()


@pytest.mark.slow
def test_what_came_with_the_package_is_not_run_again(
    paper, reproduce, tmp_path, capsys, monkeypatch
):
    package = tmp_path / "package"
    monkeypatch.setattr("harness.measured.packaged.PACKAGED", package)
    (paper / "table-1.toml").write_text(ITEM)
    assert len(reproduce("table-1", "--seeds", "0")) == 1
    (own,) = (tmp_path / "runs").glob("*-s0")
    shutil.copytree(own, package / own.name)
    shutil.rmtree(own)
    capsys.readouterr()
    assert reproduce("table-1", "--seeds", "0", "--dry-run") == []
    told, row = capsys.readouterr().out.splitlines()
    assert told == "table-1, Table I: 0 runs: 0 to do. 1 run more came with the package."
    assert row.endswith(f"{package / own.name}  came with the package")
    assert reproduce("table-1", "--seeds", "0", "--json") == []
    out, error = capsys.readouterr()
    assert "1 run more came with the package; --anew carries them out too." in error
    assert json.loads(out)["cells"][0]["n"] == 1
    assert len(reproduce("table-1", "--seeds", "0", "--anew")) == 1
    assert reproduce("table-1", "--seeds", "0", "--anew") == []  # it is finished there now


def test_a_dry_run_lists_what_an_item_needs(paper, reproduce, tmp_path, capsys):
    (paper / "table-1.toml").write_text(ITEM)
    (paper / "fig-1.toml").write_text(ITEM.replace('"table"', '"scatter"') + BATCHSTAT)
    assert reproduce("fig-1", "table-1", "--seeds", "0", "--workers", "1", "--dry-run") == []
    figure, one, other, table, same = capsys.readouterr().out.splitlines()
    told = "to do, 1 at a time; how long they take is told while they run."
    assert (figure, table) == (
        f"fig-1, Table I: 2 runs: 2 {told}",
        f"table-1, Table I: 1 run: 1 {told}",
    )
    label, folder, state = one.split("  ")[1:]
    assert label.startswith("fig-1 ") and label.endswith(" s0")
    assert folder.startswith(str(tmp_path / "runs" / "nb201-digits-spos-"))
    assert state == "to do: a supernet of 6 steps of 16 images"
    assert other.endswith(f"to do: the supernet of {folder.rpartition('/')[2]}")
    assert same.split("  ")[1:] == [label.replace("fig-1", "table-1"), folder, state]
    assert not (tmp_path / "runs").exists() and not (tmp_path / "paper").exists()


@pytest.mark.slow
def test_several_items_are_one_document(paper, reproduce, capsys):
    (paper / "table-1.toml").write_text(ITEM)
    (paper / "table-2.toml").write_text(ITEM.replace("Table I", "Table II"))
    reproduce("table-2", "table-1", "--seeds", "0", "--json")
    items = json.loads(capsys.readouterr().out)
    assert [item["item"] for item in items] == ["table-2", "table-1"]


@pytest.mark.slow
def test_a_run_that_fails_is_named_after_the_report_of_the_others(
    paper, reproduce, tmp_path, capsys
):
    (paper / "table-1.toml").write_text(ITEM + WILD)
    with pytest.raises(UsageError, match="1 of 2 runs failed"):
        reproduce("table-1", "--seeds", "1")
    told = capsys.readouterr()
    assert "table-1 wild s1: the training loss is not finite" in told.err.splitlines()[-1]
    assert "SPOS, wild" in told.out
    assert "not run" in (tmp_path / "paper" / "table-1.csv").read_text()


def test_preset_task_and_seeds_reach_every_run(paper, reproduce, monkeypatch):
    (paper / "table-1.toml").write_text(ITEM + BATCHSTAT)
    asked = []

    def run_grid(labelled, execution, workers, cluster):
        asked.extend(labelled)
        assert (execution.device, workers) == ("cpu", 3)
        return grid.Outcome()

    monkeypatch.setattr(grid, "run_grid", run_grid)
    reproduce(
        "table-1", "--preset", "laptop", "--task", "cifar10", "--seeds", "4", "5", "--workers", "3"
    )
    labels = [f"table-1 {row} s{seed}" for row in ("spos", "batchstat") for seed in (4, 5)]
    assert [label for label, _ in asked] == labels
    configs = [config for _, config in asked]
    assert {(c.preset, c.task, c.train.steps) for c in configs} == {("laptop", "cifar10", 6)}
    assert [config.score.bn for config in configs] == ["recalibrate"] * 2 + ["batchstat"] * 2


def test_what_full_runs_found_is_trained_for_items_that_print_it(paper, tmp_path, monkeypatch):
    """Of two items whose four runs are finished but for one; one training fails."""
    trained = []

    def train_found(folder, how):
        trained.append((folder, how))
        if folder.name == "f1":
            raise UsageError("the network diverged.")

    monkeypatch.setattr("harness.standalone.run.train_found", train_found)
    for name, demand in (("table-1", "N"), ("table-2", "F"), ("table-3", "I")):
        (paper / f"{name}.toml").write_text(ITEM.replace('class = "N"', f'class = "{demand}"'))
    items = [load_item("toy", f"table-{number}") for number in (1, 2, 3)]
    finished = {"table-1 spos s0": "n0", "table-2 spos s0": "f0", "table-2 spos s1": "f1",
                "table-3 spos s1": "i1"}  # fmt: skip
    execution = pipeline.Execution(data=tmp_path / "d", runs=tmp_path / "r", device="cpu")
    for preset, expected in (("smoke", []), ("paper", ["f0", "f1", "i1"])):
        outcome = grid.Outcome(finished=dict(finished))
        retrain(items, Namespace(preset=preset, task=None, seeds=None), execution, outcome)
        assert [folder for folder, _ in trained] == [tmp_path / "r" / name for name in expected]
    assert outcome.failed == {"table-2 spos s1": "the network diverged."}
    assert outcome.finished.keys() == finished.keys() - outcome.failed.keys()
    _, how = trained[0]
    assert (how.data, how.runs, how.device) == (tmp_path / "d", tmp_path / "r", "cpu")


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("table-2", "toy has no item 'table-2'"),
        ("table-1 table-2", "toy has no item 'table-2'"),
        ("", "name items of toy, or give --all"),
        ("table-1 --all", "name items of toy, or give --all"),
        ("table-1 --preset smok", "did you mean 'smoke'"),
        ("table-1 --task digit", "did you mean 'digits'"),
        ("table-1 --workers -1", "'-1' is not a whole number"),
        ("table-1 --device cuda:77", "cuda:77"),
    ],
)
def test_a_mistake_is_found_before_anything_is_run(paper, reproduce, tmp_path, line, sentence):
    (paper / "table-1.toml").write_text(ITEM)
    with pytest.raises(UsageError, match=sentence):
        main(["toy", *line.split()])
    assert InThisProcess.started == []
    assert not (tmp_path / "runs").exists()


@pytest.mark.slow
def test_what_is_found_in_full_runs_is_trained_stand_alone(paper, reproduce, monkeypatch, tmp_path):
    trained = []
    monkeypatch.setattr("harness.standalone.run.run_standalone", lambda *a: trained.append(a))
    small = {
        f"{name}.{key}": value for name, inner in SMALL.items() for key, value in inner.items()
    }
    monkeypatch.setitem(presets.PRESETS, "paper", {"*": small})
    item = ITEM.replace('preset = "smoke"', 'preset = "paper"')
    (paper / "table-1.toml").write_text(item)
    (paper / "table-2.toml").write_text(item.replace('class = "N"', 'class = "F"'))
    reproduce("table-1", "--seeds", "0")
    assert not trained
    reproduce("table-2", "--seeds", "0", "1")
    assert [config.seed for config, _, _ in trained] == [0, 1]
    for config, execution, search in trained:
        record = json.loads((tmp_path / "runs" / search["run"] / "run.json").read_text())
        assert config.arch == record["found"]["arch"]
        assert (config.space, config.task, config.preset) == ("nb201", "digits", "paper")
        assert (config.scale, execution.runs) == ("compact", tmp_path / "runs")


@pytest.mark.slow
def test_on_a_cluster_stand_alone_trainings_stay_here(paper, reproduce, monkeypatch):
    asked, trained = [], []

    def on_cluster(*given):
        asked.append(given)
        return InThisProcess(*given[1:])

    monkeypatch.setattr("harness.jobs.cluster.RayExecutor", on_cluster)
    monkeypatch.setattr("harness.standalone.run.run_standalone", lambda *a: trained.append(a))
    small = {
        f"{name}.{key}": value for name, inner in SMALL.items() for key, value in inner.items()
    }
    monkeypatch.setitem(presets.PRESETS, "paper", {"*": small})
    item = ITEM.replace('preset = "smoke"', 'preset = "paper"').replace('"N"', '"F"')
    (paper / "table-1.toml").write_text(item)
    flags = "--ray here:1 --cpus-per-job 2 --workers 5"
    assert len(reproduce("table-1", "--seeds", "0", *flags.split())) == 1
    ((cluster, _, workers, _),) = asked
    assert (cluster, workers) == (Cluster("here:1", 2, 0.0), 5)
    assert [execution.device for _, execution, _ in trained] == ["auto"]


@pytest.mark.slow
def test_a_stand_alone_training_that_fails_is_named_after_the_report(
    paper, reproduce, monkeypatch, capsys
):
    def fail(*_):
        raise UsageError("the network diverged.")

    monkeypatch.setattr("harness.standalone.run.run_standalone", fail)
    small = {
        f"{name}.{key}": value for name, inner in SMALL.items() for key, value in inner.items()
    }
    monkeypatch.setitem(presets.PRESETS, "paper", {"*": small})
    item = ITEM.replace('preset = "smoke"', 'preset = "paper"').replace('"N"', '"F"')
    (paper / "table-1.toml").write_text(item)
    with pytest.raises(UsageError, match="1 of 1 runs failed"):
        reproduce("table-1", "--seeds", "0")
    said = capsys.readouterr()
    assert "Table I" in said.out
    assert "table-1 spos s0: the network diverged." in said.err
