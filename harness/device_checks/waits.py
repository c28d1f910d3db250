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

TOLD = "called a synchronizing"  # is in what PyTorch says where the host waits for a GPU


def check(subject: Subject) -> Finding:
    """Of each method on NAS-Bench-201, behind the first steps. Wrong: a step on a GPU that waits.

    On a GPU PyTorch tells of each wait and of the line that asks for it, but not of a
    :class:`methods.transfer.Reading`; elsewhere the operations are counted that would make the
    host wait, but not copies.
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
            training = count(lambda m=method, r=left: [m.train_step(step) for step in r])
            search(method)
            archs = subject.archs(method.space, subject.sizes.scored)
            method.score(archs)
            scoring = count(lambda m=method, a=archs: m.score(a))
            figures[name] = {
                "per_step": {where: number / len(left) for where, number in training.items()},
                "per_chunk": dict(scoring),
            }
            progress.update()
    sums = {
        name: (sum(own["per_step"].values()), sum(own["per_chunk"].values()))
        for name, own in figures.items()
    }
    said = ", ".join(f"{name} {step:.3g} and {chunk}" for name, (step, chunk) in sums.items())
    unseen = " (readings not counted)" if subject.is_gpu else " (copies not counted)"
    wrong = in_steps(figures) if subject.is_gpu else []
    return Finding(f"waits in a step and in a scored chunk{unseen}: {said}", figures, wrong)


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
