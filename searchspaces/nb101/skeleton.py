"""What surrounds and sizes the cells of NAS-Bench-101: skeleton, channel division, cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from searchspaces.base import Cost, ImageSpec
from searchspaces.nb101.cell import CONV1, CONV3, INPUT, OUTPUT, POOL, Cell
from searchspaces.skeleton import CellSkeleton

if TYPE_CHECKING:
    from searchspaces.shadow_bn import ShadowBN

KERNELS = {CONV3: 3, CONV1: 1}


@dataclass(frozen=True)
class Skeleton(CellSkeleton):
    """The network around the cells.

    ``momentum``: of all BNs, as PyTorch counts it (the benchmark's TensorFlow decay of 0.997 is
    0.003 here). ``normed``: whether a BN comes before the last pooling, which the benchmark has
    not.
    """

    momentum: float
    normed: bool = False

    def shapes(self) -> list[list[tuple[int, int]]]:
        """Input and output channels of each cell of each stage."""
        shapes, before = [], self.width
        for stage, cells in enumerate(self.cells):
            channels = self.width << stage
            shapes.append([(before, channels)] + [(channels, channels)] * (cells - 1))
            before = channels
        return shapes


@lru_cache(maxsize=1 << 15)
def vertex_widths(cell: Cell, channels: int) -> dict[int, int]:
    """Channels of each interior slot, and of the output slot, in a cell of ``channels``.

    What feeds the output shares its channels; where they do not divide evenly, the first vertices
    have one more. Every other vertex is as wide as the widest that it feeds.
    """
    widths = {OUTPUT: channels}
    sharing = [slot for slot in cell.output if slot != INPUT]
    if sharing:
        share, rest = divmod(channels, len(sharing))
        widths |= {slot: share + (i < rest) for i, slot in enumerate(sharing)}
    for vertex in reversed(cell.vertices):
        for parent in vertex.parents:
            if parent != INPUT and parent not in sharing:
                widths[parent] = max(widths.get(parent, 0), widths[vertex.slot])
    return widths


def network_cost(skeleton: Skeleton, image: ImageSpec, cell: Cell) -> Cost:
    """Trainable parameters as the benchmark counts them; multiply-adds of all convolutions
    and of the classifier's weights.
    """
    size, width = image.size, skeleton.width
    weights = 9 * image.channels * width
    params, madds = weights + 2 * width, weights * size * size
    for stage, shapes in enumerate(skeleton.shapes()):
        width = skeleton.width << stage
        if stage:
            size = (size + 1) // 2
        projected, operators, normed = _cell_sums(cell, width)
        for c_in, _ in shapes:
            weights = c_in * projected + operators
            params, madds = params + weights + 2 * normed, madds + weights * size * size
    head = width * image.classes
    params += head + image.classes + 2 * width * skeleton.normed
    return Cost(params, madds + head)


def _cell_sums(cell: Cell, channels: int) -> tuple[int, int, int]:
    """Channels of all projections, weights of all operators, channels that have a BN."""
    widths = vertex_widths(cell, channels)
    projected = sum(widths[v.slot] for v in cell.vertices if INPUT in v.parents)
    projected += channels * (INPUT in cell.output)
    convolved = [(KERNELS[v.operator], widths[v.slot]) for v in cell.vertices if v.operator != POOL]
    operators = sum((kernel * width) ** 2 for kernel, width in convolved)
    return projected, operators, projected + sum(width for _, width in convolved)


@dataclass(frozen=True)
class Holding:
    """What each cell of a network holds.

    ``operators`` of each interior slot; ``projected``: the slots with a projection of the input.
    A ``cell``, given for a stand-alone network, fixes the widths; else all have full width.
    ``optional``: the first operator of each choice site is to leave the vertex out.
    """

    operators: Mapping[int, tuple[int, ...]]
    projected: tuple[int, ...]
    cell: Cell | None = None
    optional: bool = False

    @classmethod
    def of(cls, cell: Cell) -> Holding:
        """Only what ``cell`` needs."""
        fed = [v.slot for v in cell.vertices if INPUT in v.parents]
        if INPUT in cell.output:
            fed.append(OUTPUT)
        return cls({v.slot: (v.operator,) for v in cell.vertices}, tuple(fed), cell)

    def shadow(self, shadow: ShadowBN | None, slot: int) -> tuple[ShadowBN | None, range]:
        """The BNs of ``slot``, and what may feed it; where no BN is to be at a fixed vertex, where
        paths meet, the others keep theirs.
        """
        if shadow is not None and shadow.missing and slot != max(self.operators):
            shadow = None
        return shadow, range(slot)

    def widths(self, channels: int) -> dict[int, int]:
        if self.cell is not None:
            return vertex_widths(self.cell, channels)
        return dict.fromkeys((*self.operators, OUTPUT), channels)
