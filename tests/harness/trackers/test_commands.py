"""Runs of a grid and of Python tell all their trackers, at once and afterwards."""

from types import SimpleNamespace

import kept_tracker
import pytest
import tiny

from harness import run_method
from harness.cli import main
from harness.running import pipeline
from harness.trackers import tracking
from searchspaces.errors import UsageError

pytest.importorskip("tensorboard", reason="TensorBoard is the extra 'tensorboard'")

LINES = '''"""The example of the documentation: a text file of all points."""
from harness.trackers.tracker import Tracker


class Lines(Tracker):
    def begin(self, name, folder, parameters):
        self.file = open(folder / "lines.txt", "w")

    def log(self, number, step, values):
        print(number, step, *values, file=self.file, flush=True)

    def end(self, results):
        print(results["result/tau"], file=self.file)
        self.file.close()
'''
OWN = ("method", "space", "task", "preset", "seed", "schema_version")
KEPT = kept_tracker.__file__
LIGHT = ["tensorboard", "./lines.py:Lines"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("NAS_HARNESS_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    tiny.make_table(tmp_path / "data")
    (tmp_path / "lines.py").write_text(LINES)
    return tmp_path


def written(run):
    """What each of the trackers has written of a run."""
    found = {
        "tensorboard": list(run.glob("tensorboard/events*")),
        "./lines.py:Lines": list(run.glob("lines.txt")),
    }
    return {name: paths for name, paths in found.items() if paths}


@pytest.mark.slow
def test_a_run_of_a_grid_and_the_same_of_python_tell_all_at_once(folder, capsys):
    logs = [argument for name in LIGHT for argument in ("--log", name)]
    assert main(["grid", *tiny.arguments("spos"), "--data", "data", "--workers", "1", *logs]) == 0
    (run,) = (path.parent for path in folder.glob("runs/*/run.json"))
    assert set(written(run)) == set(LIGHT)
    lines = (run / "lines.txt").read_text()
    assert lines.startswith("0 6 train/loss")

    (run / "lines.txt").unlink()
    options = tracking.flattened(tiny.config("spos").to_dict())
    values = {name: value for name, value in options if name not in OWN}
    given = {"preset": "smoke", "seed": 3, "values": values, "data": "data"}
    assert run_method("spos", **given, log=LIGHT)["run"] == run.name
    assert "the run goes on without it" not in capsys.readouterr().err
    assert len(written(run)["tensorboard"]) == 2
    assert (run / "lines.txt").read_text() == lines


@pytest.mark.slow
def test_one_of_a_run_that_fails_was_told_that_it_began_and_is_left(folder, monkeypatch):
    monkeypatch.setattr(pipeline, "train_supernet", lambda *_, **__: 1 / 0)
    folders, log = {"data": folder / "data", "runs": folder / "runs"}, (f"{KEPT}:Kept",)
    with pytest.raises(ZeroDivisionError):
        tiny.run_plainly(tiny.config("spos"), folders, log=log)
    (run,) = (path.parent for path in folder.glob("runs/*/.lock"))
    calls = kept_tracker.wait_for(run, 3)
    assert [name for name, *_ in calls] == ["process", "begin", "leave"]


def test_trackers_end_while_other_pictures_are_drawn(tmp_path, monkeypatch):
    order = []
    names = ("found", "scatter", "waves")
    draw = {name: lambda folder, name=name: order.append(name) for name in names}
    monkeypatch.setattr(pipeline, "FINISHERS", draw)
    pipeline._draw(tmp_path, SimpleNamespace(end=lambda picture: order.append(picture.name)))
    assert order == ["scatter", "scatter.png", "found", "waves"]


def test_a_tracker_that_is_not_there_is_refused_before_anything_begins(folder):
    with pytest.raises(UsageError, match="^unknown tracker 'wandbb'; did you mean 'wandb'"):
        run_method("spos", preset="smoke", data="data", log=["wandbb"])
    assert not (folder / "runs").exists()
