"""How often the host waits for the device, in a training step and in a scored chunk."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from harness.device_checks.elsewhere import THERE, WAIT, Elsewhere
from harness.device_checks.finding import Finding
from harness.device_checks.same_as_cpu import search
from harness.device_checks.subject import Subject
from harness.files.progress import bar
from methods.transfer import Reading

TOLD = "called a synchronizing"  # is in what PyTorch says where the host waits for a GPU

Count = Callable[[Callable[[], Any]], Counter[str]]  # waits inside a function, by line


def check(subject: Subject) -> Finding:
    """Of each method on NAS-Bench-201, behind the first steps.

    Wrong: a step that waits, or reads the device more often than it must (:func:`needed`), and a
    scored chunk for which the host waits more than once, readings included. On a GPU PyTorch tells
    of each wait and of the line that asks for it. Without one the methods work on tensors that
    only say they are on a device (:mod:`harness.device_checks.elsewhere`). A reading, a
    :class:`methods.transfer.Reading`, waits for what was asked for before it, and is counted apart.
    """
    figures: dict[str, Any] = {}
    methods = subject.sizes.methods
    with watched(subject) as (there, count), bar(len(methods), "waits", "method") as progress:
        for name in methods:
            figures[name] = counted(there, name, count)
            progress.update()
    said = ", ".join(f"{name} {told(own)}" for name, own in figures.items())
    unlike = "" if subject.is_gpu else " (by count, without a GPU)"
    wrong = [sentence for name, own in figures.items() for sentence in too_many(name, own)]
    return Finding(f"waits in a step and in a scored chunk{unlike}: {said}", figures, wrong)


def counted(subject: Subject, name: str, count: Count) -> dict[str, Any]:
    """Waits and readings of a method's later steps, on average and beyond need, and of a chunk."""
    method, steps = subject.method(subject.config(name)), subject.sizes.steps
    first = steps // 2
    for step in range(first):
        method.train_step(step)
    waits, readings, beyond = Counter[str](), 0, []
    for step in range(first, steps):
        costs = method.costs.copy()
        own, read = _seen(count, partial(method.train_step, step))
        waits += own
        readings += read
        beyond.append(read - needed(name, method.costs - costs))
    search(method)
    archs = subject.archs(method.space, subject.sizes.scored)
    method.score(archs)
    in_chunk, read = _seen(count, partial(method.score, archs))
    return {
        "per_step": {where: number / (steps - first) for where, number in waits.items()},
        "per_chunk": dict(in_chunk),
        "readings_per_step": readings / (steps - first),
        "readings_beyond_need": max(beyond),
        "readings_per_chunk": read,
    }


def _seen(count: Count, function: Callable[[], Any]) -> tuple[Counter[str], int]:
    before = Reading.waited
    found = count(function)
    return found, Reading.waited - before


def needed(name: str, costs: Counter[str]) -> int:
    """How often a step that adds these ``costs`` has to read what the host launches next.

    GDAS's operators are drawn by parameters that the step has updated. Cream's teacher, and once
    more that of each update of its matching, an optimiser's step too, is the one that the student's
    pass chooses. EnNAS's next subnets are drawn by what a probe, before an epoch, tells.
    """
    own = {"gdas": 1, "cream": costs["steps"]}.get(name, 0)
    return own + (costs["probe_image_passes"] > 0)


def told(own: dict[str, Any]) -> str:
    """Waits in a step and in a chunk of one method, and what is read in either, if anything."""
    waited = f"{sum(own['per_step'].values()):.3g} and {sum(own['per_chunk'].values())}"
    readings = own["readings_per_step"], own["readings_per_chunk"]
    return waited + (f" (readings {readings[0]:.3g} and {readings[1]})" if any(readings) else "")


def too_many(name: str, own: dict[str, Any]) -> list[str]:
    """A sentence for each way in which a method waits or reads more often than it must."""
    sentences = []
    if own["per_step"]:
        sentences.append(f"a step of {name} waits for the device in {', '.join(own['per_step'])}.")
    if (beyond := own["readings_beyond_need"]) > 0:
        sentences.append(f"a step of {name} reads the device {beyond} times more than it must.")
    if (chunk := sum(own["per_chunk"].values()) + own["readings_per_chunk"]) > 1:
        where = "".join(f", {line}" for line in own["per_chunk"])
        sentences.append(f"a scored chunk of {name} waits for the device {chunk} times{where}.")
    return sentences


@contextmanager
def watched(subject: Subject) -> Iterator[tuple[Subject, Count]]:
    """Inside, the GPU or what says that it is elsewhere, and how waits for it are counted."""
    if subject.is_gpu:
        yield subject, synchronisations
        return
    with Elsewhere() as seen:
        yield replace(subject, device=THERE), partial(waits_for, seen)


def waits_for(seen: Elsewhere, function: Callable[[], Any]) -> Counter[str]:
    """How often the host waits for what is elsewhere inside ``function``, by operation and line."""
    seen.forget()
    function()
    waits = {where: n for (kind, where), n in seen.counts.items() if kind == WAIT}
    return Counter(waits)


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
