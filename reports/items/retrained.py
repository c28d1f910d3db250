"""Stand-alone trainings, by a printed recipe in full, of what runs found."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from harness.config import SCHEMA_VERSION
from harness.store import read_json
from reports.record import Record


class Retrainings:
    """Those that ``nas-harness train-standalone`` recorded beside the runs in ``runs``."""

    def __init__(self, runs: Path):
        self.by_run: dict[tuple[str, str], list[float]] = {}
        for path in sorted(runs.glob("standalone/*/standalone.json")):
            record = read_json(path)
            if record["schema_version"] == SCHEMA_VERSION and _in_full(record):
                for search in record["found_by"]:
                    key = search["run"], record["config"]["task"]
                    self.by_run.setdefault(key, []).append(record["result"]["test_accuracy"])

    def accuracy(self, run: Record) -> float | None:
        """Mean test accuracy over their seeds in percent, on the run's own task; None if none."""
        found = self.by_run.get((run.folder.name, run.get("config", "task")))
        return sum(found) / len(found) if found else None


def _in_full(record: dict[str, Any]) -> bool:
    config = record["config"]
    short = config["train_images"] or config["eval_images"] or record["network"]["reduced"]
    return config["preset"] == "paper" and not short and not record["recipe"]["changed"]
