"""The commands of docs/own-images.md, one after the other, on images that scikit-learn ships."""

import json
import re
import sys
from pathlib import Path

import pytest

from harness.cli import main
from harness.metrics import ceiling
from harness.running import pipeline
from harness.standalone import build_table as builder
from harness.standalone.trainings import train_standalone
from harness.tabular.table import Table
from harness.tasks import load_task

PAGE = (Path(__file__).parents[3] / "docs" / "own-images.md").read_text(encoding="utf-8")
TASK = "./my_task.py:make"


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where ``my_task.py`` is; trainings of tables are of this process, and pictures left out."""
    monkeypatch.setenv("NAS_HARNESS_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("NAS_HARNESS_DATA", raising=False)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.chdir(tmp_path)

    def in_turn(space, task, recipe, jobs, executor, data, devices):
        loaded = load_task(task, data)
        for arch, seed in jobs:
            yield (arch, seed), train_standalone(space, arch, loaded, recipe, seed)

    monkeypatch.setattr(builder, "train_jobs", in_turn)
    monkeypatch.setattr(pipeline, "FINISHERS", {})
    monkeypatch.setattr(ceiling, "_SIMULATED", 1)
    (tmp_path / "my_task.py").write_text(blocks("python")[0])
    yield tmp_path
    sys.modules.pop("my_task", None)


def called(line, capsys):
    """What a command of the page prints, on either stream."""
    assert main(line.split()[1:]) == 0, capsys.readouterr().err
    printed = capsys.readouterr()
    return printed.out, printed.err


@pytest.mark.slow
def test_the_page_is_what_happens(folder, capsys):
    commands = [line for block in blocks("bash") for line in block.splitlines()]
    build, run, evaluate, train = commands
    run += " --workers 1 --device cpu"
    assert main(run.split()[1:]) == 2
    first = capsys.readouterr().err
    said = blocks("text")[0].splitlines()
    assert first.splitlines()[-1 - len(said) : -1] == said
    name = re.search(r"is kept as ([a-z0-9-]+):", first)[1]
    assert (
        f"`{build.partition(' --arch')[0].partition(' --task')[0]} --scale compact --task {name}`"
        in first
    )

    out, _ = called(build, capsys)
    table = Table.load(folder / "home" / "tables" / f"nb201-compact-{name}.parquet")
    assert len(table) == 12 and "12 architectures x 1 seeds" in out
    assert f"--task {TASK} --architectures 12" in table.meta.created_by
    assert table.meta.sha256 == load_task(name).fingerprint()

    called(run, capsys)
    (made,) = (folder / "runs").glob(f"nb201-{name}-spos-*-s0")
    record = json.loads((made / "run.json").read_text())
    assert record["ground_truth"]["table"] == table.meta.name and record["n"] == 12
    assert record["data"] == {
        "train": 964,
        "val": 236,
        "test": 597,
        "sha256": table.meta.sha256,
        "source": TASK,
    }
    assert said[1].lower().rstrip(".") in record["notes"]
    assert "holds this run finished" in called(run, capsys)[1]

    out, _ = called(evaluate.replace("SCORES", f"{made}/scores.parquet"), capsys)
    assert f"12 of 12 architectures of nb201 against {name} test accuracy" in out
    assert "floor: FLOPs" in out

    called(train.replace("RUN", made.name).replace("--run ", "--run ") + " --device cpu", capsys)
    (alone,) = (folder / "runs" / "standalone").glob(f"nb201-{name}-*-s0")
    record = json.loads((alone / "standalone.json").read_text())
    assert record["data"]["source"] == TASK and record["network"]["scale"] == "compact"
    right = record["result"]["test_accuracy"] * 597 / 100  # of the test images of the task
    assert 0 < right == pytest.approx(round(right), abs=1e-6) and record["costs"]["threads"] == 1

    grid = "nas-harness grid --method spos --task " + TASK + " --preset smoke --seed 0 --dry-run"
    assert f"{made.relative_to(folder)}  finished" in called(grid, capsys)[0]
    text = (folder / "my_task.py").read_text()
    (folder / "my_task.py").write_text(text.replace("1200", "1100"))
    sys.modules.pop("my_task")
    assert main(run.split()[1:]) == 2
    assert f"the images have changed since {table.meta.name} was made" in capsys.readouterr().err
