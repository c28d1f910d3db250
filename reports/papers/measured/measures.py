"""What a cell can take from a run, its ground truth, and later trainings of what it found, by name.

Accuracies and errors are in percent, sizes and image passes in millions.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from operator import getitem
from pathlib import Path
from statistics import fmean
from typing import Any

from harness.standalone.record import in_full
from reports.papers.definition.item import Column, Truth
from reports.papers.measured.truths import Missing, Truths
from reports.runs.history import series
from reports.runs.record import Record, beside, finite
from searchspaces.errors import UsageError

Measure = Callable[[Record, Truths], float | None]
DAY = 86_400.0  # seconds
HOW_DETECTED = (
    "no detector was fine-tuned in full on what it found; `nas-harness train-standalone --run RUN "
    "--task imagenet --preset paper --keep-checkpoint`, then `nas-harness detect` on its folder "
    "with `--preset paper`"
)


def _metric(subset: str, name: str) -> Measure:
    return lambda record, _: record.number("metrics", subset, name, "value")


def _cost(name: str, divisor: float = 1.0) -> Measure:
    def measure(record: Record, _: Truths) -> float | None:
        cost = record.number("costs", name)
        return None if cost is None else cost / divisor

    return measure


def _found_accuracy(record: Record, _: Truths) -> float | None:
    return record.number("found", "truth")


def _found_error(record: Record, truths: Truths) -> float | None:
    accuracy = _found_accuracy(record, truths)
    return None if accuracy is None else 100 - accuracy


def _found_val_accuracy(record: Record, truths: Truths) -> float | None:
    """None where the ground truth of the run is not here or does not have what was found."""
    config = record.get("config")
    truth = Truth(config["space"], config["task"], "val", config.get("scale", ""))
    try:
        accuracies, table = truths.accuracies(truth), truths.of(truth)
    except Missing:
        return None
    row = int(table.index([record.get("found", "arch")])[0])
    same = table.meta.sha256 == record.get("ground_truth", "sha256")
    return float(accuracies[row]) if same and row >= 0 else None


def looked_up(record: Record, column: Column, truths: Truths) -> float | None:
    """What the run found, in the column's own ground truth; None where that does not have it.

    Raises :class:`Missing` where that is not here.
    """
    accuracies = truths.accuracies(column.truth)
    row = int(truths.of(column.truth).index([record.get("found", "arch")])[0])
    return column.flip(float(accuracies[row])) if row >= 0 else None


def _found_size(name: str) -> Measure:
    """In millions, of the architecture found as a stand-alone network of the ground truth."""

    def measure(record: Record, truths: Truths) -> float | None:
        from harness.tasks import image_of

        arch, config = record.get("found", "arch"), record.get("config")
        if arch is None:
            return None
        space = truths.space(config["space"], config["task"], config.get("scale", ""))
        image = image_of(config["task"])
        if image is None:
            return None
        try:
            cost = space.cost(space.decode(arch), image)
        except (UsageError, ValueError) as error:
            raise record.damaged(f"found.arch is no architecture: {error}") from error
        return getattr(cost, name) / 1e6

    return measure


def _teacher_end(record: Record, _: Truths) -> float | None:
    """The teacher's accuracy on validation images in the last epoch that reports it."""
    teachers = series(record, "teacher_accuracy")
    return teachers[max(teachers)] if teachers else None


def _teacher_mean(record: Record, _: Truths) -> float | None:
    """The same, mean over epochs."""
    teachers = series(record, "teacher_accuracy")
    return fmean(teachers.values()) if teachers else None


def _teacher_gain(record: Record, _: Truths) -> float | None:
    """Teacher minus mean student, mean over the epochs that report both."""
    teachers, students = (series(record, f"{who}_accuracy") for who in ("teacher", "student"))
    gains = [teachers[step] - students[step] for step in teachers.keys() & students.keys()]
    return fmean(gains) if gains else None


def detected(run: Record, *keys: str) -> float | None:
    """The number under ``keys`` of ``detection.json``, mean over seeds; None if there is none.

    Raises :class:`UsageError` where such a record beside the run is damaged.
    """

    def read(record: Any) -> tuple[bool, float]:
        searches = [search["run"] for search in record["found_by"]]
        counts = not record["reduced"] and run.folder.name in searches
        return counts, finite(reduce(getitem, keys, record))

    found = beside(run.folder.parent, "detection", read)
    numbers = [number for counts, number in found if counts]
    return sum(numbers) / len(numbers) if numbers else None


MEASURES: dict[str, Measure] = {
    "tau": _metric("all", "kendall_tau"),
    "unique_tau": _metric("unique", "kendall_tau"),
    "top10_tau": _metric("top10", "kendall_tau"),
    "weighted_tau": _metric("all", "weighted_tau"),
    "spearman": _metric("all", "spearman"),
    "pearson": _metric("all", "pearson"),
    "precision_at_top": _metric("all", "precision_at_top10pct"),
    "found_accuracy": _found_accuracy,
    "found_error": _found_error,
    "found_val_accuracy": _found_val_accuracy,
    "found_params": _found_size("params"),
    "found_madds": _found_size("madds"),
    "teacher_end": _teacher_end,
    "teacher_mean": _teacher_mean,
    "teacher_gain": _teacher_gain,
    "detected_map": lambda record, _: detected(record, "result", "map"),
    "detected_ap50": lambda record, _: detected(record, "result", "ap50"),
    "detected_ap75": lambda record, _: detected(record, "result", "ap75"),
    "detected_params": lambda record, _: detected(record, "backbone", "params"),
    "detected_madds": lambda record, _: detected(record, "backbone", "madds"),
    "regret": lambda record, _: record.number("found", "regret"),
    "search_seconds": _cost("seconds"),
    "search_days": _cost("seconds", DAY),
    "image_passes": _cost("image_passes", 1e6),
}


class Retrainings:
    """Those that ``nas-harness train-standalone`` recorded beside the runs in ``runs``.

    Raises :class:`UsageError` where one of their records is damaged.
    """

    def __init__(self, runs: Path):
        self.by_run: dict[tuple[str, str], list[float]] = {}
        for task, accuracy, searches in filter(None, beside(runs, "standalone", _read_training)):
            for search in searches:
                self.by_run.setdefault((search, task), []).append(accuracy)

    def accuracy(self, run: Record) -> float | None:
        """Mean test accuracy over their seeds in percent, on the run's own task; None if none."""
        found = self.by_run.get((run.folder.name, run.get("config", "task")))
        return sum(found) / len(found) if found else None


def _read_training(record: Any) -> tuple[str, float, list[str]] | None:
    """Task, test accuracy, and the runs that found the architecture; None unless in full."""
    accuracy = finite(record["result"]["test_accuracy"])
    searches = [str(search["run"]) for search in record["found_by"]]
    return (str(record["config"]["task"]), accuracy, searches) if in_full(record) else None
