"""Unfinished runs that another version began stay as they are, and the run that begins says so."""

import pytest
import tiny
import torch

from harness.config.config import with_values
from harness.resuming.earlier_versions import begun_by_others
from harness.resuming.workspace import Workspace
from harness.running import run_state
from methods.registry import METHODS
from searchspaces.errors import UsageError


@pytest.fixture
def folders(tmp_path):
    tiny.make_table(tmp_path / "data")
    return {"data": tmp_path / "data", "runs": tmp_path / "runs"}


def interrupted(folders, monkeypatch, version, **values):
    """The folder of a run whose fifth step fails, as begun by ``version`` of the harness."""
    step = METHODS["spos"].train_step

    def failing(self, number):
        lost = {"loss": torch.tensor(torch.nan)} if number > 3 else {}
        return step(self, number) | lost

    there = set(folders["runs"].glob("*-s*"))
    with monkeypatch.context() as patch, pytest.raises(UsageError, match="not finite"):
        patch.setattr(METHODS["spos"], "train_step", failing)
        patch.setattr(run_state, "harness_version", lambda: version)
        tiny.run_plainly(with_values(tiny.config("spos"), values), folders)
    (folder,) = set(folders["runs"].glob("*-s*")) - there
    return folder


def without_version(folder):
    """Its checkpoint as one from before versions were kept there."""
    workspace = Workspace(folder)
    state = workspace.load_checkpoint()
    del state["version"]
    workspace.save_checkpoint(state)


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.slow
def test_a_run_of_another_version_is_named_and_left(folders, monkeypatch, capsys):
    named = interrupted(folders, monkeypatch, "0.0.9", **{"train.lr": 0.3})
    nameless = interrupted(folders, monkeypatch, "", **{"train.lr": 0.2})
    without_version(nameless)
    before = contents(named), contents(nameless)
    capsys.readouterr()
    record = tiny.run_plainly(tiny.config("spos"), folders)
    said = [line for line in capsys.readouterr().err.splitlines() if "unfinished run" in line]
    new = folders["runs"] / record["run"]
    ends = f"it is left as it is, and {new} begins anew."
    assert sorted(line.partition(", begun by ")[::2] for line in said) == sorted(
        (f"{folder} holds an unfinished run of the same method, space, task and seed", by)
        for folder, by in (
            (named, f"version 0.0.9: {ends}"),
            (nameless, f"an earlier version: {ends}"),
        )
    )
    assert (contents(named), contents(nameless)) == before


@pytest.mark.slow
def test_nothing_is_said_of_other_runs(folders, monkeypatch, capsys):
    other_seed = interrupted(folders, monkeypatch, "0.0.9", seed=4)
    own = interrupted(folders, monkeypatch, run_state.harness_version(), **{"train.lr": 0.2})
    damaged = interrupted(folders, monkeypatch, "0.0.9", **{"train.lr": 0.3})
    (damaged / "checkpoint.pt").write_bytes(b"half")
    finished = interrupted(folders, monkeypatch, "0.0.9", **{"train.lr": 0.4})
    (finished / "run.json").write_text("{}")
    capsys.readouterr()
    tiny.run_plainly(tiny.config("spos"), folders)
    assert "unfinished" not in capsys.readouterr().err
    assert begun_by_others(Workspace(own), "another") == {}
    assert list(begun_by_others(Workspace(finished), "another")) == [own]
    assert other_seed.is_dir()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("version", "said"),
    [
        (run_state.harness_version(), " (train)"),
        ("0.0.9", " (train), begun by version 0.0.9"),
    ],
)
def test_a_run_that_goes_on_says_who_began_it(folders, monkeypatch, capsys, version, said):
    interrupted(folders, monkeypatch, "0.0.8", **{"train.lr": 0.3})
    folder = interrupted(folders, monkeypatch, version)
    workspace = Workspace(folder)
    workspace.save_checkpoint(workspace.load_checkpoint() | {"seconds": 5000.0})
    capsys.readouterr()
    record = tiny.run_plainly(tiny.config("spos"), folders)
    assert 5000 < record["costs"]["seconds"] < 6000  # what it took before counts
    told = capsys.readouterr().err
    assert f"continuing {folder}{said}\n" in told and "unfinished" not in told


@pytest.mark.slow
def test_a_checkpoint_that_only_its_version_reads_is_a_sentence(folders, monkeypatch):
    folder = interrupted(folders, monkeypatch, "0.0.9")
    workspace = Workspace(folder)
    state = workspace.load_checkpoint()
    del state["method"]["supernet"]
    workspace.save_checkpoint(state)
    with pytest.raises(UsageError, match="begun by version 0.0.9, whose checkpoint this .* delete"):
        tiny.run_plainly(tiny.config("spos"), folders)
    workspace.save_checkpoint(state | {"version": run_state.harness_version()})
    with pytest.raises(KeyError, match="supernet"):  # a defect of this very version
        tiny.run_plainly(tiny.config("spos"), folders)
