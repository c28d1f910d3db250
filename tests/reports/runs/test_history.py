"""What methods report while they train, and what people call it."""

import numpy as np
import pandas as pd
import pytest

from reports.page.run_data import curves
from reports.runs.history import history, name_of, series
from reports.runs.record import load


def test_columns_are_called_by_what_they_are():
    assert {name: name_of(name) for name in ("loss", "kd_loss")} == {
        "loss": "loss", "kd_loss": "kd loss",
    }  # fmt: skip
    assert name_of("teacher_accuracy") == "accuracy of the teacher (%)"
    assert name_of("student_accuracy") == "mean accuracy of the subnets (%)"
    assert name_of("logit_distance") == "mean Euclidean distance of logits"
    assert name_of("logit_cosine") == "mean cosine of logits"
    fitted = name_of("teacher_accuracy_oracle_w")
    assert fitted == "accuracy of the teacher, fitted to the images scored (%)"


def test_a_series_is_what_epochs_report_by_step(write_run, make_record):
    folder = write_run("a", make_record())
    frame = pd.DataFrame(
        {
            "phase": ["epoch", "train", "epoch", "epoch"],
            "step": [10, 15, 20, 30],
            "loss": [3.0, 9.0, np.inf, 1.0],
        }
    )
    frame.to_parquet(folder / "history.parquet", index=False)
    record = load(folder)
    assert series(record, "loss") == {10: 3.0, 30: 1.0}
    assert series(record, "accuracy") == {}
    found = history(record)
    assert found["loss"].tolist() == pytest.approx([3, 9, np.nan, 1], nan_ok=True)


@pytest.mark.parametrize("columns", [[], ["phase", "step", "loss"]])
def test_a_history_in_which_nothing_was_reported_is_none(write_run, make_record, columns):
    folder = write_run("a", make_record())
    pd.DataFrame([], columns=columns).to_parquet(folder / "history.parquet", index=False)
    record = load(folder)
    assert history(record) is None and series(record, "loss") == {} and curves(record) == []
