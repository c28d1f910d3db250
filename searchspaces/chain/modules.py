"""The networks that the blocks of chain spaces are made of."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn
from torch.nn import functional

from searchspaces.batchnorm import BatchNorm, narrow_norm
from searchspaces.chain.convolutions import Conv


def sequence(convolutions: Iterable[Conv], affine: bool, activation: str) -> nn.Sequential:
    """The network of ``convolutions``; ``affine`` gives its BNs scale and shift.

    ``activation`` is the name of one in ``torch.nn``.
    """
    layers: list[nn.Module] = []
    for conv in convolutions:
        groups = conv.c_in if conv.depthwise else 1
        side, padding = conv.kernel, conv.kernel // 2
        layers += [
            nn.Conv2d(conv.c_in, conv.c_out, side, conv.stride, padding, groups=groups, bias=False),
            BatchNorm(conv.c_out, affine=affine),
        ]
        if not conv.linear:
            layers.append(getattr(nn, activation)(inplace=True))
    return nn.Sequential(*layers)


class Residual(nn.Module):
    """``x`` plus ``body`` of ``x``."""

    def __init__(self, body: nn.Module):
        super().__init__()
        self.body = body

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.body(x)


class ShuffleUnit(nn.Module):
    """The pass-through or side branch, and behind it the main branch, ``c_out`` channels in all."""

    def __init__(self, c_out: int, main: nn.Sequential, side: nn.Sequential | None = None):
        super().__init__()
        self.c_out, self.main, self.side = c_out, main, side

    def forward(self, x: torch.Tensor, middle: int) -> torch.Tensor:
        side, x = (x[:, ::2], x[:, 1::2]) if self.side is None else (self.side(x), x)
        return torch.cat((side, narrowed(self.main, x, middle)), 1)


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
        elif isinstance(layer, BatchNorm):
            x = narrow_norm(layer, x)
        else:
            x = layer(x)
    return x
