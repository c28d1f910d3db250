"""What a cell can take from a run and its ground truth, by name.

Accuracies and errors are in percent, sizes and image passes in millions.
"""

from __future__ import annotations

from collections.abc import Callable

from reports.papers.definition.item import Truth
from reports.papers.measured.detected import detected
from reports.papers.measured.truths import Missing, Truths
from reports.runs.record import Record
from searchspaces.errors import UsageError

Measure = Callable[[Record, Truths], float | None]
DAY = 86_400.0  # seconds


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


def _found_size(name: str) -> Measure:
    """In millions, of the architecture found as a stand-alone network of the ground truth."""

    def measure(record: Record, truths: Truths) -> float | None:
        from harness.tasks import IMAGES

        arch, config = record.get("found", "arch"), record.get("config")
        if arch is None:
            return None
        space = truths.space(config["space"], config["task"], config.get("scale", ""))
        try:
            cost = space.cost(space.decode(arch), IMAGES[config["task"]])
        except (UsageError, ValueError) as error:
            raise record.damaged(f"found.arch is no architecture: {error}") from error
        return getattr(cost, name) / 1e6

    return measure


MEASURES: dict[str, Measure] = {
    "tau": _metric("all", "kendall_tau"),
    "unique_tau": _metric("unique", "kendall_tau"),
    "top10_tau": _metric("top10", "kendall_tau"),
    "weighted_tau": _metric("all", "weighted_tau"),
    "spearman": _metric("all", "spearman"),
    "pearson": _metric("all", "pearson"),
    "precision_at_top": _metric("all", "precision_at_top"),
    "found_accuracy": _found_accuracy,
    "found_error": _found_error,
    "found_val_accuracy": _found_val_accuracy,
    "found_params": _found_size("params"),
    "found_madds": _found_size("madds"),
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
