"""Train a method's supernet: progress, history, checkpoints."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import torch

from harness.files.progress import bar
from harness.resuming.resumable import check_finite
from methods.base import Method

RECORD_EVERY = 50  # steps between two rows of history; one device synchronisation each


def train_supernet(
    method: Method,
    steps: int,
    start: int,
    history: list[dict[str, Any]],
    checkpoint: Callable[[int], None],
    every_seconds: float = 20.0,
    *,
    last: Callable[[], str] = lambda: "there is no checkpoint",
) -> None:
    """Run steps ``start`` … ``steps - 1``; ``checkpoint(step)`` is called now and then.

    A row of ``history`` is the mean of what ``train_step`` returned over the last steps. Raises
    :class:`UsageError` when the loss is no longer finite, with what ``last`` tells of the last
    checkpoint.
    """
    pending: list[dict[str, torch.Tensor]] = []
    saved = time.monotonic()
    with bar(steps, "train", "step", done=start) as progress:
        for step in range(start, steps):
            pending.append(method.train_step(step))
            if report := method.epoch_report(step):
                history.append({"phase": "epoch", "step": step + 1, **report})
            progress.update()
            if (step + 1) % RECORD_EVERY and step + 1 != steps:
                continue
            row = {
                name: torch.stack([p[name] for p in pending]).mean().item() for name in pending[0]
            }
            pending.clear()
            remedy = "Lower --train.lr or set --train.clip"
            check_finite(row.values(), "the training loss", step + 1, last, remedy)
            history.append({"phase": "train", "step": step + 1, **row})
            progress.set_note(f"loss {row['loss']:.3f}")
            if time.monotonic() - saved > every_seconds:
                checkpoint(step + 1)
                saved = time.monotonic()
