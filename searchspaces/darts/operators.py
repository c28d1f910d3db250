"""The operators of DARTS (Liu et al. 2019): seven with their weights, and ``none``."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from searchspaces.batchnorm import BatchNorm
from searchspaces.darts.skeleton import CONVOLUTIONS

POOLS = {
    "max_pool_3x3": nn.MaxPool2d,
    "avg_pool_3x3": lambda *shape: nn.AvgPool2d(*shape, count_include_pad=False),
}


def operator(name: str, channels: int, stride: int, affine: bool, norm_pools: bool) -> nn.Module:
    """The block of operator ``name``, ``[B, channels, H, W]`` to sides divided by ``stride``."""
    if name == "skip_connect":
        return nn.Identity() if stride == 1 else FactorizedReduction(channels, channels, affine)
    if name in POOLS:
        pool = POOLS[name](3, stride, 1)
        return nn.Sequential(pool, BatchNorm(channels, affine=False)) if norm_pools else pool
    kernel, dilation, pairs = CONVOLUTIONS[name]
    layers: list[nn.Module] = []
    for pair in range(pairs):
        padding = dilation * (kernel // 2)
        shape = (kernel, stride if pair == 0 else 1, padding, dilation)
        layers += [
            nn.ReLU(),
            nn.Conv2d(channels, channels, *shape, groups=channels, bias=False),
            nn.Conv2d(channels, channels, 1, bias=False),
            BatchNorm(channels, affine=affine),
        ]
    return nn.Sequential(*layers)


def none(x: torch.Tensor, stride: int) -> torch.Tensor:
    """Zeros of the shape that the operators of ``stride`` give."""
    return torch.zeros_like(x[:, :, ::stride, ::stride])


class FactorizedReduction(nn.Module):
    """Halve the sides, rounded up: two 1x1 convolutions with stride 2, one pixel apart."""

    def __init__(self, c_in: int, c_out: int, affine: bool):
        super().__init__()
        self.even = nn.Conv2d(c_in, c_out // 2, 1, 2, bias=False)
        self.odd = nn.Conv2d(c_in, c_out - c_out // 2, 1, 2, bias=False)
        self.norm = BatchNorm(c_out, affine=affine)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = functional.relu(x)
        shifted = functional.pad(x, (-1, x.shape[3] % 2, -1, x.shape[2] % 2))
        return self.norm(torch.cat((_strided(self.even, x), _strided(self.odd, shifted)), dim=1))


def _strided(conv: nn.Conv2d, x: torch.Tensor) -> torch.Tensor:
    """``conv(x)`` of a 1x1 convolution with stride 2.

    The gradient that oneDNN's kernels for AVX2 compute of fewer than eight channels held channels
    last is written out of bounds (PyTorch 2.13): there a convolution without stride does it.
    """
    if x.shape[1] >= 8:
        return conv(x)
    return functional.conv2d(x[:, :, ::2, ::2], conv.weight)


def drop_images(x: torch.Tensor, probability: float) -> torch.Tensor:
    """``x`` ``[B, C, H, W]``, each image zero with ``probability``, the others scaled up for it."""
    kept = x.new_empty(len(x), 1, 1, 1).bernoulli_(1 - probability)
    return x * (kept / (1 - probability))
