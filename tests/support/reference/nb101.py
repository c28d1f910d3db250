"""NAS-Bench-101: cells whose vertices share the channels of what they feed."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import max_pool2d, relu

from reference.weights import Weights

MOMENTUM = {"benchmark": 0.003, "compact": 0.1, "proxy": 0.1}
OUTPUT, CONV3, CONV1, POOL = 6, 0, 1, 2


def logits(space, weights: Weights, arch, x: Tensor) -> Tensor:
    """Of ``arch`` for images ``x``."""
    skeleton, momentum = space.skeleton, MOMENTUM[space.scale]

    def unit(y: Tensor, name: str, kernel: int, width: int) -> Tensor:
        y = weights.conv(y, f"{name}.conv", kernel, width=width)
        return relu(weights.bn(y, f"{name}.bn", momentum))

    cell = space.cell(arch)
    parents = {vertex.slot: vertex.parents for vertex in cell.vertices}

    def run_cell(x: Tensor, name: str, channels: int) -> Tensor:
        width = widths(parents, cell.output, channels)
        values: dict[int, Tensor] = {}
        for slot, operator, sources in cell.vertices:
            total = 0
            for source in sources:
                projected = (
                    unit(x, f"{name}.projections.{slot}", 1, width[slot]) if not source else 0
                )
                total = total + (values[source][:, : width[slot]] if source else projected)
            if operator == POOL:
                values[slot] = max_pool2d(total, 3, 1, 1)
            else:
                kernel = {CONV3: 3, CONV1: 1}[operator]
                values[slot] = unit(
                    total, f"{name}.vertices.{slot}.{operator}", kernel, width[slot]
                )
        joined = [values[slot] for slot in cell.output if slot]
        y = torch.cat(joined, dim=1) if joined else 0
        if 0 in cell.output:
            y = y + unit(x, f"{name}.projections.{OUTPUT}", 1, channels)
        return y

    y = unit(x, "stem", 3, skeleton.width)
    for stage, cells in enumerate(skeleton.cells):
        if stage:
            y = max_pool2d(y, 2, ceil_mode=True)
        for index in range(cells):
            y = run_cell(y, f"stages.{stage}.{index}", skeleton.width * 2**stage)
    if space.scale != "benchmark":
        y = weights.bn(y, "head.0", momentum)
    return weights.classify(y)


def widths(parents, output, channels: int) -> dict[int, int]:
    """Those that feed the output share ``channels``; the others are as wide as what they feed."""
    sharing = [slot for slot in output if slot]
    width = {
        slot: channels // len(sharing) + (place < channels % len(sharing))
        for place, slot in enumerate(sharing)
    }
    for slot in sorted(parents, reverse=True):
        fed = [other for other, sources in parents.items() if slot in sources]
        width.setdefault(slot, max((width[other] for other in fed), default=0))
    return width
