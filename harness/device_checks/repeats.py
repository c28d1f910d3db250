"""Two equal trainings, and one that goes on from a file halfway, end with the same bits."""

from __future__ import annotations

from typing import Any

import torch

from harness.conformance.subjects import tensors
from harness.device_checks.finding import Finding
from harness.device_checks.subject import Subject, kept
from harness.files.progress import bar
from methods.base import Method


def check(subject: Subject) -> Finding:
    """Of each method on NAS-Bench-201. Wrong: a weight or a loss that has another bit."""
    wrong, methods = [], subject.sizes.methods
    with bar(len(methods), "repeats", "method") as progress:
        for name in methods:
            wrong += differing(subject, name)
            progress.update()
    said = f"{len(methods)} methods, {subject.sizes.steps} steps each: the same bits"
    return Finding(said, {"methods": list(methods)}, wrong)


def differing(subject: Subject, name: str) -> list[str]:
    """Sentences of what does not repeat itself."""
    config, steps = subject.config(name), subject.sizes.steps
    method = subject.method(config)
    losses = _trained(method, range(steps // 2))
    halfway = kept(method.state_dict())
    losses += _trained(method, range(steps // 2, steps))
    ended = tensors(method.supernet)
    again = subject.method(config)
    sentences = _unlike(f"{name}, trained again,", ended, again, losses, range(steps))
    resumed = subject.method(config)
    resumed.load_state_dict(halfway)
    own = range(steps // 2, steps)
    return sentences + _unlike(f"{name}, resumed halfway,", ended, resumed, losses, own)


def _trained(method: Method, steps: range) -> list[float]:
    losses = [method.train_step(step)["loss"] for step in steps]
    return [loss.item() for loss in losses]


def _unlike(
    who: str, ended: dict[str, Any], method: Method, losses: list[float], steps: range
) -> list[str]:
    """What differs when ``method`` takes ``steps``."""
    for step, loss in zip(steps, _trained(method, steps), strict=True):
        if loss != losses[step]:
            return [f"{who} has the loss {loss!r} at step {step}, before {losses[step]!r}."]
    state = method.supernet.state_dict()
    other = [name for name, tensor in ended.items() if not torch.equal(tensor, state[name])]
    return [f"{who} ends with another {other[0]}."] if other else []
