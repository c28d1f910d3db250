"""Ranking at the benchmark's own scale: how many images at once, in how many processes."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from harness.device_checks.finding import Finding
from harness.device_checks.subject import Subject
from harness.device_checks.timing import wall_ms
from harness.environment import use_device
from harness.running.ranking import rank
from methods.base import Method

LIMIT = 1.0  # largest difference of scores by other batches, in points


def check(subject: Subject) -> Finding:
    """Seconds of the whole, the start of processes included.

    Wrong: a score that depends on the number of processes, and one that depends by more than
    rounding turns on how many images go through at once.
    """
    sizes, wrong = subject.sizes, []
    figures: dict[str, Any] = {}
    told, by_batch, method = [], {}, subject.large()
    archs = subject.archs(method.space, sizes.ranked)
    for at_once, workers in sizes.rankings:
        scores, seconds = ranked(subject, archs, at_once, workers)
        name = f"{at_once} images, {workers} process{'es' if workers > 1 else ''}"
        figures[name] = seconds
        told.append(f"{name} {seconds:.3g} s")
        known = by_batch.setdefault(at_once, scores)
        if not np.array_equal(known, scores):
            wrong.append(
                f"{name}: scores are not those of the first ranking with {at_once} images."
            )
    first, *others = by_batch.values()
    largest = max(float(abs(scores - first).max()) for scores in (first, *others))
    if not largest <= LIMIT:
        wrong.append(
            f"scores differ by {largest:.2g} points by how many images go through at once."
        )
    said = f"{len(archs)} architectures of nb201 ({sizes.scale}): {'; '.join(told)}"
    return Finding(said, {"seconds": figures, "architectures": len(archs)}, wrong)


def ranked(
    subject: Subject, archs: list[Any], at_once: int, workers: int
) -> tuple[np.ndarray, float]:
    """Scores, and seconds on the wall."""
    revive = partial(method_of, subject, at_once)
    method, found = revive(), []
    with TemporaryDirectory(prefix="nas-harness-") as folder:
        stream = Path(folder) / "scores.jsonl"
        taken = wall_ms(
            lambda: found.append(rank(method, archs, stream, workers, revive)), subject.device
        )
    return found[0], taken / 1e3


def method_of(subject: Subject, at_once: int) -> Method:
    """Also in a process that has done nothing on the device before."""
    use_device(str(subject.device))
    return subject.large(at_once=at_once)
