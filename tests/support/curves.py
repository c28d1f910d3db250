"""Recorded runs that were watched."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

SAMPLE = {"every": 100, "table": "a table", "sample": "a1b2c3d4", "seed": 1, "n": 200}


def watched_content(content: dict[str, Any], interval: Callable[..., Any], **changes: Any) -> Any:
    """``content``, a record, as one of a run with ``--watch 100``."""
    return content | {
        "watch": SAMPLE
        | {
            "floors": {"params": interval(0.41, 0.08, 200), "random": interval(0.0, 0.1, 200)},
            "ceiling": {"seed_mean": interval(0.88, 0.02, 200)},
            "costs": {"scoring_image_passes": 9, "cpu_seconds": 1.0},
        }
        | changes
    }


def watched_history(
    taus: Sequence[float | None], steps: Sequence[int] = (), costs: float = 1.0
) -> pd.DataFrame:
    """Rows of the loss, and a row for each τ; 3,000 compute and half a second for each step."""
    rows: list[dict[str, Any]] = []
    for step, tau in zip(steps or range(100, 1000, 100), taus, strict=False):
        rows.append({"phase": "train", "step": step, "loss": 100 / step})
        spent = {"compute": 3000 * step * costs, "cpu_seconds": step * costs / 2}
        ends = {"tau": tau, "tau_low": tau and tau - 0.07, "tau_high": tau and tau + 0.07}
        rows.append({"phase": "watch", "step": step, **spent, **ends})
    return pd.DataFrame(rows)


def write_history(folder: Path, frame: pd.DataFrame) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    frame.to_parquet(folder / "history.parquet", index=False)
