"""``nas-harness bench scaling``: what grows with architectures, classes and students."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

from harness.benchmarks import ranking
from harness.benchmarks.measuring import Result, head, most_held, seconds
from harness.benchmarks.solvers import some_logits
from harness.benchmarks.students import fresh, searching
from harness.benchmarks.table_files import opened, synthetic
from harness.metrics.intervals import measure as interval
from harness.metrics.metrics import kendall_tau
from harness.running.watching import one_thread
from methods.ennas.ensemble import ensemble_weights

ARCHITECTURES = (100, 1_000, 10_000, 100_000, 400_000)
RANKED = (100, 1_000, 15_625)
CLASSES = (10, 30, 100, 300, 1_000)
STUDENTS = (1, 3, 10, 30, 100)
SUBNETS, IMAGES, BATCH = 4, 96, 64
FRACTION = 0.5  # of the space that is scored; a complete one has no sampling error
TITLES = {
    "architectures": {
        "number": "architectures",
        "open_ms": "open, ms",
        "open_mb": "open, MB",
        "tau_ms": "tau, ms",
        "interval_ms": "interval, ms",
    },
    "ranked": {
        "number": "ranked",
        "one_by_one_ms": "one by one, ms each",
        "together_ms": "together, ms each",
        "held_mb": "held, MB",
    },
    "classes": {"number": "classes", "weights_ms": "EnNAS weights, ms", "held_mb": "logits, MB"},
    "students": {"number": "students", "step_ms": "retraining step, ms", "held_mb": "held, MB"},
}


def measure(repeats: int, seed: int, quick: bool) -> Result:
    """Rows of each part, by ``number``; ``quick`` takes the first two sizes of each."""
    rng = np.random.default_rng(seed)
    most = 2 if quick else None
    with one_thread():
        return head("scaling", repeats=repeats, seed=seed) | {
            "architectures": [_table(n, rng, repeats) for n in ARCHITECTURES[:most]],
            "ranked": [_ranking(n, 8 if quick else 200, repeats, seed) for n in RANKED[:most]],
            "classes": [_ensemble(n, rng, repeats) for n in CLASSES[:most]],
            "students": [_students(n, repeats, seed) for n in STUDENTS[:most]],
        }


def render(result: Result) -> str:
    """The result of :func:`measure` as Markdown tables."""
    lines = [f"{result['device']}, one thread; the fastest of {result['repeats']}"]
    for part, titles in TITLES.items():
        rows = [list(titles.values()), ["---:"] * len(titles)]
        rows += [[_shown(row[key]) for key in titles] for row in result[part]]
        lines += ["", *(f"| {' | '.join(row)} |" for row in rows)]
    return "\n".join(lines)


def _shown(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:,.4g}"


def _ms(function: Callable[[], Any], repeats: int) -> float:
    """CPU milliseconds of the fastest call after a first."""
    function()
    return 1e3 * min(seconds(function)[0] for _ in range(repeats))


def _table(number: int, rng: np.random.Generator, repeats: int) -> dict[str, Any]:
    table = synthetic("made-up", number, rng)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "table.parquet"
        table.save(path)
        found = [opened(path) for _ in range(repeats)]
    truth = table.truth("test")
    score = truth + rng.normal(0, 3, number)
    return {
        "number": number,
        "open_ms": 1e3 * min(each["cpu"] for each in found),
        "open_mb": min(each["mb"] for each in found),
        "tau_ms": _ms(lambda: kendall_tau(score, truth), repeats),
        "interval_ms": _ms(
            lambda: interval("kendall_tau", score, truth, fraction=FRACTION), repeats
        ),
    }


def _ranking(number: int, images: int, repeats: int, seed: int) -> dict[str, Any]:
    result = ranking.measure(
        "nb201", "digits", "", "recalibrate", number, 4, repeats, images, images, seed
    )
    whole = result["whole"]
    return {
        "number": number,
        "one_by_one_ms": 1e3 * whole["one_by_one"] / number,
        "together_ms": 1e3 * whole["together"] / number,
        "held_mb": result["held_mb"],
    }


def _ensemble(classes: int, rng: np.random.Generator, repeats: int) -> dict[str, Any]:
    logits, labels = (torch.tensor(x) for x in some_logits(rng, SUBNETS, IMAGES, classes))
    return {
        "number": classes,
        "weights_ms": _ms(lambda: ensemble_weights(logits, labels), repeats),
        "held_mb": logits.nbytes / 1e6,
    }


def _students(number: int, repeats: int, seed: int) -> dict[str, Any]:
    """One step of retraining from fresh weights."""
    method = searching(number, 1, BATCH, seed)
    members = fresh(method, number)
    return {
        "number": number,
        "step_ms": _ms(lambda: method._retrain(members, 0), repeats),
        "held_mb": most_held(lambda: method._retrain(members, 0)) / 1e6,
    }
