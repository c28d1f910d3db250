"""Building blocks that several spaces share."""

from __future__ import annotations

import torch
from torch import nn

from searchspaces.batchnorm import BatchNorm


def relu_conv_bn(c_in: int, c_out: int, kernel: int, stride: int, affine: bool) -> nn.Sequential:
    """Pre-activation convolution, "same" padding.

    A BN without scale and shift is preceded by a biased convolution, one with them by an unbiased
    one, as in the NAS-Bench-201 code.
    """
    return nn.Sequential(
        nn.ReLU(),
        nn.Conv2d(c_in, c_out, kernel, stride, kernel // 2, bias=not affine),
        BatchNorm(c_out, affine=affine),
    )


class ResidualReduction(nn.Module):
    """Halve the resolution and change the width, NAS-Bench-201 style (He et al. 2016, basic block).

    Two ReLU-conv3x3-BN, the first with stride 2, beside average pooling and a 1x1 convolution.
    """

    def __init__(self, c_in: int, c_out: int):
        super().__init__()
        self.body = nn.Sequential(
            relu_conv_bn(c_in, c_out, 3, 2, affine=True),
            relu_conv_bn(c_out, c_out, 3, 1, affine=True),
        )
        self.shortcut = nn.Sequential(nn.AvgPool2d(2, 2), nn.Conv2d(c_in, c_out, 1, bias=False))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.shortcut(x) + self.body(x)


class PoolReduction(nn.Sequential):
    """Halve the resolution with as little computing of its own as possible.

    Average pooling, a 1x1 convolution and BN: linear, so that whatever a network can do with
    neighbouring pixels it does in the searched cells.
    """

    def __init__(self, c_in: int, c_out: int):
        super().__init__(
            nn.AvgPool2d(2, 2), nn.Conv2d(c_in, c_out, 1, bias=False), BatchNorm(c_out)
        )
