"""A small run as trackers are told of it, in two processes: the first is killed midway."""

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


def tracking(names, folder):
    return Tracking(names, NAME, folder, {"seed": 3, "train": {"steps": 100}})


def tell_all(names, folder=Path(), picture=Path("none.png")):
    """Of a whole run, in two parts."""
    made = tracking(names, folder)
    made.tell(HISTORY[:2])
    made.tell(HISTORY[:2])
    made.finish(RECORD, lambda: HISTORY, picture)


def tell_and_die(names, folder):
    """Of a part of it, as a process that is killed."""
    with tracking(names, folder) as made:
        made.tell(HISTORY[:2])
    for process in made._processes:
        process.join()
