"""What methods report of their training, step by step: ``history.parquet`` of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reports.runs.record import Record, read_frame
from searchspaces.errors import UsageError

if TYPE_CHECKING:
    import pandas

NAMES = {  # of columns, where their own name does not say it
    "teacher_accuracy": "accuracy of the teacher (%)",
    "teacher_accuracy_oracle_w": "accuracy of the teacher, fitted to the images scored (%)",
    "student_accuracy": "mean accuracy of the subnets (%)",
    "logit_distance": "mean Euclidean distance of logits",
    "logit_cosine": "mean cosine of logits",
}


def name_of(column: str) -> str:
    """What people call a column, with its unit."""
    return NAMES.get(column, column.replace("_", " "))


def history(record: Record) -> pandas.DataFrame | None:
    """Rows of ``phase`` (text), ``step`` (whole) and the columns of the method, NaN where unknown.

    None where no history was kept or nothing was reported. Raises :class:`UsageError` where it
    cannot be read.
    """
    import numpy as np
    from pyarrow import ArrowException

    path = record.folder / "history.parquet"
    if not path.exists():
        return None
    try:
        frame = read_frame(path)
        if frame.empty:
            return None
        numbers = frame.drop(columns="phase").astype({"step": int})
        frame[numbers.columns] = numbers.astype(float).replace([np.inf, -np.inf], np.nan)
        return frame.astype({"phase": str, "step": int})
    except (OSError, ArrowException, KeyError, TypeError, ValueError) as error:
        raise UsageError(
            f"cannot read {path}: {error}; delete the folder and run again."
        ) from error


def series(record: Record, column: str) -> dict[int, float]:
    """What epochs report of ``column`` by training step; empty where the method reports none."""
    frame = history(record)
    if frame is None or column not in frame:
        return {}
    epochs = frame[(frame["phase"] == "epoch") & frame[column].notna()]
    return dict(zip(map(int, epochs["step"]), map(float, epochs[column]), strict=True))
