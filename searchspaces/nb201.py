"""NAS-Bench-201 (Dong & Yang 2020): one cell of four nodes and six edges, five operators each.

Edges in string order: 1←0, 2←0, 2←1, 3←0, 3←1, 3←2. A node is the sum of its incoming edges.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial, reduce

import torch
from torch import nn

from searchspaces.base import Arch, Cost, ImageSpec, SearchSpace, Site
from searchspaces.diagram import Diagram, Edge, Graph, Node
from searchspaces.errors import UsageError
from searchspaces.operators import PoolReduction, ResidualReduction, relu_conv_bn
from searchspaces.registry import nearest
from searchspaces.shadow import Shadow
from searchspaces.supernet import Operator, State, Supernet, Visit

OPERATORS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
NONE, SKIP, CONV1, CONV3, POOL = range(5)
EDGES = ((1, 0), (2, 0), (2, 1), (3, 0), (3, 1), (3, 2))  # (target, source)
LAST_NODE = 3
INTO = {
    node: tuple(edge for edge, (target, _) in enumerate(EDGES) if target == node)
    for node in range(1, LAST_NODE + 1)
}


@dataclass(frozen=True)
class Skeleton:
    """The network around the cells: ``width`` channels, doubled at each further stage.

    ``cells``: number of cells per stage. ``residual``: whether stages are joined by the
    benchmark's residual blocks or by mere pooling and a 1x1 convolution.
    """

    width: int
    cells: tuple[int, ...]
    residual: bool

    @property
    def widths(self) -> tuple[int, ...]:
        return tuple(self.width << stage for stage in range(len(self.cells)))


SKELETONS = {
    "benchmark": Skeleton(width=16, cells=(5, 5, 5), residual=True),
    "compact": Skeleton(width=8, cells=(1, 1), residual=False),
}


class NASBench201(SearchSpace):
    """The topology space of NAS-Bench-201 at one of the named scales.

    ``benchmark`` is the table's own network (C=16, N=5, residual reductions, 3 stages).
    ``compact`` is for small images: two stages of one cell, 8 channels, and a reduction that only
    pools. With the benchmark's residual blocks in so small a network the fixed part does the work
    and architectures hardly differ. More cells separate no better and cost more: on the embedded
    task two trainings of 24 architectures agreed with τ 0.83 with one cell per stage and 0.76 with
    two; four epochs instead of six cost a third less and leave 0.79 to 0.81.

    ``width`` and ``cells`` (cells per stage) override the scale; 0 leaves it as it is.
    """

    name = "nb201"
    scales = tuple(SKELETONS)
    sites = tuple(Site(f"edge {target}<-{source}", OPERATORS) for target, source in EDGES)

    def __init__(self, scale: str = "benchmark", width: int = 0, cells: int = 0):
        if scale not in SKELETONS:
            raise UsageError(f"unknown scale '{scale}' of nb201{nearest(scale, SKELETONS)}")
        self.scale = scale
        skeleton = SKELETONS[scale]
        self.skeleton = replace(
            skeleton,
            width=width or skeleton.width,
            cells=(cells,) * len(skeleton.cells) if cells else skeleton.cells,
        )

    def is_valid(self, arch: Arch) -> bool:
        """False for the 341 cells whose output never depends on their input."""
        known = len(arch) == len(EDGES) and all(op in range(len(OPERATORS)) for op in arch)
        return known and bool(live_edges(arch))

    def canonical(self, arch: Arch) -> str:
        return unique_string(arch, zeros=True)

    def encode(self, arch: Arch) -> str:
        nodes = []
        for node in range(1, LAST_NODE + 1):
            terms = [
                f"{OPERATORS[op]}~{source}"
                for op, (target, source) in zip(arch, EDGES, strict=True)
                if target == node
            ]
            nodes.append(f"|{'|'.join(terms)}|")
        return "+".join(nodes)

    def decode(self, text: str) -> Arch:
        try:
            terms = [term.split("~") for node in text.split("+") for term in node[1:-1].split("|")]
            arch = tuple(OPERATORS.index(operator) for operator, _ in terms)
            if self.encode(arch) == text:
                return arch
        except ValueError:
            pass
        raise UsageError(
            f"'{text[:120]}' is not a NAS-Bench-201 architecture; write for instance "
            f"'{self.encode((3, 0, 3, 1, 0, 3))}'."
        )

    def cost(self, arch: Arch, image: ImageSpec) -> Cost:
        """As the benchmark counts: convolutions, BN parameters, the classifier with its bias.

        Pooling, additions and BN count no multiply-adds; operators on dead edges count.
        """
        widths, size = self.skeleton.widths, image.size
        params = 9 * image.channels * widths[0] + 2 * widths[0]
        madds = 9 * image.channels * widths[0] * size * size
        for stage, (c, n) in enumerate(zip(widths, self.skeleton.cells, strict=True)):
            if stage:
                b, size = c // 2, size // 2 if not self.skeleton.residual else (size + 1) // 2
                weights = b * c + (9 * b * c + 9 * c * c if self.skeleton.residual else 0)
                params += weights + (4 * c if self.skeleton.residual else 2 * c)
                madds += weights * size * size
            kernels = sum({CONV1: 1, CONV3: 9}.get(op, 0) for op in arch)
            convolutions = sum(op in (CONV1, CONV3) for op in arch)
            params += n * (kernels * c * c + convolutions * 2 * c)
            madds += n * kernels * c * c * size * size
        head = widths[-1] * image.classes + image.classes
        return Cost(params + 2 * widths[-1] + head, madds + head)

    def supernet(
        self, image: ImageSpec, *, affine: bool = False, shadow: Shadow | None = None
    ) -> CellNetwork:
        choices = [range(len(OPERATORS))] * len(EDGES)
        return CellNetwork(self.skeleton, image, choices, affine, shadow)

    def standalone(self, arch: Arch, image: ImageSpec) -> CellNetwork:
        return CellNetwork(self.skeleton, image, [(op,) for op in arch], affine=True)

    def diagrams(self, arch: Arch) -> list[Diagram]:
        """The cell without its ``none`` edges, each node in a column of its own."""
        live, numbers = live_edges(arch), tuple(range(LAST_NODE + 1))
        edges = (
            Edge(source, target, OPERATORS[arch[edge]], edge in live)
            for edge, (target, source) in enumerate(EDGES)
            if arch[edge] != NONE
        )
        return [Graph("cell", tuple(Node(str(n)) for n in numbers), tuple(edges), numbers)]


def unique_string(arch: Arch, zeros: bool) -> str:
    """What the cell computes, as a string: equal strings are isomorphic cells.

    Skip connections are replaced by what they carry. With ``zeros``, edges that are ``none`` or
    start at a single zero become a zero too. Over the space this gives 6,466 strings, without
    ``zeros`` 12,751, the counts of the NAS-Bench-201 paper; a sum of several zeros is not
    recognised as zero there, nor here.
    """
    value = {0: "0"}
    for node in range(1, LAST_NODE + 1):
        terms = []
        for op, (target, source) in zip(arch, EDGES, strict=True):
            if target != node:
                continue
            if zeros and (op == NONE or value[source] == "#"):
                terms.append("#")
            elif op == SKIP:
                terms.append(value[source])
            else:
                terms.append(f"({value[source]})@{OPERATORS[op]}")
        value[node] = "+".join(sorted(terms))
    return value[LAST_NODE]


@lru_cache(maxsize=1 << 15)
def live_edges(arch: Arch, from_input: bool = True) -> tuple[int, ...]:
    """Edges that are not ``none``, lead to the output and (``from_input``) start from the input.

    Two cells with the same operators on the same live edges are the same supernet subnet: 9,445
    distinct ones in the space.
    """
    reached = {0}
    for op, (target, source) in zip(arch, EDGES, strict=True):
        if op != NONE and (source in reached or not from_input):
            reached.add(target)
    needed = {LAST_NODE}
    live = []
    for edge in reversed(range(len(EDGES))):
        target, source = EDGES[edge]
        if arch[edge] != NONE and target in needed and (source in reached or not from_input):
            needed.add(source)
            live.append(edge)
    return tuple(sorted(live))


def subnet_key(arch: Arch) -> Arch:
    """``arch`` with its dead edges set to ``none``: equal keys, equal supernet subnets."""
    live = live_edges(arch)
    return tuple(op if edge in live else NONE for edge, op in enumerate(arch))


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
        shadow: Shadow | None,
    ):
        super().__init__()
        self.edges = nn.ModuleList(
            nn.ModuleDict(
                {str(op): _operator(op, channels, affine) for op in ops if op not in (NONE, SKIP)}
            )
            for ops in choices
        )
        build = partial(nn.BatchNorm2d, channels, affine=affine)
        self.norms = nn.ModuleDict(
            {
                str(node): shadow.norm(into, range(1, len(into) + 1), build)
                for node, into in INTO.items()
            }
            if shadow
            else {}
        )

    def forward(
        self, x: torch.Tensor, path: Arch, live: tuple[int, ...], visit: Visit | None
    ) -> torch.Tensor:
        nodes: list[torch.Tensor | None] = [x]
        for node, into in INTO.items():
            active = tuple(edge for edge in into if edge in live)
            terms = [self._run(edge, nodes[EDGES[edge][1]], x, path, visit) for edge in active]
            total = reduce(torch.add, terms) if terms else None
            if self.norms and total is not None:
                total = self.norms[str(node)](total, active)
            nodes.append(total)
        output = nodes[LAST_NODE]
        return torch.zeros_like(x) if output is None else output

    def _run(
        self, edge: int, y: torch.Tensor | None, x: torch.Tensor, path: Arch, visit: Visit | None
    ) -> torch.Tensor:
        """``edge`` on ``y``, where None is a node at zero of the shape of ``x``."""
        if y is None:
            y = torch.zeros_like(x)
        if visit is not None:
            return visit(edge, self.operators(edge), y)
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
        shadow: Shadow | None = None,
    ):
        super().__init__()
        self.skeleton, self.image, self.affine, self.shadow = skeleton, image, affine, shadow
        self.stages_number = len(skeleton.cells)
        self.fixed_path = tuple(ops[0] for ops in choices) if len(choices[0]) == 1 else None
        widths = skeleton.widths
        self.stem = nn.Sequential(
            nn.Conv2d(image.channels, widths[0], 3, padding=1, bias=False),
            nn.BatchNorm2d(widths[0]),
        )
        reduction = ResidualReduction if skeleton.residual else PoolReduction
        self.reductions = nn.ModuleList(reduction(c // 2, c) for c in widths[1:])
        self.stages = nn.ModuleList(
            nn.ModuleList(Cell(c, choices, affine, shadow) for _ in range(n))
            for c, n in zip(widths, skeleton.cells, strict=True)
        )
        self.head = nn.Sequential(
            nn.BatchNorm2d(widths[-1]), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()
        )
        self.classifier = nn.Linear(widths[-1], image.classes)
        self.to(memory_format=torch.channels_last)

    def begin(self, x: torch.Tensor) -> State:
        return (self.stem(x),)

    def stage(
        self, index: int, state: State, path: Arch | None = None, visit: Visit | None = None
    ) -> State:
        path = self.fixed_path if path is None else path
        live = tuple(range(len(EDGES)))
        if visit is None:
            live = live_edges(path, from_input=not self.affine)
        (x,) = state
        if index:
            x = self.reductions[index - 1](x)
        for cell in self.stages[index]:
            x = cell(x, path, live, visit)
        return (x,)

    def finish(self, state: State) -> torch.Tensor:
        return self.classifier(self.head(state[-1]))

    def subnet(self, arch: Arch) -> CellNetwork:
        choices = [(op,) for op in arch]
        net = CellNetwork(self.skeleton, self.image, choices, self.affine, self.shadow)
        shared = self.state_dict()
        net.load_state_dict({name: shared[name] for name in net.state_dict()})
        net.to(next(self.parameters()).device)
        return net.train(self.training)
