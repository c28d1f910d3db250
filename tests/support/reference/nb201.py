"""NAS-Bench-201: a cell of four nodes, each the sum of operators on all nodes before it."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, relu

from reference.weights import Weights, average_pool

EDGES = [(target, source) for target in range(1, 4) for source in range(target)]
NONE, SKIP, CONV1, CONV3, POOL = range(5)


def logits(space, weights: Weights, arch, x: Tensor) -> Tensor:
    """Of ``arch`` for images ``x``."""
    skeleton = space.skeleton
    y = weights.bn(weights.conv(x, "stem.0", 3), "stem.1")
    for stage, cells in enumerate(skeleton.cells):
        if stage:
            y = (residual if skeleton.residual else pooled)(weights, f"reductions.{stage - 1}", y)
        for index in range(cells):
            y = cell(weights, f"stages.{stage}.{index}", arch, y)
    return weights.classify(relu(weights.bn(y, "head.0")))


def block(weights: Weights, name: str, x: Tensor, kernel: int, stride: int = 1) -> Tensor:
    """ReLU, convolution, BN."""
    return weights.bn(weights.conv(relu(x), f"{name}.1", kernel, stride), f"{name}.2")


def residual(weights: Weights, name: str, x: Tensor) -> Tensor:
    y = block(weights, f"{name}.body.1", block(weights, f"{name}.body.0", x, 3, 2), 3)
    return y + weights.conv(avg_pool2d(x, 2), f"{name}.shortcut.1", 1)


def pooled(weights: Weights, name: str, x: Tensor) -> Tensor:
    return weights.bn(weights.conv(avg_pool2d(x, 2), f"{name}.1", 1), f"{name}.2")


def cell(weights: Weights, name: str, arch, x: Tensor) -> Tensor:
    """What the output needs, and nothing else, is run.

    A node without edges is zero. Where BNs have no shift, so is all that such a node feeds.
    """
    shifted = any(
        key.startswith(f"{name}.edges.") and key.endswith(".2.bias") for key in weights.state
    )

    def run(edge: int, y: Tensor) -> Tensor:
        op = arch[edge]
        if op == SKIP:
            return y
        if op == POOL:
            return average_pool(y)
        return block(weights, f"{name}.edges.{edge}.{op}", y, {CONV1: 1, CONV3: 3}[op])

    values: dict[int, Tensor | None] = {0: x}

    def value(node: int) -> Tensor | None:
        if node not in values:
            terms = []
            for edge, (target, source) in enumerate(EDGES):
                if target == node and arch[edge] != NONE:
                    y = value(source)
                    if y is None and shifted:
                        y = torch.zeros_like(x)
                    if y is not None:
                        terms.append(run(edge, y))
            values[node] = sum(terms) if terms else None
        return values[node]

    output = value(3)
    return torch.zeros_like(x) if output is None else output
