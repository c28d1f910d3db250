"""Stand-alone trainings, by a printed recipe in full, of what runs found."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from harness.standalone.record import in_full
from reports.runs.record import Record, beside, finite


class Retrainings:
    """Those that ``nas-harness train-standalone`` recorded beside the runs in ``runs``.

    Raises :class:`UsageError` where one of their records is damaged.
    """

    def __init__(self, runs: Path):
        self.by_run: dict[tuple[str, str], list[float]] = {}
        for task, accuracy, searches in filter(None, beside(runs, "standalone", _read)):
            for search in searches:
                self.by_run.setdefault((search, task), []).append(accuracy)

    def accuracy(self, run: Record) -> float | None:
        """Mean test accuracy over their seeds in percent, on the run's own task; None if none."""
        found = self.by_run.get((run.folder.name, run.get("config", "task")))
        return sum(found) / len(found) if found else None


def _read(record: Any) -> tuple[str, float, list[str]] | None:
    """Task, test accuracy, and the runs that found the architecture; None unless in full."""
    accuracy = finite(record["result"]["test_accuracy"])
    searches = [str(search["run"]) for search in record["found_by"]]
    return (str(record["config"]["task"]), accuracy, searches) if in_full(record) else None
