"""Forward passes that teach the batch normalisation of a network nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from methods.lazy import torch

if TYPE_CHECKING:
    from torch import nn


@contextmanager
def frozen_statistics(network: nn.Module) -> Iterator[None]:
    """Leave the running BN statistics of ``network`` as they are, whatever is run inside.

    The network keeps its mode: in training mode its BNs normalise with the statistics of the
    batch, as always. Graphs recorded before or inside stay valid for a backward pass after it.
    """
    kept = [
        norm
        for norm in network.modules()
        if isinstance(norm, torch.nn.modules.batchnorm._BatchNorm) and norm.track_running_stats
    ]
    try:
        for norm in kept:
            norm.track_running_stats = False
        yield
    finally:
        for norm in kept:
            norm.track_running_stats = True
