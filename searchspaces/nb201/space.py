"""NAS-Bench-201 (Dong & Yang 2020): one cell of four nodes and six edges, five operators each."""

from __future__ import annotations

import re
from copy import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from searchspaces.base import Arch, Cost, ImageSpec, SearchSpace, Site
from searchspaces.diagram import Diagram, Edge, Graph, Node
from searchspaces.errors import AmbiguousWriting, UsageError
from searchspaces.literals import check_operators, literal
from searchspaces.nb201.alike import representative
from searchspaces.nb201.cell import (
    CONV3,
    EDGES,
    INTO,
    LAST_NODE,
    NONE,
    OPERATORS,
    SKIP,
    live_edges,
    routes_through,
    unique_string,
)
from searchspaces.nb201.skeleton import Skeleton, network_cost
from searchspaces.relaxation import Relaxation
from searchspaces.skeleton import of_scale

if TYPE_CHECKING:
    from searchspaces.nb201.network import CellNetwork
    from searchspaces.shadow_bn import ShadowBN

SKELETONS = {
    "benchmark": Skeleton(width=16, cells=(5, 5, 5), residual=True),
    "compact": Skeleton(width=8, cells=(1, 1), residual=False),
    "proxy": Skeleton(width=24, cells=(1, 1, 1), residual=False),
}
_TUPLES = re.compile(
    r"\[\(\('(\w+)', 0\),\), \(\('(\w+)', 0\), \('(\w+)', 1\)\), "
    r"\(\('(\w+)', 0\), \('(\w+)', 1\), \('(\w+)', 2\)\)\]"
)
_STRING = re.compile(r"\|(\w+)~0\|\+\|(\w+)~0\|(\w+)~1\|\+\|(\w+)~0\|(\w+)~1\|(\w+)~2\|")


class NASBench201(SearchSpace):
    """The topology space of NAS-Bench-201 at one of the named scales.

    ``benchmark`` is the table's own network (C=16, N=5, residual reductions, 3 stages).
    ``compact`` is for small images: two stages of one cell, 8 channels, and a reduction that only
    pools. With the benchmark's residual blocks in so small a network the fixed part does the work
    and architectures hardly differ. More cells separate no better and cost more: on the embedded
    task two trainings of 24 architectures agreed with τ 0.83 with one cell per stage and 0.76 with
    two; four epochs instead of six cost a third less and leave 0.79 to 0.81.

    ``proxy`` is for supernets on photographs of 16x16 pixels: the same weak reductions between the
    benchmark's three stages, of one cell and 24 channels.

    ``width`` and ``cells`` (cells per stage) override the scale; 0 leaves it as it is.
    """

    name = "nb201"
    scales = tuple(SKELETONS)
    sites = tuple(Site(f"edge {target}<-{source}", OPERATORS) for target, source in EDGES)

    def __init__(self, scale: str = "benchmark", width: int = 0, cells: int = 0):
        self.skeleton = of_scale(SKELETONS, scale, self.name).resized(width, cells)
        self.scale = scale

    def shallower(self, share: float) -> tuple[NASBench201, float]:
        """A stage keeps one cell at the least."""
        made, cells = copy(self), self.skeleton.cells
        fewer = tuple(max(1, round(share * number)) for number in cells)
        made.skeleton = replace(self.skeleton, cells=fewer)
        return made, sum(fewer) / sum(cells)

    def relaxation(self) -> Relaxation:
        return Relaxation(self.sites, tuple(INTO.values()))

    def is_valid(self, arch: Arch) -> bool:
        """False for the 341 cells whose output never depends on their input."""
        known = len(arch) == len(EDGES) and all(op in range(len(OPERATORS)) for op in arch)
        return known and bool(live_edges(arch))

    def routes(self, arch: Arch) -> tuple[int, ...]:
        """By it ABS weighs an edge; 0 where the edge joins nothing."""
        return routes_through(arch)

    def active_sites(self, arch: Arch) -> tuple[int, ...]:
        """Edges that lead to the output; also from nodes at zero, to which BN adds its shift."""
        return live_edges(arch, from_input=False)

    def canonical(self, arch: Arch) -> str:
        return unique_string(arch, zeros=True)

    def representative(self, arch: Arch) -> Arch:
        """As initialised BN shifts by 0, so that what starts at a node at zero adds nothing."""
        return representative(arch)

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
        if named := _STRING.fullmatch(text):
            check_operators(named.groups(), OPERATORS, "a cell of NAS-Bench-201")
        raise UsageError(
            f"'{text[:120]}' is not a NAS-Bench-201 architecture; write for instance "
            f"'{self.encode((3, 0, 3, 1, 0, 3))}'."
        )

    def read(self, written: Any) -> Arch:
        """Also ``Structure(4 nodes with |...|)``, and tuples of operator and source per node.

        The latter are those of AutoDL-Projects, ``[(('none', 0),), (('none', 0), ('none', 1)),
        ...]``. Inputs of a node may be in any order. Numbers of operators, and lists of their
        names, are ambiguous: codes count operators and edges in different orders.
        """
        text = str(written).strip()
        printed = _TUPLES.fullmatch(text)
        if printed is not None and set(printed.groups()) <= set(OPERATORS):
            return tuple(map(OPERATORS.index, printed.groups()))  # in a tenth of the time
        within = re.fullmatch(r"\w*Structure\((?:\d+ nodes with )?(.*)\)", text)
        inner = within[1] if within else written
        try:
            if isinstance(inner, str) and "~" in inner:
                raise ValueError("no nested tuples")
            nodes = literal(inner) if isinstance(inner, str) else inner
        except ValueError:
            nodes = [re.findall(r"(\w+)~(\d)", node) for node in inner.split("+")]
            if inner != "+".join(f"|{'|'.join(map('~'.join, node))}|" for node in nodes):
                nodes = None
        if re.fullmatch("[0-4]{6}", text) or _is_flat(nodes):
            raise AmbiguousWriting(
                f"'{text[:120]}' numbers or lists the operators of six edges, and the orders of "
                "operators and edges differ between codes; write for instance "
                f"'{self.encode((3, 0, 3, 1, 0, 3))}'."
            )
        try:
            ordered = [sorted((int(source), str(name)) for name, source in node) for node in nodes]
        except (TypeError, ValueError):
            return self.decode(text)
        terms = ([f"{name}~{source}" for source, name in node] for node in ordered)
        return self.decode("+".join(f"|{'|'.join(node)}|" for node in terms))

    def cost(self, arch: Arch, image: ImageSpec) -> Cost:
        return network_cost(self.skeleton, image, arch)

    def extremes(self, image: ImageSpec, starts: int = 0) -> tuple[Arch, Arch]:
        """The smallest is a single skip from input to output, the largest has 3x3 convolutions only.

        As many multiply-adds as the former has every valid cell without a convolution.
        """
        through = EDGES.index((LAST_NODE, 0))
        smallest = tuple(SKIP if edge == through else NONE for edge in range(len(EDGES)))
        return smallest, (CONV3,) * len(EDGES)

    def supernet(
        self, image: ImageSpec, *, affine: bool = False, shadow: ShadowBN | None = None
    ) -> CellNetwork:
        from searchspaces.nb201.network import CellNetwork

        choices = [range(len(OPERATORS))] * len(EDGES)
        return CellNetwork(self.skeleton, image, choices, affine, shadow)

    def standalone(self, arch: Arch, image: ImageSpec) -> CellNetwork:
        from searchspaces.nb201.network import CellNetwork

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


def _is_flat(nodes: Any) -> bool:
    """Whether this is one operator for each edge, by number or name."""
    return (
        isinstance(nodes, list | tuple)
        and len(nodes) == len(EDGES)
        and all(isinstance(operator, int | str) for operator in nodes)
    )
