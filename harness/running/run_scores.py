"""The scores of a run as its folder has them: one row for each architecture that was ranked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from harness.files.sizes import check_file, check_parquet
from harness.tabular.table import Table
from searchspaces.errors import UsageError


def scores_columns(table: Table, rows: np.ndarray, scores: np.ndarray) -> dict[str, np.ndarray]:
    """Architecture, score, truth and size, each ``[n]``, of the ranked ``rows`` of a table."""
    columns = {
        "arch": np.array(table.archs)[rows],
        "score": scores,
        "truth": table.truth("test")[rows],
    }
    sizes = {"params": table.params, "madds": table.madds}
    return columns | {name: size[rows] for name, size in sizes.items() if size is not None}


def read_scores_columns(path: Path) -> dict[str, float]:
    """Score of each architecture in a run's ``scores.parquet``.

    Raises :class:`UsageError` where that is missing, damaged or too large.
    """
    try:
        check_file(path, "table")
        check_parquet(path, "table")
        stored = pq.read_table(path, columns=["arch", "score"]).to_pydict()
        return dict(zip(stored["arch"], map(float, stored["score"]), strict=True))
    except (pa.ArrowException, OSError, TypeError, ValueError) as error:
        raise UsageError(
            f"cannot read {path}: {error}; delete its folder and run again."
        ) from error
