"""Which solver finds EnNAS's weights and MNGNAS's coefficients, and where it does so."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

SOLVERS = ("own", "host", "cvxpy")


def on_device(solver: str, device: torch.device) -> bool:
    """Whether the problem is solved on ``device``, where its values are, and no host waits for them.

    The host's own solver is that of a CPU, whose bits stay what they are; ``host`` asks for it
    elsewhere too.
    """
    return solver == "own" and device.type != "cpu"
