"""What a DARTS network (Liu et al. 2019) puts around its cells, and what the whole costs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

from searchspaces.base import Cost, ImageSpec
from searchspaces.darts.cell import NODES, Genotype

CONVOLUTIONS = {  # kernel, dilation, number of depthwise-pointwise pairs
    "sep_conv_3x3": (3, 1, 2),
    "sep_conv_5x5": (5, 1, 2),
    "dil_conv_3x3": (3, 2, 1),
    "dil_conv_5x5": (5, 2, 1),
}


class CellShape(NamedTuple):
    """What is around a cell of ``channels`` per node.

    ``before`` and ``last`` are the channels of its inputs; ``halve``: the first of them has twice
    the sides of the second; ``reduces``: the cell halves those of the second.
    """

    before: int
    last: int
    channels: int
    halve: bool
    reduces: bool

    def stride(self, source: int) -> int:
        """Of the operators on edges from ``source``."""
        return 2 if self.reduces and source < 2 else 1


@dataclass(frozen=True)
class Skeleton:
    """``cells`` cells in ``stages``, ``width`` channels per node, doubled at each further stage.

    ``stem_stride`` is 1 or 2 for a stem of one 3x3 convolution to three times the width, 8 for
    three of stride 2, to half the width, the width, and the width again.
    """

    width: int
    cells: int
    stages: int = 3
    stem_stride: int = 1

    @property
    def deep_stem(self) -> bool:
        return self.stem_stride == 8

    @cached_property
    def reductions(self) -> tuple[int, ...]:
        """Numbers of the cells that begin a further stage: at 1/3 and 2/3 of the depth."""
        return tuple(self.cells * stage // self.stages for stage in range(1, self.stages))

    @property
    def stage_ends(self) -> tuple[int, ...]:
        """Number of the first cell of each stage, and of one behind the last."""
        return (0, *self.reductions, self.cells)

    @cached_property
    def shapes(self) -> tuple[CellShape, ...]:
        """One per cell."""
        shapes, channels, halve = [], self.width, self.deep_stem
        before = last = self.width if self.deep_stem else 3 * self.width
        for index in range(self.cells):
            reduces = index in self.reductions
            channels <<= reduces
            shapes.append(CellShape(before, last, channels, halve, reduces))
            before, last, halve = last, len(NODES) * channels, reduces
        return tuple(shapes)

    @property
    def out_channels(self) -> int:
        return len(NODES) * self.shapes[-1].channels

    def last_side(self, image: ImageSpec) -> int:
        """Side of the feature maps of the last stage."""
        return -(-image.size // (self.stem_stride << len(self.reductions)))


def network_cost(skeleton: Skeleton, image: ImageSpec, genotype: Genotype) -> Cost:
    """Parameters without those of an auxiliary head; multiply-adds of all convolutions and of the
    classifier's weights.
    """
    parts = list(_convolutions(skeleton, image, genotype))
    classifier = skeleton.out_channels * image.classes
    return Cost(
        sum(weights + 2 * normed for weights, normed, _ in parts) + classifier + image.classes,
        sum(weights * side * side for weights, _, side in parts) + classifier,
    )


def _convolutions(
    skeleton: Skeleton, image: ImageSpec, genotype: Genotype
) -> Iterator[tuple[int, int, int]]:
    """Weights, channels with a BN, and output side of each part before the classifier."""
    width, side = skeleton.width, image.size
    if skeleton.deep_stem:
        for c_in, c_out in pairwise((image.channels, width // 2, width, width)):
            side = (side + 1) // 2
            yield 9 * c_in * c_out, c_out, side
    else:
        side = -(-side // skeleton.stem_stride)
        yield 9 * image.channels * 3 * width, 3 * width, side
    for shape in skeleton.shapes:
        c = shape.channels
        yield (shape.before + shape.last) * c, 2 * c, side
        if shape.reduces:
            side = (side + 1) // 2
        for node in genotype[shape.reduces]:
            for name, source in node:
                yield *operator_weights(name, c, shape.stride(source)), side


def operator_weights(name: str, channels: int, stride: int) -> tuple[int, int]:
    """Convolution weights of the block, all applied at its output side, and channels with a BN."""
    if name == "skip_connect":
        return (0, 0) if stride == 1 else (channels * channels, channels)
    if name not in CONVOLUTIONS:
        return 0, 0
    kernel, _, pairs = CONVOLUTIONS[name]
    return pairs * channels * (kernel * kernel + channels), pairs * channels
