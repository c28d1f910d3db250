"""Trainings that go on: what a checkpoint holds, seconds, other images, losses that are no numbers."""

import pytest
import torch

from harness.environment import harness_version
from harness.resuming import resumable
from harness.resuming.resumable import (
    Resumable,
    TrainingWorkspace,
    check_finite,
    last_checkpoint,
)
from harness.resuming.workspace import load_tensors
from searchspaces.errors import UsageError


class Counting(Resumable):
    """A training whose state is a number."""

    alike = "an unfinished count"

    number = 0

    def state(self):
        return {"number": torch.tensor(self.number)}

    def take_up(self, state):
        self.number = int(state["number"])


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(resumable.time, "monotonic", lambda: now[0])
    return now


def begun(folder, sha256="a"):
    return Counting(TrainingWorkspace(folder, "record.json"), "the images", sha256)


def test_a_training_goes_on_with_its_steps_its_seconds_and_its_state(tmp_path, clock, capsys):
    first = begun(tmp_path)
    first.resume()
    assert (first.done, capsys.readouterr().err) == (0, "")
    clock[0] += 7.0
    first.number = 5
    first.checkpoint(40)
    kept = load_tensors(tmp_path / "checkpoint.pt")
    assert kept == {
        "done": 40,
        "seconds": 7.0,
        "sha256": "a",
        "version": harness_version(),
        "number": torch.tensor(5),
    }
    clock[0] += 1000.0
    second = begun(tmp_path)
    second.resume()
    assert (second.done, second.number, second.seconds) == (40, 5, 7.0)
    assert capsys.readouterr().err == f"continuing {tmp_path} at step 40\n"
    clock[0] += 3.0
    second.checkpoint(60)
    assert load_tensors(tmp_path / "checkpoint.pt")["seconds"] == 10.0
    with pytest.raises(UsageError, match=f"the images are not those that {tmp_path} was begun"):
        begun(tmp_path, "b").resume()


def kept_by(monkeypatch, version, folder):
    """A checkpoint of another version of the harness."""
    with monkeypatch.context() as patch:
        patch.setattr(resumable, "harness_version", lambda: version)
        begun(folder).checkpoint(40)


def test_what_another_version_began_is_said(tmp_path, monkeypatch, capsys):
    own, other = tmp_path / "a-00000001-s0", tmp_path / "a-00000002-s0"
    kept_by(monkeypatch, "0.1.0", other)
    kept_by(monkeypatch, "0.1.0", tmp_path / "a-00000003-s1")  # another seed
    kept_by(monkeypatch, "0.1.0", tmp_path / "a-00000004-s0")
    (tmp_path / "a-00000004-s0" / "record.json").write_text("{}")  # finished
    begun(own).resume()
    assert capsys.readouterr().err == (
        f"{other} holds an unfinished count, begun by version 0.1.0: it is left as it is, and "
        f"{own} begins anew.\n"
    )
    begun(other).resume()
    assert capsys.readouterr().err == f"continuing {other} at step 40, begun by version 0.1.0\n"
    monkeypatch.setattr(Counting, "take_up", lambda self, state: state["lost"])
    with pytest.raises(UsageError, match="by version 0.1.0, whose checkpoint this version cannot"):
        begun(other).resume()
    begun(own).checkpoint(4)
    with pytest.raises(KeyError, match="lost"):  # a defect of this very version
        begun(own).resume()


def test_the_record_has_the_name_it_is_given(tmp_path):
    workspace = TrainingWorkspace(tmp_path, "record.json")
    workspace.complete({"schema_version": 1}, False)
    assert (tmp_path / "record.json").exists() and not (tmp_path / "run.json").exists()


@pytest.mark.parametrize("loss", [float("nan"), float("inf"), float("-inf")])
def test_a_loss_that_is_no_number_ends_a_training(tmp_path, loss):
    training = begun(tmp_path)
    training.check(3.0, "the loss", 7, "Lower it")
    told = (
        "^the loss is not finite at step 7; there is no checkpoint yet. Lower it, then run again.$"
    )
    with pytest.raises(UsageError, match=told):
        training.check(loss, "the loss", 7, "Lower it")
    training.checkpoint(40)
    path = tmp_path / "checkpoint.pt"
    last = f"the last good checkpoint, {path}, is of step 40"
    assert last_checkpoint(training.workspace) == last
    with pytest.raises(UsageError, match="not finite at step 9"):
        check_finite([1.0, loss], "the loss", 9, lambda: last, "Lower it")
    check_finite([-1e300, 0.0], "the loss", 9, lambda: last, "Lower it")
