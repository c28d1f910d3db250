"""Batch normalisation with what a network needs of it, and nothing that nobody reads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.nn import functional


class BatchNorm(nn.BatchNorm2d):
    """Without a counter of the batches seen, which costs a GPU as many launches as there are BNs.

    PyTorch's counts for a ``momentum`` of None, the mean over all batches; here it is a number.
    States with such counters, as of PyTorch's own BN, can be loaded.
    """

    def __init__(self, channels: int, momentum: float = 0.1, affine: bool = True):
        super().__init__(channels, momentum=momentum, affine=affine)
        self.num_batches_tracked = None

    def reset_running_stats(self) -> None:
        """Mean 0 and variance 1."""
        self.running_mean.zero_()
        self.running_var.fill_(1)

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        state_dict.pop(f"{prefix}num_batches_tracked", None)  # of the copy that is being loaded
        nn.Module._load_from_state_dict(self, state_dict, prefix, *rest)  # its own asks for one


@contextmanager
def constant_affine(network: nn.Module) -> Iterator[None]:
    """Inside, BNs of ``network`` that have no scale and shift are given a constant one and zero.

    They learn nothing by it, and no state holds it. PyTorch asks cuDNN, which takes fewer kernels,
    only where a BN has both.
    """
    norms = [m for m in network.modules() if isinstance(m, BatchNorm) and m.weight is None]
    try:
        for norm in norms:  # past nn.Module, which would take them for parameters
            norm.__dict__["weight"] = torch.ones_like(norm.running_mean)
            norm.__dict__["bias"] = torch.zeros_like(norm.running_mean)
        yield
    finally:
        for norm in norms:
            del norm.__dict__["weight"], norm.__dict__["bias"]


def narrow_norm(norm: BatchNorm, x: torch.Tensor) -> torch.Tensor:
    """``norm`` of ``x`` ``[B, C, H, W]``, narrower than itself, with the first C of its channels."""
    learns = norm.training and norm.track_running_stats
    running = (norm.running_mean, norm.running_var) if learns or not norm.training else (None, None)
    parts = (*running, norm.weight, norm.bias)
    slices = (None if part is None else part[: x.shape[1]] for part in parts)
    return functional.batch_norm(x, *slices, norm.training, norm.momentum, norm.eps)
