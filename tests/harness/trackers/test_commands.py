"""Runs of a grid and of Python tell all their trackers, at once and afterwards."""

from importlib.util import find_spec

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
ALL = [*LIGHT, *filter(find_spec, ("wandb", "mlflow"))]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    own = {"NAS_HARNESS_HOME": "home", "WANDB_CACHE_DIR": "cache"}
    for name, value in own.items():
        monkeypatch.setenv(name, str(tmp_path / value))
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(tmp_path)
    tiny.make_table(tmp_path / "data")
    (tmp_path / "lines.py").write_text(LINES)
    return tmp_path


def written(run):
    """What each of the trackers has written of a run."""
    found = {
        "tensorboard": list(run.glob("tensorboard/events*")),
        "wandb": list(run.glob("wandb/offline-run-*/*.wandb")),
        "mlflow": list(run.parent.glob("mlflow/*/artifacts/scatter.png")),
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
    assert run_method("spos", **given, log=ALL)["run"] == run.name
    assert "the run goes on without it" not in capsys.readouterr().err
    assert set(written(run)) == set(ALL)
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


def test_a_tracker_that_is_not_there_is_refused_before_anything_begins(folder):
    with pytest.raises(UsageError, match="^unknown tracker 'wandbb'; did you mean 'wandb'"):
        run_method("spos", preset="smoke", data="data", log=["wandbb"])
    assert not (folder / "runs").exists()
