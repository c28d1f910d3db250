"""Many architectures of NAS-Bench-201 as one network that runs once what they have in common.

Architectures that compute the same function are one, see :func:`.cell.function_key`. The genes of
a cell are in the order of the nodes they lead to, so that what a node of the first cell carries
depends on a beginning of the genes only, and so do the statistics that the BNs behind it gather
over given batches. Architectures that begin alike can therefore share that part of the first cell
in every BN mode: with statistics of the batch, with running ones, and with cumulative averages.
Where only pooling and a 1x1 convolution are between the first cell and the next BN, they run once
for each term of the sum that the cell puts out, and an architecture adds up what they give. From
there on each goes its own way. Edges of a cell that start at one node share its ReLU and its
pooling.

So logits are those of the subnet but for the rounding of sums, and the same bits whatever other
architectures there are.

Memory of a forward pass, whatever the number of architectures: in the first cell at most 22
tensors of its size (three for each of the first three nodes, two for each edge, a sum); the rest of
one architecture; and the logits of all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from functools import reduce
from typing import Protocol

import torch
from torch import nn
from torch.nn.functional import avg_pool2d, conv2d

from searchspaces.base import Arch
from searchspaces.nb201.cell import EDGES, INTO, LAST_NODE, NONE, POOL, SKIP
from searchspaces.operators import PoolReduction
from searchspaces.supernet import with_own_norms

BEFORE = {0: 0} | {node: max(into) + 1 for node, into in INTO.items()}  # genes that lead so far
Held = dict[tuple[str, Arch], torch.Tensor]


class Cell(Protocol):
    """Of each edge the modules of its operators, by number; of each node its shadow BN, if any."""

    edges: nn.ModuleList
    norms: nn.ModuleDict


class CellNetwork(Protocol):
    """A network of cells of which every part is to be had."""

    stem: nn.Module
    stages: nn.ModuleList
    reductions: nn.ModuleList
    head: nn.Module
    classifier: nn.Module

    def key(self, arch: Arch) -> Arch:
        """The architecture that stands for all that are the same network as ``arch``."""


class CellTree(nn.Module):
    """Logits ``[archs, B, classes]`` of all ``archs`` for images ``[B, C, H, W]``.

    Weights are copies of the supernet's; everything that is run has BN statistics of its own.
    """

    def __init__(self, supernet: CellNetwork, archs: Sequence[Arch]):
        super().__init__()
        keys = [supernet.key(arch) for arch in archs]
        self.keys = sorted(set(keys))
        row = {key: number for number, key in enumerate(self.keys)}
        self.rows = [row[key] for key in keys]
        whole = deepcopy(supernet)
        self.stem = whole.stem
        linear = _taken_out(whole)
        self.first = SharedCell(whole.stages[0][0], self.keys, linear)
        self.rests = nn.ModuleList(_Rest(whole, key) for key in self.keys)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x, held, logits = self.stem(x), {}, []
        for key, rest in zip(self.keys, self.rests, strict=True):
            held = {(name, genes): y for (name, genes), y in held.items() if begins(key, genes)}
            logits.append(rest(self.first(x, key, held)))
        return torch.stack([logits[row] for row in self.rows])


class SharedCell(nn.Module):
    """One cell of several architectures, given by their keys, with a ``linear`` map behind.

    The map has neither a bias nor statistics.
    """

    def __init__(self, cell: Cell, keys: Sequence[Arch], linear: nn.Module | None = None):
        super().__init__()
        self.linear = linear or nn.Identity()
        self.operators, self.norms = nn.ModuleDict(), nn.ModuleDict()
        for key in keys:
            for edge, op in enumerate(key):
                name = _name(f"{edge}-{op}", key[: BEFORE[EDGES[edge][1]]])
                if op not in (NONE, SKIP, POOL) and name not in self.operators:
                    self.operators[name] = with_own_norms(cell.edges[edge][str(op)][1:])
            for node, into in INTO.items() if cell.norms else ():
                active = _active(key, into)
                name = _name(f"node {node}", key[: BEFORE[node]])
                if active and name not in self.norms:
                    self.norms[name] = with_own_norms(cell.norms[str(node)].of(active))

    def forward(self, x: torch.Tensor, key: Arch, held: Held) -> torch.Tensor:
        """The output for the architecture ``key``.

        ``held`` keeps by name and genes what later architectures with the same first genes need.
        """

        def once(name: str, genes: Arch, compute: Callable[[], torch.Tensor]) -> torch.Tensor:
            if (name, genes) not in held:
                held[name, genes] = compute()
            return held[name, genes]

        def behind(node: int) -> nn.Module:
            return self.linear if node == LAST_NODE else nn.Identity()

        def run(edge: int) -> torch.Tensor:
            op, source = key[edge], EDGES[edge][1]
            genes, y = key[: BEFORE[source]], nodes[source]
            if op == SKIP:
                return y
            if op == POOL:
                return once(f"pool {source}", genes, lambda: pool(y))
            rectified = once(f"relu {source}", genes, y.relu)
            return self.operators[_name(f"{edge}-{op}", genes)](rectified)

        def term(edge: int) -> torch.Tensor:
            target, source = EDGES[edge]
            name = f"{edge}-{key[edge]}"
            return once(name, key[: BEFORE[source]], lambda: behind(target)(run(edge)))

        def added(edges: Sequence[int]) -> torch.Tensor:
            return reduce(torch.add, map(term, edges))

        def total(node: int, active: tuple[int, ...]) -> torch.Tensor:
            if not active:
                return behind(node)(torch.zeros_like(x))
            *first, last = active
            y = term(last)
            if first:  # the last gene is what differs most often
                y = once(f"into {node}", key[:last], lambda: added(first)) + y
            norm = _name(f"node {node}", key[: BEFORE[node]])
            return self.norms[norm](y) if norm in self.norms else y

        nodes = [x]
        for node, into in INTO.items():
            active, genes = _active(key, into), key[: BEFORE[node]]
            if node == LAST_NODE:
                return total(node, active)
            nodes.append(once(f"node {node}", genes, lambda n=node, a=active: total(n, a)))


def _taken_out(network: CellNetwork) -> nn.Module | None:
    """The linear part behind the first cell, no longer in ``network``; None where there is none."""
    first, *others = network.stages[0]
    reductions = network.reductions
    if others or first.norms or not reductions or not isinstance(reductions[0], PoolReduction):
        return None
    *linear, reductions[0] = reductions[0]
    return nn.Sequential(*linear)


class _Rest(nn.Module):
    """What follows the first cell and its linear map, for one architecture."""

    def __init__(self, network: CellNetwork, key: Arch):
        super().__init__()
        self.key = key
        self.parts = nn.ModuleList()
        for stage, cells in enumerate(network.stages):
            if stage:
                self.parts.append(with_own_norms(network.reductions[stage - 1]))
            self.parts.extend(SharedCell(cell, [key]) for cell in cells[not stage :])
        self.parts.append(with_own_norms(nn.Sequential(network.head, network.classifier)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for part in self.parts:
            x = part(x, self.key, {}) if isinstance(part, SharedCell) else part(x)
        return x


def pool(x: torch.Tensor) -> torch.Tensor:
    """3x3 averages around every pixel, as ``nn.AvgPool2d(3, 1, 1, count_include_pad=False)``.

    On a CPU a depthwise convolution adds up the same terms in the same order in half the time.
    """
    if x.device.type != "cpu":
        return avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False)
    ones = x.new_ones(x.shape[1], 1, 3, 3)
    pixels = conv2d(x.new_ones(1, 1, *x.shape[2:]), ones[:1], padding=1)
    return conv2d(x, ones, padding=1, groups=x.shape[1]).div_(pixels)


def begins(key: Arch, genes: Arch) -> bool:
    """Whether ``genes`` are the first of ``key``."""
    return key[: len(genes)] == genes


def _active(key: Arch, into: Sequence[int]) -> tuple[int, ...]:
    return tuple(edge for edge in into if key[edge] != NONE)


def _name(what: str, genes: Arch) -> str:
    return f"{what} after {genes}"
