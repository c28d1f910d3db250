"""The prioritised path board of Cream: the best paths of the supernet's training so far."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from searchspaces.base import Path

MARGIN = 5.0  # percent by which a path that costs no less must beat the last of a full board


@dataclass(frozen=True, eq=False)
class Entry:
    """A path and what it did with the training batch on which it came to the board.

    ``accuracy`` on that batch in percent, never measured again; ``madds`` of one image;
    ``images`` ``[slice, C, H, W]`` of that batch; ``probabilities`` ``[slice, classes]``, detached.
    """

    accuracy: float
    madds: int
    path: Path
    images: torch.Tensor
    probabilities: torch.Tensor

    @property
    def rank(self) -> tuple[float, int, Path]:
        """What the released code sorts by: among equal accuracies the costlier path is first."""
        return self.accuracy, self.madds, self.path


class Board:
    """At most ``size`` entries, best first; of equal ones the older is first."""

    def __init__(self, size: int):
        self.size = size
        self.entries: list[Entry] = []

    def admits(self, accuracy: float, madds: int) -> bool:
        """Whether a path enters: the board has room, or the path beats the last entry.

        It does so by more than ``MARGIN`` points, or by less with fewer multiply-adds.
        """
        if len(self.entries) < self.size:
            return True
        last = self.entries[-1]
        cheaper = madds < last.madds
        return accuracy > last.accuracy + MARGIN or (accuracy > last.accuracy and cheaper)

    def add(self, entry: Entry) -> None:
        """Put an admitted ``entry`` in its place; the last one leaves an overfull board."""
        self.entries.append(entry)
        self.entries.sort(key=lambda e: e.rank, reverse=True)
        del self.entries[self.size :]

    def state_dict(self) -> list[dict[str, Any]]:
        return [vars(entry) | {"path": list(entry.path)} for entry in self.entries]

    def load_state_dict(self, state: list[dict[str, Any]], device: torch.device) -> None:
        self.entries = [
            Entry(
                accuracy=kept["accuracy"],
                madds=kept["madds"],
                path=tuple(kept["path"]),
                images=kept["images"].to(device),
                probabilities=kept["probabilities"].to(device),
            )
            for kept in state
        ]
