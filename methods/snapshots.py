"""Snapshots of a supernet in training, over whose scores a score is a mean.

At a learning rate that does not fall, a supernet goes on moving, and ranks architectures now by
one, now by another of its errors; the mean of several looks has less of each.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from searchspaces.errors import UsageError

if TYPE_CHECKING:
    import torch

    from searchspaces.supernet import Supernet


class Snapshots:
    """``number`` looks at a supernet, evenly over the second half of ``steps``; the last is its end.

    The others are kept by :meth:`take`, so that what is there is what has been trained so far.
    """

    def __init__(self, number: int, steps: int) -> None:
        """Raises :class:`UsageError` for more looks than there are steps to lie between them."""
        self.due = {round(steps * (1 - back / (2 * number))) for back in range(1, number)}
        if len(self.due) < number - 1 or steps in self.due:
            raise UsageError(
                f"--score.snapshots {number} do not lie in the second half of {steps:,} steps; take "
                "fewer, or more --train.steps."
            )
        self.kept: dict[int, dict[str, torch.Tensor]] = {}

    def take(self, supernet: Supernet, step: int) -> None:
        """Keep ``supernet`` after ``step`` steps, if a look is due then."""
        if step in self.due:
            self.kept[step] = _copied(supernet)

    @property
    def looks(self) -> int:
        """That there are: one more than are kept."""
        return len(self.kept) + 1

    def each(self, supernet: Supernet) -> Iterator[None]:
        """Once for each look, ``supernet`` as it was then; at the last it is as it is."""
        if self.kept:
            now = _copied(supernet)
            for state in self.kept.values():
                supernet.load_state_dict(state)
                yield
            supernet.load_state_dict(now)
        yield

    def state(self) -> dict[str, Any]:
        """What is kept, under one name; nothing where a score is of one look."""
        return {"snapshots": self.kept} if self.due else {}

    def load(self, state: dict[str, Any]) -> None:
        self.kept = dict(state.get("snapshots", {}))


def _copied(supernet: Supernet) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in supernet.state_dict().items()}
