"""Part of the channels of a block: how its widths share the weights of the widest."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional


def narrowed(branch: nn.Sequential, x: torch.Tensor, middle: int) -> torch.Tensor:
    """``branch`` with only the first ``middle`` channels between its 1x1 convolutions.

    Convolutions with larger kernels are depthwise. Weights and BN statistics are the leading
    slices of the full ones, as in the channel search of SPOS (Guo et al. 2020).
    """
    pointwise = [m for m in branch if isinstance(m, nn.Conv2d) and m.kernel_size == (1, 1)]
    if pointwise[0].out_channels == middle:
        return branch(x)
    for layer in branch:
        c_in = x.shape[1]
        if layer in pointwise:
            c_out = layer.out_channels if layer is pointwise[-1] else middle
            x = functional.conv2d(x, layer.weight[:c_out, :c_in])
        elif isinstance(layer, nn.Conv2d):
            weight = layer.weight[:c_in]
            x = functional.conv2d(x, weight, None, layer.stride, layer.padding, groups=c_in)
        elif isinstance(layer, nn.BatchNorm2d):
            x = _narrow_norm(layer, x)
        else:
            x = layer(x)
    return x


def _narrow_norm(norm: nn.BatchNorm2d, x: torch.Tensor) -> torch.Tensor:
    parts = (norm.running_mean, norm.running_var, norm.weight, norm.bias)
    slices = (None if part is None else part[: x.shape[1]] for part in parts)
    if norm.training:
        norm.num_batches_tracked.add_(1)
    return functional.batch_norm(x, *slices, norm.training, norm.momentum, norm.eps)
