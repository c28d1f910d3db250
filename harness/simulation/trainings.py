"""What the trainings behind a table reveal, one after the other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness.tabular.table import Table
from searchspaces.errors import UsageError


@dataclass(frozen=True)
class Trainings:
    """Accuracy in percent of each training of each architecture, on the split ``split``.

    ``runs`` is ``[rows, seeds]``; the first ``counts[row]`` of a row are its trainings, the others
    NaN. Where the table has no seed of its own the mean stands for the one training.
    """

    split: str
    runs: np.ndarray
    counts: np.ndarray

    @classmethod
    def of(cls, table: Table, split: str = "val") -> Trainings:
        """Raises :class:`UsageError` if the table does not have the split."""
        if f"{split}.{table.meta.epochs}.mean" not in table.accuracies:
            raise UsageError(
                f"the table {table.meta.name} has no {split} accuracies for a search to go by; "
                "--test-as-validation shows it the test accuracies, and every result says so."
            )
        mean = table.accuracy(split)
        runs = np.stack([mean, *(table.accuracy(split, seed=s) for s in table.seeds(split))], 1)
        runs[np.isfinite(runs[:, 1:]).any(axis=1), 0] = np.nan
        runs = np.take_along_axis(runs, np.isnan(runs).argsort(axis=1, kind="stable"), axis=1)
        counts = np.isfinite(runs).sum(axis=1)
        return cls(split, runs[:, : counts.max()], counts)

    def reveal(self, row: int, luck: float) -> float:
        """The training of ``row`` that ``luck``, uniform in [0, 1), picks among its own."""
        return float(self.runs[row, int(luck * self.counts[row])])
