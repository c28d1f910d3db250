"""What a training step asks of the processes that train one supernet together.

A step takes its :meth:`Processes.part` of a batch. Losses are means over images, so that means
over the equal parts are those of the whole batch: :meth:`Processes.average` for gradients,
:meth:`Processes.mean` for what is recorded. What a method decides by all images of a batch it
decides in each process, from :meth:`Processes.whole`. Work on images that all have runs
:meth:`Processes.apart`, in each process alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import torch

Step = TypeVar("Step", bound="Callable[..., dict[str, torch.Tensor]]")


class Processes:
    """One process alone, which has all there is; the interface of several."""

    def part(self, batch: tuple[torch.Tensor, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        """This process's images and labels of a batch that all have drawn."""
        return batch

    def whole(self, part: torch.Tensor, dim: int = 0) -> torch.Tensor:
        """The parts of all processes, one after the other along ``dim``; without a graph."""
        return part

    def mean(self, value: torch.Tensor) -> torch.Tensor:
        """The mean over all processes; without a graph."""
        return value

    def variance(self, part: torch.Tensor) -> torch.Tensor:
        """Of all elements of all parts, unbiased; without a graph."""
        return part.var()

    def average(self, tensors: Iterable[torch.Tensor]) -> None:
        """Replace each gradient that there is by its mean over all processes.

        A step leaves gradients at the same tensors in each of them.
        """

    def apart(self) -> AbstractContextManager[Any]:
        """Inside, BN takes the images of this process for the whole batch."""
        return nullcontext()


def divisible(train_step: Step) -> Step:
    """Marks a ``train_step`` that does what several processes need, through ``self.processes``."""
    train_step.divisible = True  # type: ignore[attr-defined]
    return train_step
