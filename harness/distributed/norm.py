"""Batch normalisation by the statistics of a batch that is spread over processes.

PyTorch's own SyncBatchNorm is for GPUs only, and a class of its own; here every BN of a network
stays what it is, and the function behind all of them is exchanged.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from harness.distributed.crew import Crew


class GlobalStatistics(TorchFunctionMode):
    """Inside, BN in training mode normalises with the statistics of all processes' parts.

    The parts must be equally large. Each process updates its running statistics to the same bits.
    While ``paused``, BN is what it always is.
    """

    paused = False

    def __init__(self, crew: Crew):
        super().__init__()
        self.crew = crew

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        if func is functional.batch_norm and not self.paused:
            return self.batch_norm(*args, **(kwargs or {}))
        return func(*args, **(kwargs or {}))

    def batch_norm(
        self,
        x: torch.Tensor,
        running_mean: torch.Tensor | None,
        running_var: torch.Tensor | None,
        weight: torch.Tensor | None = None,
        bias: torch.Tensor | None = None,
        training: bool = False,
        momentum: float = 0.1,
        eps: float = 1e-5,
    ) -> torch.Tensor:
        """As :func:`torch.nn.functional.batch_norm`; ``x`` ``[B, C, ...]`` is a part."""
        if not training:
            return functional.batch_norm(
                x, running_mean, running_var, weight, bias, False, momentum, eps
            )
        y, mean, var = _Normalised.apply(x.float() if x.dtype.itemsize < 4 else x, eps, self.crew)
        if running_mean is not None and running_var is not None:
            number = self.crew.size * x.numel() // x.shape[1]
            with torch.no_grad():
                running_mean.lerp_(mean, momentum)
                running_var.lerp_(var * (number / max(number - 1, 1)), momentum)
        if weight is not None:
            y = y * _column(weight, x)
        return (y if bias is None else y + _column(bias, x)).to(x.dtype)


class _Normalised(torch.autograd.Function):
    """Zero mean and unit variance per channel over all parts, with these statistics ``[C]``."""

    @staticmethod
    def forward(
        ctx: Any, x: torch.Tensor, eps: float, crew: Crew
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        parts = crew.gather(torch.stack(torch.var_mean(x, _all_but_channels(x), correction=0)))
        mean = parts[:, 1].mean(0)
        var = (parts[:, 0] + (parts[:, 1] - mean).square()).mean(0)
        scale = (var + eps).rsqrt()
        y = (x - _column(mean, x)) * _column(scale, x)
        ctx.save_for_backward(x, mean, scale)  # not y, which an activation may overwrite
        ctx.crew = crew
        ctx.mark_non_differentiable(mean, var)
        return y, mean, var

    @staticmethod
    def backward(ctx: Any, slope: torch.Tensor, *_: Any) -> tuple[torch.Tensor, None, None]:
        x, mean, scale = ctx.saved_tensors
        y, rest = (x - _column(mean, x)) * _column(scale, x), _all_but_channels(x)
        means = torch.stack([slope.mean(rest), (slope * y).mean(rest)])
        ctx.crew.add(means)
        level, along = means / ctx.crew.size
        rising = slope - _column(level, x) - y * _column(along, x)
        return rising * _column(scale, x), None, None


def _all_but_channels(x: torch.Tensor) -> list[int]:
    return [0, *range(2, x.dim())]


def _column(values: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """``[C]`` as ``[1, C, 1, ...]``, to go with ``x``."""
    return values.view(-1, *[1] * (x.dim() - 2))
