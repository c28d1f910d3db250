"""The networks of NAS-Bench-201: one class for supernets and stand-alone networks."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial, reduce

import torch
from torch import nn

from searchspaces.base import Arch, ImageSpec
from searchspaces.batchnorm import BatchNorm
from searchspaces.nb201.cell import (
    CONV1,
    CONV3,
    EDGES,
    INTO,
    LAST_NODE,
    NONE,
    OPERATORS,
    POOL,
    SKIP,
    function_key,
    live_edges,
    subnet_key,
)
from searchspaces.nb201.skeleton import Skeleton
from searchspaces.nb201.tree import CellTree
from searchspaces.operators import PoolReduction, ResidualReduction, relu_conv_bn
from searchspaces.shadow_bn import ShadowBN
from searchspaces.supernet import Operator, SiteHook, State, Supernet, inheriting


def _operator(op: int, channels: int, affine: bool) -> nn.Module:
    if op == POOL:
        return nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)
    return relu_conv_bn(channels, channels, {CONV1: 1, CONV3: 3}[op], 1, affine)


class Cell(nn.Module):
    """One cell holding, per edge, the operators in ``choices``.

    With ``shadow`` the sum at each node passes a BN of the edges that are live.
    """

    def __init__(
        self,
        channels: int,
        choices: Sequence[Collection[int]],
        affine: bool,
        shadow: ShadowBN | None,
    ):
        super().__init__()
        self.edges = nn.ModuleList(
            nn.ModuleDict(
                {str(op): _operator(op, channels, affine) for op in ops if op not in (NONE, SKIP)}
            )
            for ops in choices
        )
        build = partial(BatchNorm, channels)
        self.norms = nn.ModuleDict(
            {
                str(node): shadow.norm(into, range(1, len(into) + 1), build)
                for node, into in INTO.items()
            }
            if shadow
            else {}
        )

    def forward(
        self, x: torch.Tensor, path: Arch, live: tuple[int, ...], hook: SiteHook | None
    ) -> torch.Tensor:
        nodes: list[torch.Tensor | None] = [x]
        for node, into in INTO.items():
            active = tuple(edge for edge in into if edge in live)
            terms = [self._run(edge, nodes[EDGES[edge][1]], x, path, hook) for edge in active]
            total = reduce(torch.add, terms) if terms else None
            if self.norms and total is not None:
                total = self.norms[str(node)](total, active)
            nodes.append(total)
        output = nodes[LAST_NODE]
        return torch.zeros_like(x) if output is None else output

    def _run(
        self, edge: int, y: torch.Tensor | None, x: torch.Tensor, path: Arch, hook: SiteHook | None
    ) -> torch.Tensor:
        """``edge`` on ``y``, where None is a node at zero of the shape of ``x``."""
        if y is None:
            y = torch.zeros_like(x)
        if hook is not None:
            return hook(edge, self.operators(edge), y)
        return y if path[edge] == SKIP else self.edges[edge][str(path[edge])](y)

    def operators(self, edge: int) -> list[Operator]:
        """All five of an ``edge`` that holds them."""
        fixed: dict[int, Operator] = {NONE: torch.zeros_like, SKIP: lambda x: x}
        held = self.edges[edge]
        return [fixed[op] if op in fixed else held[str(op)] for op in range(len(OPERATORS))]


class CellNetwork(Supernet):
    """Stem, stages of cells joined by reductions, BN-ReLU, global average pooling, classifier.

    With BN that has scale and shift (``affine``), an edge that starts at a zero node still emits
    a learned constant, as in the benchmark; without, it emits zero and is skipped.
    """

    def __init__(
        self,
        skeleton: Skeleton,
        image: ImageSpec,
        choices: Sequence[Collection[int]],
        affine: bool,
        shadow: ShadowBN | None = None,
    ):
        super().__init__()
        self.skeleton, self.image, self.affine, self.shadow = skeleton, image, affine, shadow
        self.stages_number = len(skeleton.cells)
        self.fixed_path = tuple(ops[0] for ops in choices) if len(choices[0]) == 1 else None
        widths = skeleton.widths
        self.stem = nn.Sequential(
            nn.Conv2d(image.channels, widths[0], 3, padding=1, bias=False),
            BatchNorm(widths[0]),
        )
        reduction = ResidualReduction if skeleton.residual else PoolReduction
        self.reductions = nn.ModuleList(reduction(c // 2, c) for c in widths[1:])
        self.stages = nn.ModuleList(
            nn.ModuleList(Cell(c, choices, affine, shadow) for _ in range(n))
            for c, n in zip(widths, skeleton.cells, strict=True)
        )
        self.head = nn.Sequential(
            BatchNorm(widths[-1]), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()
        )
        self.classifier = nn.Linear(widths[-1], image.classes)
        self.to(memory_format=torch.channels_last)

    def begin(self, x: torch.Tensor) -> State:
        return (self.stem(x),)

    def stage(
        self, index: int, state: State, path: Arch | None = None, hook: SiteHook | None = None
    ) -> State:
        path = self.fixed_path if path is None else path
        live = tuple(range(len(EDGES)))
        if hook is None:
            live = live_edges(path, from_input=not self.affine)
        (x,) = state
        if index:
            x = self.reductions[index - 1](x)
        for cell in self.stages[index]:
            x = cell(x, path, live, hook)
        return (x,)

    def stage_parts(self, index: int) -> list[nn.Module]:
        return [*self.reductions[max(index - 1, 0) : index], self.stages[index]]

    def chosen(self, path: Arch) -> dict[int, list[nn.Module]]:
        cells = [cell for stage in self.stages for cell in stage]
        held = {edge: op for edge, op in enumerate(path) if op not in (NONE, SKIP)}
        return {edge: [cell.edges[edge][str(op)] for cell in cells] for edge, op in held.items()}

    def finish(self, state: State) -> torch.Tensor:
        return self.classifier(self.head(state[-1]))

    def subnet(self, arch: Arch) -> CellNetwork:
        choices = [(op,) for op in arch]
        build = partial(CellNetwork, self.skeleton, self.image, choices, self.affine, self.shadow)
        return inheriting(build, self)

    def together(self, archs: Sequence[Arch]) -> CellTree:
        return CellTree(self, archs).train(self.training)

    def key(self, arch: Arch) -> Arch:
        """Equal for architectures that are the same network here but for the rounding of sums.

        With shadow BN how many edges lead to a node counts, also of those that do nothing else.
        """
        simplest = subnet_key if self.shadow else function_key
        return simplest(arch, from_input=not self.affine)

    def order(self, archs: Sequence[Arch]) -> list[int]:
        """By their keys, so that the same networks and those that begin alike are neighbours."""
        keys = [self.key(arch) for arch in archs]
        return sorted(range(len(archs)), key=keys.__getitem__)
