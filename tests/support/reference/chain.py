"""Chains: MobileNetV2's inverted residual, ShuffleNetV2's units, and what is around them."""

from __future__ import annotations

import re
from fractions import Fraction

import torch
from torch import Tensor
from torch.nn.functional import relu, relu6

from reference.weights import Weights

RELU = ("macro", "shufflenet", "shufflenet-channels")  # the others use ReLU6


def logits(space, weights: Weights, arch, x: Tensor) -> Tensor:
    """Of ``arch`` for images ``x``."""
    skeleton, activation = space.skeleton, relu if space.name in RELU else relu6
    y = activation(
        weights.bn(weights.conv(x, "stem.0", skeleton.kernel, skeleton.stride), "stem.1")
    )
    if skeleton.entry:
        y = activation(weights.bn(weights.conv(y, "stem.3", 3, depthwise=True), "stem.4"))
        y = weights.bn(weights.conv(y, "stem.6", 1), "stem.7")
    layer = 0
    for stage in skeleton.stages:
        for number in range(stage.layers):
            name = space.sites[layer].operators[arch[layer]]
            stride = 1 if number else stage.stride
            y = block(name, stage.channels, stride)(weights, f"blocks.{layer}", y, activation)
            layer += 1
    y = activation(weights.bn(weights.conv(y, "head.0.0", 1), "head.0.1"))
    return weights.classify(y)


def block(name: str, c_out: int, stride: int):
    """What runs an operator, by its name, on maps that it gives ``c_out`` channels."""

    def kept(x):
        return stride == 1 and x.shape[1] == c_out

    def identity(weights, prefix, x, activation):
        if kept(x):
            return x
        y = weights.conv(x, f"{prefix}.identity.0", 1, stride)
        return weights.bn(y, f"{prefix}.identity.1")

    def inverted_residual(weights, prefix, x, activation):
        kernel, expansion = map(int, re.fullmatch(r"k(\d)e(\d)", name).groups())
        prefix = f"{prefix}.{name}.body" if kept(x) else f"{prefix}.{name}"
        y, at = x, 0
        if expansion > 1:
            y = activation(weights.bn(weights.conv(y, f"{prefix}.0", 1), f"{prefix}.1"))
            assert y.shape[1] == expansion * x.shape[1]
            at = 3
        y = weights.conv(y, f"{prefix}.{at}", kernel, stride, depthwise=True)
        y = activation(weights.bn(y, f"{prefix}.{at + 1}"))
        y = weights.bn(weights.conv(y, f"{prefix}.{at + 3}", 1), f"{prefix}.{at + 4}")
        return x + y if kept(x) else y

    def unit(weights, prefix, x, activation):
        key, width = re.fullmatch(r"(xception|shuffle\d)(?:x([\d.]+))?", name).groups()
        prefix, kernel = f"{prefix}.{key}", 3 if key == "xception" else int(key[-1])
        middle = max(int(c_out // 2 * Fraction(width or 1)), 1)

        def spatial(y, name, number, stride=1):
            y = weights.conv(y, f"{prefix}.{name}.{number}", kernel, stride, depthwise=True)
            return weights.bn(y, f"{prefix}.{name}.{number + 1}")

        def pointwise(y, name, number, width):
            y = weights.conv(y, f"{prefix}.{name}.{number}", 1, width=width)
            return activation(weights.bn(y, f"{prefix}.{name}.{number + 1}"))

        if kept(x):
            side, y = x[:, 0::2], x[:, 1::2]
        else:
            side, y = spatial(x, "side", 0, stride), x
            side = pointwise(side, "side", 2, x.shape[1])
        rest = c_out - side.shape[1]
        if key == "xception":
            y = pointwise(spatial(y, "main", 0, stride), "main", 2, middle)
            y = pointwise(spatial(y, "main", 5), "main", 7, middle)
            y = pointwise(spatial(y, "main", 10), "main", 12, rest)
        else:
            y = spatial(pointwise(y, "main", 0, middle), "main", 3, stride)
            y = pointwise(y, "main", 5, rest)
        return torch.cat([side, y], dim=1)

    kinds = {"i": identity, "k": inverted_residual, "s": unit, "x": unit}
    return kinds[name[0]]
