"""The prioritised path board of Cream: the best paths of the supernet's training so far."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from methods.transfer import Reading, to_device
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


@dataclass(frozen=True, eq=False)
class Offer:
    """A path that asks for a place, and how many of the ``of`` images of its batch it had ``right``.

    That number is on the device, int64 ``[1]``; all else as in :class:`Entry`.
    """

    right: torch.Tensor
    of: int
    madds: int
    path: Path
    images: torch.Tensor
    probabilities: torch.Tensor


class Board:
    """At most ``size`` entries, best first; of equal ones the older is first.

    The last offer waits until somebody wants to know the entries. What is stored with them is
    on the device before: there, the offer's place is looked up by what only the device knows.
    """

    def __init__(self, size: int):
        self.size = size
        self.offered: Offer | None = None
        self._settled: list[Entry] = []

    def __len__(self) -> int:
        """The number of entries, for which nothing has to be read."""
        return min(len(self._settled) + (self.offered is not None), self.size)

    @property
    def entries(self) -> list[Entry]:
        """They; for whether and where a path that was offered enters, the device is read."""
        self.settle()
        return self._settled

    def offer(self, offer: Offer) -> None:
        """Ask for a place, which it gets if the board admits it."""
        self.settle()
        self.offered = offer

    def settle(self, right: int | None = None) -> None:
        """The last offer, if there is one, had so many ``right``; that is read if it is not said."""
        offer, self.offered = self.offered, None
        if offer is None:
            return
        if right is None:
            right = int(Reading(offer.right).numpy()[0])
        accuracy = 100.0 * right / offer.of
        if self.admits(accuracy, offer.madds):
            kept = offer.images, offer.probabilities
            self.add(Entry(accuracy, offer.madds, offer.path, *kept))

    def admits(self, accuracy: Any, madds: int) -> Any:
        """Whether a path enters: the board has room, or the path beats the last entry.

        It does so by more than ``MARGIN`` points, or by less with fewer multiply-adds. A bool;
        an array of them for an array of accuracies, if there is no room.
        """
        if len(self._settled) < self.size:
            return True
        last = self._settled[-1]
        cheaper = madds < last.madds
        return (accuracy > last.accuracy + MARGIN) | ((accuracy > last.accuracy) & cheaper)

    def add(self, entry: Entry) -> None:
        """Put an admitted ``entry`` in its place; the last one leaves an overfull board."""
        self._settled.append(entry)
        self._settled.sort(key=lambda e: e.rank, reverse=True)
        del self._settled[self.size :]

    def stored(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Images ``[entries * slice, C, H, W]`` and probabilities ``[entries, slice, classes]``.

        Those of all entries, best first, without waiting for what an offer depends on.
        """
        held = [*self._settled, *([] if self.offered is None else [self.offered])]
        images = torch.cat([each.images for each in held])
        probabilities = torch.stack([each.probabilities for each in held])
        if self.offered is None:
            return images, probabilities
        right = self.offered.right
        order = to_device(self._orders(self.offered), right.device).index_select(0, right)[0]
        each = torch.arange(len(images), device=right.device).view(len(held), -1)
        rows = each.index_select(0, order).flatten()
        chosen = images.new_empty_strided((len(rows), *images.shape[1:]), images.stride())
        torch.index_select(images, 0, rows, out=chosen)  # laid out in memory as all of them are
        return chosen, probabilities.index_select(0, order)

    def _orders(self, offer: Offer) -> np.ndarray:
        """For each number of right images, 0 to all, the entries best first: int64 ``[of + 1, n]``.

        By their positions now, behind which the path that is offered stands.
        """
        kept = self._settled
        accuracy = 100.0 * np.arange(offer.of + 1) / offer.of
        ahead = np.zeros(len(accuracy), int)
        for entry in kept:
            first_if_equal = entry.rank[1:] >= (offer.madds, offer.path)
            ahead += (entry.accuracy > accuracy) | ((entry.accuracy == accuracy) & first_if_equal)
        place = np.where(self.admits(accuracy, offer.madds), ahead, len(kept))[:, None]
        there = np.arange(len(self))
        return np.where(there == place, len(kept), there - (there > place))

    def state_dict(self) -> list[dict[str, Any]]:
        return [vars(entry) | {"path": list(entry.path)} for entry in self.entries]

    def load_state_dict(self, state: list[dict[str, Any]], device: torch.device) -> None:
        self.offered = None
        self._settled = [
            Entry(
                accuracy=kept["accuracy"],
                madds=kept["madds"],
                path=tuple(kept["path"]),
                images=kept["images"].to(device),
                probabilities=kept["probabilities"].to(device),
            )
            for kept in state
        ]
