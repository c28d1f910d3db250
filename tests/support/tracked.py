"""A small run as trackers are told of it, whole, or as by a process that is killed midway."""

from __future__ import annotations

from pathlib import Path

from harness.trackers.tracking import Tracking

HISTORY = [
    {"phase": "train", "step": 50, "loss": 2.5, "note": "x", "tau": float("nan")},
    {"phase": "watch", "step": 50, "tau": 0.4, "tau_low": 0.3, "tau_high": 0.5},
    {"phase": "search", "step": 1, "best": 90},
]
RECORD = {
    "metrics": {"all": {"kendall_tau": {"value": 0.6, "low": 0.5, "high": 0.7}}},
    "floors": {"params": {"value": 0.3}},
    "ceiling": {"single_seed": {"value": 0.9}, "seed_mean": None, "how": "so"},
    "found": {"truth": 92.0, "regret": None, "arch": "a"},
    "costs": {"steps": 100, "device": "CPU"},
    "training": {"steps": 100},
}
RESULTS = {"tau": 0.6, "tau_low": 0.5, "tau_high": 0.7, "floor_params": 0.3}
LINES = {f"result/{k}": v for k, v in (RESULTS | {"ceiling_single_seed": 0.9}).items()}
NAME = "the-run"


def tracking(names, folder, run=NAME):
    return Tracking(names, run, folder, {"seed": 3, "train": {"steps": 100}})


def tell_all(names, folder=Path(), picture=Path("none.png")):
    """Of a whole run, in two parts."""
    made = tracking(names, folder)
    made.tell(HISTORY[:2])
    made.tell(HISTORY[:2])
    made.tell_results(RECORD, lambda: HISTORY)
    made.end(picture)
    made.wait()


def tell_and_die(names, folder, run, rows):
    """Of the first rows of a run, as a process that is killed."""
    with tracking(names, folder, run) as made:
        made.tell(rows)
    for process in made._processes:
        process.join()
