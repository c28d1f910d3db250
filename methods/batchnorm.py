"""Forward passes that teach the batch normalisation of a network nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn


@contextmanager
def frozen_statistics(network: nn.Module) -> Iterator[None]:
    """Leave the running BN statistics of ``network`` as they are, whatever is run inside.

    The network keeps its mode: in training mode its BNs normalise with the statistics of the
    batch, as always. They update copies of their buffers, so that graphs recorded before or
    inside stay valid for a backward pass after it.
    """
    kept = [
        (norm, name, buffer)
        for norm in network.modules()
        if isinstance(norm, nn.modules.batchnorm._BatchNorm)
        for name, buffer in norm.named_buffers(recurse=False)
    ]
    try:
        for norm, name, buffer in kept:
            setattr(norm, name, buffer.clone())
        yield
    finally:
        for norm, name, buffer in kept:
            setattr(norm, name, buffer)
