"""Run folders with known numbers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest


def interval(value: float | None, half: float | None = None, n: int = 600) -> dict[str, Any]:
    if value is None or half is None:
        return {"value": value, "low": None, "high": None, "n": n}
    return {"value": value, "low": value - half, "high": value + half, "n": n}


def record(method: str = "spos", seed: int = 0, tau: float = 0.5, **changes: Any) -> dict[str, Any]:
    """A record as a run writes it; ``changes`` are dotted by double underscores."""
    options: dict[str, Any] = (
        {} if method == "spos" else {"base": "spos", "kd": "full", "qp": "printed"}
    )
    correlation = {"kendall_tau": interval(tau, 0.04), "precision_at_top": interval(0.25, 0.1)}
    content: dict[str, Any] = {
        "schema_version": 1,
        "run": f"nb201-digits-{method}-s{seed}",
        "config": {
            "method": method, "space": "nb201", "task": "digits", "scale": "", "seed": seed,
            "preset": "laptop", "train": {"steps": 4000, "lr": 0.1}, "options": options,
        },
        "space": "nb201", "task": "digits", "split": "test", "epochs": 4, "n": 600, "n_table": 600,
        "ground_truth": {
            "table": "nb201-compact-digits", "split": "test", "seeds": 3, "version": "1",
            "sha256": "ab",
        },
        "scoring": {"split": "val", "bn": "recalibrate"},
        "supernet": {"scale": "compact", "parameters": 1000, "reduced": False},
        "metrics": {
            "all": correlation,
            "unique": {"kendall_tau": interval(tau - 0.01, 0.04, 400)},
            "top10": {"kendall_tau": interval(tau - 0.3, 0.1, 60)},
        },
        "floors": {
            "params": interval(0.45, 0.04), "flops": interval(0.46, 0.04),
            "random": interval(0.0, 0.05),
        },
        "ceiling": {
            "single_seed": interval(0.82, 0.02), "seed_mean": interval(0.9, 0.01),
            "validation": None, "how": "between seeds",
        },
        "found": {"arch": "a7", "truth": 91.0, "regret": 1.5, "how": "read from the table"},
        "costs": {
            "steps": 4000, "image_passes": 1_000_000, "scoring_image_passes": 500_000,
            "seconds": 60.0, "device": "CPU",
        },
        "notes": [],
        "versions": {},
    }  # fmt: skip
    for dotted, value in changes.items():
        *branch, leaf = dotted.split("__")
        inside = content
        for key in branch:
            inside = inside[key]
        inside[leaf] = value
    return content


def scores(n: int = 600, dead: int = 20) -> pd.DataFrame:
    """Scores that correlate with truths as a supernet's do; the first ``dead`` at chance level."""
    rng = np.random.default_rng(1)
    quality = rng.normal(size=n)
    truth = 90 - 6 * np.exp(-quality / 1.5) + rng.normal(0, 0.5, n)
    score = 62 + 7 * (0.8 * quality + 0.6 * rng.normal(size=n))
    truth[:dead], score[:dead] = rng.normal(10, 0.2, (2, dead))
    params = 1e4 * np.exp(0.5 * quality + rng.normal(0, 0.5, n))
    return pd.DataFrame(
        {
            "arch": [f"a{i}" for i in range(n)], "score": score, "truth": truth,
            "params": params.astype(int), "madds": (100 * params).astype(int),
        }
    )  # fmt: skip


@pytest.fixture
def make_record() -> Callable[..., dict[str, Any]]:
    return record


@pytest.fixture
def make_interval() -> Callable[..., dict[str, Any]]:
    return interval


@pytest.fixture
def make_scores() -> Callable[..., pd.DataFrame]:
    return scores


@pytest.fixture
def write_run(tmp_path: Path) -> Callable[..., Path]:
    """Writes the folder ``name`` from a record and, if given, a frame of scores."""

    def write(name: str, content: dict[str, Any], frame: pd.DataFrame | None = None) -> Path:
        folder = tmp_path / name
        folder.mkdir(parents=True)
        (folder / "run.json").write_text(json.dumps(content))
        if frame is not None:
            frame.to_parquet(folder / "scores.parquet", index=False)
        return folder

    return write
