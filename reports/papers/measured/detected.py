"""Detectors, fine-tuned by the printed recipe in full, on what runs found."""

from __future__ import annotations

from functools import reduce
from operator import getitem
from typing import Any

from reports.runs.record import Record, beside, finite

HOW = (
    "no detector was fine-tuned in full on what it found; `nas-harness train-standalone --run RUN "
    "--task imagenet --preset paper --keep-checkpoint`, then `nas-harness detect` on its folder "
    "with `--preset paper`"
)


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
