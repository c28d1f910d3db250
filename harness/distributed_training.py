"""A supernet trained by several processes as one: the same paths, each process a part of the batch.

Every process draws the same paths and images, since all draws are functions of (seed, step), and
works on its share of the batch. Gradients are averaged where a step's paths have left any, which
is the same set of tensors in all processes, so that nothing is searched for and nothing is sent
for operators that the step did not use. BN sees the statistics of the whole batch. All processes
thus hold the same weights to the last bit, and those of one process up to rounding.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch

from harness.distributed import Crew
from harness.distributed_norm import GlobalStatistics
from methods.base import Batch, Data, Method
from searchspaces.errors import UsageError


def check_shared(method: Method, name: str, crew: Crew) -> None:
    """Raises :class:`UsageError` for what several processes cannot train as one does.

    That is a method with a step of its own: whatever it decides by a batch, as who is whose
    teacher, each process would decide by its part.
    """
    if crew.size == 1:
        return
    if type(_trained(method)).train_step is not Method.train_step:
        raise UsageError(
            f"{name} decides within a step by the whole batch, so that one process has to train "
            "it; leave torchrun out, or use spos, fairnas, mixpath or mngnas."
        )
    batch = min(method.setting.recipe.batch_size, len(method.data.train))
    if batch % crew.size:
        raise UsageError(
            f"batches of {batch} images cannot be shared equally by {crew.size} processes; choose "
            "another --train.batch-size or --nproc-per-node."
        )


@contextmanager
def trained_together(method: Method, crew: Crew) -> Iterator[None]:
    """Inside, ``method.train_step`` is one step of all processes."""
    if crew.size == 1:
        yield
        return
    trained = _trained(method)
    data, update, count, step = trained.data, trained.update, trained.count, trained.train_step

    def averaged_update(*args: Any) -> None:
        average_gradients(trained.supernet, crew)
        update(*args)

    def averaged_step(number: int) -> dict[str, torch.Tensor]:
        told = step(number)
        values = torch.stack(list(told.values()))
        crew.add(values)
        return dict(zip(told, values / crew.size, strict=True))

    trained.data = Part(data, crew)
    trained.update, trained.train_step = averaged_update, averaged_step
    trained.count = lambda forwards, backwards, images: count(
        forwards, backwards, images * crew.size
    )
    try:
        with GlobalStatistics(crew):
            yield
    finally:
        trained.data = data
        del trained.update, trained.train_step, trained.count


def average_gradients(network: torch.nn.Module, crew: Crew) -> None:
    """Replace each gradient that there is by its mean over the processes, all in one message."""
    gradients = [p.grad for p in network.parameters() if p.grad is not None]
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    crew.add(flat)
    flat /= crew.size
    for gradient, part in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
        gradient.copy_(part.view_as(gradient))


@dataclass(frozen=True)
class Part:
    """Training batches of which this process keeps its share."""

    whole: Data
    crew: Crew

    def train_batch(self, step: int, batch_size: int, seed: int) -> Batch:
        images, labels = self.whole.train_batch(step, batch_size, seed)
        share = len(labels) // self.crew.size
        own = slice(self.crew.rank * share, (self.crew.rank + 1) * share)
        return images[own], labels[own]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.whole, name)


def _trained(method: Method) -> Method:
    """Who trains the supernet: the base of a method that only searches, else the method."""
    base = getattr(method, "base", None)
    return base if isinstance(base, Method) else method
