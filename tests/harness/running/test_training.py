"""Training a supernet: a loss that is not finite ends it, and names what is kept."""

import pytest
import tiny
import torch

from methods.registry import METHODS
from searchspaces.errors import UsageError


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
