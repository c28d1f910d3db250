"""Training a supernet: what is kept of it, and that a loss that is not finite ends it."""

import pytest
import tiny
import torch

from harness.running import training
from harness.running.training import train_supernet
from methods.registry import METHODS
from searchspaces.errors import UsageError


class Counting:
    """A method whose losses are the numbers of its steps."""

    def train_step(self, step):
        return {"loss": torch.tensor(float(step)), "kd": torch.tensor(-2.0 * step)}

    def epoch_report(self, step):
        return {"teacher": 7.0 * step} if step in (3, 7) else {}


def test_history_has_means_over_the_steps_since_the_last_row(monkeypatch):
    monkeypatch.setattr(training, "RECORD_EVERY", 3)
    history, saved = [], []
    train_supernet(Counting(), 8, 1, history, saved.append, -1.0)
    assert history == [
        {"phase": "train", "step": 3, "loss": 1.5, "kd": -3.0},
        {"phase": "epoch", "step": 4, "teacher": 21.0},
        {"phase": "train", "step": 6, "loss": 4.0, "kd": -8.0},
        {"phase": "epoch", "step": 8, "teacher": 49.0},
        {"phase": "train", "step": 8, "loss": 6.5, "kd": -13.0},
    ]
    assert saved == [3, 6, 8]


def test_divergence_names_the_last_good_checkpoint(tmp_path, monkeypatch):
    tiny.make_table(tmp_path / "data")
    method = METHODS["spos"]
    step = method.train_step
    monkeypatch.setattr(
        method,
        "train_step",
        lambda self, number: (
            step(self, number) | ({"loss": torch.tensor(torch.nan)} if number > 3 else {})
        ),
    )
    folders = {"data": tmp_path / "data", "runs": tmp_path / "runs"}
    with pytest.raises(UsageError, match="not finite at step 6") as raised:
        tiny.run_plainly(tiny.config("spos"), folders)
    [checkpoint] = tmp_path.rglob("checkpoint.pt")
    assert f"; the last good checkpoint, {checkpoint}, is of step 4. Lower" in str(raised.value)
