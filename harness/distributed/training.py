"""A supernet trained by several processes as one: the same paths, each process a part of the batch.

Every process draws the same paths and images, since all draws are functions of (seed, step), and
works on its share of the batch. Gradients are averaged where a step's paths have left any, which
is the same set of tensors in all processes, so that nothing is searched for and nothing is sent
for operators that the step did not use. BN sees the statistics of the whole batch. All processes
thus hold the same weights to the last bit, and those of one process up to rounding.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch

from harness.distributed.crew import Crew
from harness.distributed.norm import GlobalStatistics
from methods.base import Batch, Method
from methods.processes import Processes
from searchspaces.errors import UsageError


def check_divisible(method: Method, name: str, crew: Crew) -> None:
    """Raises :class:`UsageError` for a method whose step is not made for several processes.

    Whatever such a step decides by a batch each process would decide by its part.
    """
    if crew.size > 1 and not getattr(type(_trained(method)).train_step, "divisible", False):
        raise UsageError(
            f"the training step of {name} is not made for several processes; leave torchrun out, "
            "or use methods.processes in the step and mark it as divisible."
        )


@contextmanager
def trained_together(method: Method, crew: Crew) -> Iterator[None]:
    """Inside, ``method.train_step`` is one step of all processes."""
    if crew.size == 1:
        yield
        return
    trained, statistics = _trained(method), GlobalStatistics(crew)
    alone, step = trained.processes, trained.train_step

    def common_step(number: int) -> dict[str, torch.Tensor]:
        with statistics:
            return step(number)

    trained.processes, trained.train_step = Together(crew, statistics), common_step
    try:
        yield
    finally:
        trained.processes = alone
        del trained.train_step


class Together(Processes):
    """One of several processes; all make the same calls in the same order."""

    def __init__(self, crew: Crew, statistics: GlobalStatistics):
        self.crew, self.statistics = crew, statistics

    def part(self, batch: Batch) -> Batch:
        """Raises :class:`UsageError` for a batch that cannot be shared equally."""
        images, labels = batch
        share, left = divmod(len(labels), self.crew.size)
        if left:
            raise UsageError(
                f"batches of {len(labels)} images cannot be shared equally by {self.crew.size} "
                "processes; choose another --train.batch-size or --nproc-per-node."
            )
        own = slice(self.crew.rank * share, (self.crew.rank + 1) * share)
        return images[own], labels[own]

    def whole(self, part: torch.Tensor, dim: int = 0) -> torch.Tensor:
        return torch.cat(list(self.crew.gather(part.detach().contiguous())), dim)

    def mean(self, value: torch.Tensor) -> torch.Tensor:
        total = value.detach().clone()
        self.crew.add(total)
        return total / self.crew.size

    def variance(self, part: torch.Tensor) -> torch.Tensor:
        number = self.crew.size * part.numel()
        spread, level = self.crew.gather(
            torch.stack(torch.var_mean(part.detach(), correction=0))
        ).unbind(1)
        return (spread + (level - level.mean()).square()).mean() * number / max(number - 1, 1)

    def average(self, tensors: Iterable[torch.Tensor]) -> None:
        """All gradients in one message."""
        gradients = [tensor.grad for tensor in tensors if tensor.grad is not None]
        if not gradients:
            return
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        self.crew.add(flat)
        flat /= self.crew.size
        for gradient, mean in zip(
            gradients, flat.split([g.numel() for g in gradients]), strict=True
        ):
            gradient.copy_(mean.view_as(gradient))

    @contextmanager
    def apart(self) -> Iterator[None]:
        before, self.statistics.paused = self.statistics.paused, True
        try:
            yield
        finally:
            self.statistics.paused = before


def _trained(method: Method) -> Method:
    """Who trains the supernet: the base of a method that only searches, else the method."""
    base = getattr(method, "base", None)
    return base if isinstance(base, Method) else method
