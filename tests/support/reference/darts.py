"""DARTS: nodes that sum two operators each, cells that concatenate four nodes."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import max_pool2d, pad, relu

from reference.weights import Weights, average_pool
from searchspaces.darts.cell import genotype_of

CONVOLUTIONS = {  # kernel, dilation, how often
    "sep_conv_3x3": (3, 1, 2),
    "sep_conv_5x5": (5, 1, 2),
    "dil_conv_3x3": (3, 2, 1),
    "dil_conv_5x5": (5, 2, 1),
}


def operator(weights: Weights, name: str, stride: int, prefix: str, x: Tensor) -> Tensor:
    """``name`` on ``x``; pools have a BN behind them where there are weights for one."""
    if name == "skip_connect":
        return x if stride == 1 else factorized(weights, prefix, x)
    if name.endswith("pool_3x3"):
        y = max_pool2d(x, 3, stride, 1) if name.startswith("max") else average_pool(x, stride)
        return weights.bn(y, f"{prefix}.1") if f"{prefix}.1.running_mean" in weights.state else y
    kernel, dilation, times = CONVOLUTIONS[name]
    for first in range(0, 4 * times, 4):
        y = relu(x)
        y = weights.conv(
            y, f"{prefix}.{first + 1}", kernel, stride, dilation=dilation, depthwise=True
        )
        x = weights.bn(weights.conv(y, f"{prefix}.{first + 2}", 1), f"{prefix}.{first + 3}")
        stride = 1
    return x


def factorized(weights: Weights, prefix: str, x: Tensor) -> Tensor:
    """Two 1x1 convolutions on every other pixel, the second from one further down and right."""
    x = relu(x)
    second = pad(x, (0, 1, 0, 1))[:, :, 1::2, 1::2]
    y = [
        weights.conv(part, f"{prefix}.{name}", 1)
        for name, part in (("even", x[:, :, ::2, ::2]), ("odd", second))
    ]
    return weights.bn(torch.cat(y, 1), f"{prefix}.norm")


def logits(skeleton, weights: Weights, arch, x: Tensor) -> Tensor:
    """Of ``arch``, in the network that ``skeleton`` describes, for images ``x``."""

    def conv(y: Tensor, name: str, kernel: int, stride: int = 1) -> Tensor:
        """Convolution and BN at consecutive places of ``name``, such as ``stem.0``."""
        part, number = name.rsplit(".", 1)
        return weights.bn(weights.conv(y, name, kernel, stride), f"{part}.{int(number) + 1}")

    if skeleton.stem_stride == 8:
        before = conv(relu(conv(x, "stem.0", 3, 2)), "stem.3", 3, 2)
        last = conv(relu(before), "second_stem.1", 3, 2)
    else:
        before = last = conv(x, "stem.0", 3, skeleton.stem_stride)
    halved = skeleton.stem_stride == 8
    reducing = [skeleton.cells * stage // skeleton.stages for stage in range(1, skeleton.stages)]
    for index in range(skeleton.cells):
        key, reduces = f"cells.{index}", index in reducing
        if halved:
            first = factorized(weights, f"{key}.before", before)
        else:
            first = conv(relu(before), f"{key}.before.1", 1)
        values = [first, conv(relu(last), f"{key}.last.1", 1)]
        for node, edges in enumerate(genotype_of(arch)[reduces], start=2):
            total = 0
            for name, source in edges:
                stride = 2 if reduces and source < 2 else 1
                prefix = f"{key}.edges.{node}<-{source}.{name}"
                total = total + operator(weights, name, stride, prefix, values[source])
            values.append(total)
        before, last, halved = last, torch.cat(values[2:], 1), reduces
    return weights.classify(last)
