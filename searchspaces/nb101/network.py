"""The networks of NAS-Bench-101: one class for supernets and stand-alone networks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial, reduce

import torch
from torch import nn
from torch.nn import functional

from searchspaces.base import Arch, ImageSpec
from searchspaces.batchnorm import BatchNorm, narrow_norm
from searchspaces.nb101.cell import INPUT, OUTPUT, POOL, Cell
from searchspaces.nb101.skeleton import KERNELS, Holding, Skeleton, vertex_widths
from searchspaces.shadow_bn import Active, ShadowBN
from searchspaces.supernet import Operator, SiteHook, State, Supernet, inheriting


class LeadingBatchNorm(BatchNorm):
    """BN that normalises ``[B, C, H, W]`` of any C up to its own with its first C channels."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if x.shape[1] == self.num_features:
            return super().forward(x)
        return narrow_norm(self, x)


class ConvBNReLU(nn.Module):
    """Convolution, BN and ReLU, run at any width up to their own with the leading channels.

    ``shadow`` puts a BN per sum of ``parents`` in the place of the one BN.
    """

    def __init__(
        self,
        c_in: int,
        c_out: int,
        kernel: int,
        affine: bool,
        momentum: float,
        shadow: ShadowBN | None = None,
        parents: Sequence[int] = (),
    ):
        super().__init__()
        bias = shadow is not None and shadow.missing
        self.conv = nn.Conv2d(c_in, c_out, kernel, padding=kernel // 2, bias=bias)
        build = partial(LeadingBatchNorm, c_out, momentum=momentum)
        self.shadow = shadow
        if shadow is None:
            self.bn = build(affine=affine)
        elif not shadow.missing:
            self.bn = shadow.norm(parents, range(1, len(parents) + 1), build)

    def forward(self, x: torch.Tensor, width: int, active: Active = ()) -> torch.Tensor:
        weight, bias = self.conv.weight, self.conv.bias
        if weight.shape[:2] != (width, x.shape[1]):
            weight = weight[:width, : x.shape[1]].contiguous(memory_format=torch.channels_last)
        x = functional.conv2d(x, weight, bias, padding=self.conv.padding)
        if self.shadow is None:
            x = self.bn(x)
        elif not self.shadow.missing:
            x = self.bn(x, active)
        return functional.relu(x)


class CellModule(nn.Module):
    """One cell: operators per slot, and a projection of the input to each slot that may need it."""

    def __init__(
        self,
        c_in: int,
        c_out: int,
        holding: Holding,
        affine: bool,
        momentum: float,
        shadow: ShadowBN | None,
    ):
        super().__init__()
        self.channels, self.holding = c_out, holding
        widths = holding.widths(c_out)
        self.projections = nn.ModuleDict(
            {
                str(slot): ConvBNReLU(c_in, widths[slot], 1, affine, momentum)
                for slot in holding.projected
            }
        )
        self.vertices = nn.ModuleDict(
            {
                str(slot): nn.ModuleDict(
                    {
                        str(op): ConvBNReLU(
                            *(widths[slot], widths[slot], KERNELS[op], affine, momentum),
                            *holding.shadow(shadow, slot),
                        )
                        for op in operators
                        if op != POOL
                    }
                )
                for slot, operators in holding.operators.items()
            }
        )

    def forward(self, x: torch.Tensor, cell: Cell, hook: SiteHook | None) -> torch.Tensor:
        widths = vertex_widths(cell, self.channels)
        values: dict[int, torch.Tensor] = {}
        for slot, operator, parents in cell.vertices:
            width = widths[slot]
            terms = [
                self.projections[str(slot)](x, width) if p == INPUT else values[p][:, :width]
                for p in parents
            ]
            total = reduce(torch.add, terms)
            if hook is None or len(self.holding.operators[slot]) == 1:
                values[slot] = self.run(slot, operator, width, parents, total)
            else:
                values[slot] = hook(slot - 1, self.operators(slot, width, parents), total)
        outputs = [values[slot] for slot in cell.output if slot != INPUT]
        terms = [torch.cat(outputs, dim=1)] if outputs else []
        if INPUT in cell.output:
            terms.append(self.projections[str(OUTPUT)](x, self.channels))
        return reduce(torch.add, terms)

    def run(
        self, slot: int, operator: int, width: int, parents: Active, x: torch.Tensor
    ) -> torch.Tensor:
        """``operator`` of ``slot`` on ``x``, both ``width`` channels wide."""
        if operator == POOL:
            return functional.max_pool2d(x, 3, stride=1, padding=1)
        return self.vertices[str(slot)][str(operator)](x, width, parents)

    def operators(self, slot: int, width: int, parents: Active) -> list[Operator]:
        """Those among which the site of ``slot`` chooses."""
        left_out = [torch.zeros_like] if self.holding.optional else []
        held = self.holding.operators[slot]
        return left_out + [partial(self.run, slot, op, width, parents) for op in held]


class NASBench101Network(Supernet):
    """Stem, stages of cells joined by 2x2 max pooling, global average pooling, classifier.

    ``wire`` turns a path into the cell that it means. A supernet runs a vertex narrower than
    itself with the leading channels of convolutions and BNs ("fixed chunks").
    """

    def __init__(
        self,
        skeleton: Skeleton,
        image: ImageSpec,
        holding: Holding,
        wire: Callable[[Arch], Cell],
        affine: bool,
        shadow: ShadowBN | None = None,
    ):
        super().__init__()
        self.skeleton, self.image, self.wire, self.affine = skeleton, image, wire, affine
        self.shadow = shadow
        self.fixed_cell, self.stages_number = holding.cell, len(skeleton.cells)
        momentum = skeleton.momentum
        self.stem = ConvBNReLU(image.channels, skeleton.width, 3, True, momentum)
        self.stages = nn.ModuleList(
            nn.ModuleList(CellModule(*shape, holding, affine, momentum, shadow) for shape in shapes)
            for shapes in skeleton.shapes()
        )
        self.reduction = nn.MaxPool2d(2, ceil_mode=True)
        width = skeleton.shapes()[-1][-1][1]
        norm = BatchNorm(width, momentum=momentum) if skeleton.normed else nn.Identity()
        self.head = nn.Sequential(norm, nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.classifier = nn.Linear(width, image.classes)
        self.to(memory_format=torch.channels_last)  # max pooling is several times faster on a CPU

    def begin(self, x: torch.Tensor) -> State:
        return (self.stem(x, self.skeleton.width),)

    def stage(
        self, index: int, state: State, path: Arch | None = None, hook: SiteHook | None = None
    ) -> State:
        cell = self.fixed_cell if path is None else self.wire(path)
        (x,) = state
        if index:
            x = self.reduction(x)
        for module in self.stages[index]:
            x = module(x, cell, hook)
        return (x,)

    def stage_parts(self, index: int) -> list[nn.Module]:
        return [self.stages[index]]

    def chosen(self, path: Arch) -> dict[int, list[nn.Module]]:
        cells = [cell.vertices for stage in self.stages for cell in stage]
        held = {
            slot: op
            for slot, op, _ in self.wire(path).vertices
            if op != POOL and len(cells[0][str(slot)]) > 1  # else it is no site
        }
        return {slot - 1: [cell[str(slot)][str(op)] for cell in cells] for slot, op in held.items()}

    def finish(self, state: State) -> torch.Tensor:
        return self.classifier(self.head(state[-1]))

    def subnet(self, arch: Arch) -> NASBench101Network:
        holding = Holding.of(self.wire(arch))
        build = partial(
            *(NASBench101Network, self.skeleton, self.image),
            *(holding, self.wire, self.affine, self.shadow),
        )
        return inheriting(build, self)
