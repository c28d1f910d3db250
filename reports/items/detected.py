"""Detectors, fine-tuned by the printed recipe in full, on what runs found."""

from __future__ import annotations

from typing import Any

from harness.config import SCHEMA_VERSION
from harness.store import read_json
from reports.record import Record

HOW = (
    "no detector was fine-tuned in full on what it found; `nas-harness train-standalone --run RUN "
    "--task imagenet --preset paper --keep-checkpoint`, then `nas-harness detect` on its folder "
    "with `--preset paper`"
)


def detected(run: Record, *keys: str) -> float | None:
    """The number under ``keys`` of ``detection.json``, mean over seeds; None if there is none."""
    numbers = []
    for path in sorted(run.folder.parent.glob("detection/*/detection.json")):
        record = read_json(path)
        if record["schema_version"] == SCHEMA_VERSION and not record["reduced"]:
            searches = [search["run"] for search in record["found_by"]]
            numbers += [_under(record, keys)] * (run.folder.name in searches)
    return sum(numbers) / len(numbers) if numbers else None


def _under(tree: Any, keys: tuple[str, ...]) -> float:
    for key in keys:
        tree = tree[key]
    return float(tree)
