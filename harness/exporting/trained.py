"""A trained network that is to leave the harness, and what its card says of where it is from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import nn

from harness.tasks.base import Task
from searchspaces.base import Arch, SearchSpace

BEST = "best"


@dataclass(frozen=True)
class Trained:
    """``network``: in evaluation mode on the CPU, its BN statistics final.

    ``space`` is at the scale of the network, of ``width`` and ``cells`` where these are not the
    scale's; ``task`` has the images as it sees them. ``told``: what only the run or training knows
    of the card (:func:`harness.exporting.card.make_card`). ``space_name`` and ``task_name``: what
    commands call them.
    """

    network: nn.Module
    space: SearchSpace
    arch: Arch
    task: Task
    told: dict[str, Any]
    space_name: str
    task_name: str
    width: int = 0
    cells: int = 0
