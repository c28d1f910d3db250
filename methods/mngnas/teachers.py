"""Searched models: the population of MNGNAS and its two teacher groups."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from searchspaces.base import Arch
from searchspaces.supernet import Supernet

if TYPE_CHECKING:
    import torch


@dataclass(eq=False)
class Member:
    """An architecture with weights of its own and the validation score these reached.

    ``loss``: that of the last step that trained them, on its device.
    """

    arch: Arch
    madds: int
    network: Supernet
    score: float = 0.0
    loss: torch.Tensor | None = None

    def copy(self) -> Member:
        """The same model frozen: later training of the original leaves it as it is."""
        network = deepcopy(self.network).eval().requires_grad_(False)
        return Member(self.arch, self.madds, network, self.score)

    def state_dict(self) -> dict[str, Any]:
        return {
            "arch": list(self.arch),
            "network": self.network.state_dict(),
            "accuracy": self.score,
        }


class TeacherGroups:
    """The small group ``T_s`` and the large group ``T_l`` of MNGNAS, divided by multiply-adds.

    Each holds the ``capacity`` most accurate models of its side met so far, one per architecture.
    Eq. 24 lets a model in only if it beats every teacher while being smaller than all, which
    hardly happens; here it replaces the worst of its side.
    """

    def __init__(self, capacity: int):
        self.capacity = capacity
        self.threshold = 0.0
        self.small: list[Member] = []
        self.large: list[Member] = []

    def side(self, madds: int) -> list[Member]:
        """The group that teaches a student of this size; the other one while it is empty."""
        own, other = (self.small, self.large)[:: 1 if madds <= self.threshold else -1]
        return own or other

    def merge(self, members: list[Member]) -> None:
        """Offer ``members``, best first; those that enter are frozen copies."""
        self.small = self._best(self.small, [m for m in members if m.madds <= self.threshold])
        self.large = self._best(self.large, [m for m in members if m.madds > self.threshold])

    def _best(self, group: list[Member], newcomers: list[Member]) -> list[Member]:
        best: dict[Arch, Member] = {}
        for member in group + newcomers:
            if member.arch not in best or member.score > best[member.arch].score:
                best[member.arch] = member
        ranked = sorted(best.values(), key=lambda m: m.score, reverse=True)[: self.capacity]
        return [m if any(m is old for old in group) else m.copy() for m in ranked]

    def state_dict(self) -> dict[str, Any]:
        return {
            "threshold": self.threshold,
            "small": [m.state_dict() for m in self.small],
            "large": [m.state_dict() for m in self.large],
        }

    def load_state_dict(
        self, state: dict[str, Any], restore: Callable[[dict[str, Any]], Member]
    ) -> None:
        self.threshold = state["threshold"]
        self.small = [restore(s).copy() for s in state["small"]]
        self.large = [restore(s).copy() for s in state["large"]]
