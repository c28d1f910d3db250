"""How often the host waits for the device, in a training step and in a scored chunk."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from harness.benchmarks.measuring import waits
from harness.device_checks.finding import Finding
from harness.device_checks.same_as_cpu import search
from harness.device_checks.subject import Subject
from harness.files.progress import bar
from methods.transfer import Reading

TOLD = "called a synchronizing"  # is in what PyTorch says where the host waits for a GPU


def check(subject: Subject) -> Finding:
    """Of each method on NAS-Bench-201, behind the first steps. Wrong: a step on a GPU that waits.

    On a GPU PyTorch tells of each wait and of the line that asks for it; elsewhere the operations
    are counted that would make the host wait, but not copies. A :class:`methods.transfer.Reading`
    is counted everywhere: it waits for what was asked for before it, and is no fault.
    """
    count = synchronisations if subject.is_gpu else waits
    methods, steps = subject.sizes.methods, subject.sizes.steps
    figures: dict[str, Any] = {}
    with bar(len(methods), "waits", "method") as progress:
        for name in methods:
            method = subject.method(subject.config(name))
            for step in range(steps // 2):
                method.train_step(step)
            left = range(steps // 2, steps)
            before = Reading.waited
            training = count(lambda m=method, r=left: [m.train_step(step) for step in r])
            read = Reading.waited - before
            search(method)
            archs = subject.archs(method.space, subject.sizes.scored)
            method.score(archs)
            before = Reading.waited
            scoring = count(lambda m=method, a=archs: m.score(a))
            figures[name] = {
                "per_step": {where: number / len(left) for where, number in training.items()},
                "per_chunk": dict(scoring),
                "readings_per_step": read / len(left),
                "readings_per_chunk": Reading.waited - before,
            }
            progress.update()
    said = ", ".join(f"{name} {told(own)}" for name, own in figures.items())
    unseen = "" if subject.is_gpu else " (copies not counted)"
    wrong = in_steps(figures) if subject.is_gpu else []
    return Finding(f"waits in a step and in a scored chunk{unseen}: {said}", figures, wrong)


def told(own: dict[str, Any]) -> str:
    """Waits in a step and in a chunk of one method, and what is read in either, if anything."""
    waited = f"{sum(own['per_step'].values()):.3g} and {sum(own['per_chunk'].values())}"
    readings = own["readings_per_step"], own["readings_per_chunk"]
    return waited + (f" (readings {readings[0]:.3g} and {readings[1]})" if any(readings) else "")


def in_steps(figures: dict[str, Any]) -> list[str]:
    """A sentence for each method whose steps wait."""
    return [
        f"a step of {name} waits for the GPU in {', '.join(own['per_step'])}."
        for name, own in figures.items()
        if own["per_step"]
    ]


def synchronisations(function: Callable[[], Any]) -> Counter[str]:
    """How often the host waits for a GPU inside ``function``, by file and line."""
    found: Counter[str] = Counter()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        torch.cuda.set_sync_debug_mode("warn")
        try:
            function()
        finally:
            torch.cuda.set_sync_debug_mode("default")
    for warning in caught:
        if TOLD in str(warning.message):
            found[f"{Path(warning.filename).name}:{warning.lineno}"] += 1
    return found
