"""NAS-Bench-101 (Ying et al. 2019): cells of at most seven vertices and nine edges."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from searchspaces.base import Arch, Cost, ImageSpec, SearchSpace, Site
from searchspaces.diagram import Diagram, Edge, Graph, Node
from searchspaces.errors import UsageError
from searchspaces.nb101.cell import (
    CONV3,
    EDGES,
    GENE,
    GENES,
    INPUT,
    INTERIOR,
    MAX_EDGES,
    OPERATORS,
    OUTPUT,
    POOL,
    Cell,
    canonical_genes,
    decode_cell,
    encode_cell,
    genes_of_key,
    live_cell,
    module_hash,
    placed,
    require_cell,
)
from searchspaces.nb101.classes import (
    CLASSES,
    canonical_keys,
    class_keys,
    genes_of_strings,
)
from searchspaces.nb101.skeleton import Holding, Skeleton, network_cost
from searchspaces.nb101.specs import genes_of_spec
from searchspaces.skeleton import of_scale

if TYPE_CHECKING:
    from searchspaces.nb101.network import NASBench101Network
    from searchspaces.shadow_bn import ShadowBN

SKELETONS = {
    "benchmark": Skeleton(width=128, cells=(3, 3, 3), momentum=0.003),
    "compact": Skeleton(width=16, cells=(1,), momentum=0.1, normed=True),
    "proxy": Skeleton(width=32, cells=(1,), momentum=0.1, normed=True),
}


class CellSpace(SearchSpace):
    """Base of the spaces whose architectures are cells of NAS-Bench-101.

    A subclass says which :meth:`genes` an architecture has, and which operators and projections
    its supernet holds: ``holding``. ``benchmark`` is the table's own network. ``compact`` is for
    small images: a single cell of 16 channels at full resolution, and a BN behind it, for want of
    which some cells would die in the first steps. ``proxy``, for supernets on photographs of 16x16
    pixels, is the same with 32 channels. ``width`` and ``cells`` (cells per stage) override the
    scale; 0 leaves it as it is.
    """

    scales = tuple(SKELETONS)
    holding: Holding

    def __init__(self, scale: str = "benchmark", width: int = 0, cells: int = 0):
        self.skeleton = of_scale(SKELETONS, scale, self.name).resized(width, cells)
        fewest = MAX_EDGES // 2  # so many vertices can share the channels of the output
        if width and width < fewest:
            raise UsageError(
                f"with a width of {width} some vertices of {self.name} would have no channel; "
                f"choose {fewest} or more."
            )
        self.scale = scale

    @abstractmethod
    def genes(self, arch: Arch) -> Arch:
        """The 26 genes of ``arch`` (see :mod:`searchspaces.nb101.cell`)."""

    def cell(self, arch: Arch) -> Cell:
        """The live cell; raises :class:`UsageError` where ``arch`` is not valid."""
        return require_cell(self.genes(arch))

    def is_valid(self, arch: Arch) -> bool:
        """Whether the genes are in range and the live cell exists, with at most nine edges."""
        if len(arch) != len(self.sites) or not all(
            0 <= gene < len(site.operators) for gene, site in zip(arch, self.sites, strict=True)
        ):
            return False
        cell = live_cell(self.genes(arch))
        return cell is not None and cell.edges <= MAX_EDGES

    def canonical(self, arch: Arch) -> str:
        """The benchmark's ``module_hash``."""
        return module_hash(self.genes(arch))

    def cost(self, arch: Arch, image: ImageSpec) -> Cost:
        return network_cost(self.skeleton, image, self.cell(arch))

    def extremes(self, image: ImageSpec, starts: int = 100) -> tuple[Arch, Arch]:
        """From so many architectures, since a vertex costs what the wiring makes it wide."""
        return super().extremes(image, starts)

    def supernet(
        self, image: ImageSpec, *, affine: bool = False, shadow: ShadowBN | None = None
    ) -> NASBench101Network:
        from searchspaces.nb101.network import NASBench101Network

        return NASBench101Network(self.skeleton, image, self.holding, self.cell, affine, shadow)

    def standalone(self, arch: Arch, image: ImageSpec) -> NASBench101Network:
        from searchspaces.nb101.network import NASBench101Network

        holding = Holding.of(self.cell(arch))
        return NASBench101Network(self.skeleton, image, holding, self.cell, affine=True)

    def describe(self, arch: Arch) -> Sequence[str]:
        """One line for each live vertex and the output: operator and where its input is from."""
        cell = self.cell(arch)
        names = {INPUT: "input"} | {v.slot: f"vertex {v.slot}" for v in cell.vertices}
        wired = [(names[v.slot], OPERATORS[v.operator], v.parents) for v in cell.vertices]
        return [
            f"{name}: {what} of {', '.join(names[slot] for slot in parents)}"
            for name, what, parents in [*wired, ("output", "concatenation", cell.output)]
        ]

    def diagrams(self, arch: Arch) -> list[Diagram]:
        """The live cell, its operators named without the BN and ReLU that all of them have."""
        cell = self.cell(arch)
        parents = {v.slot: v.parents for v in cell.vertices} | {OUTPUT: cell.output}
        number = {slot: n for n, slot in enumerate((INPUT, *parents))}
        names = (OPERATORS[v.operator].removesuffix("-bn-relu") for v in cell.vertices)
        nodes = (Node("input"), *(Node(name, operator=True) for name in names), Node("output"))
        edges = (Edge(number[s], number[t]) for t, sources in parents.items() for s in sources)
        return [Graph("cell", nodes, tuple(edges))]


class NASBench101(CellSpace):
    """The full space: 423,624 cells up to isomorphism.

    Whatever this space returns is in its canonical labelling, so that isomorphic cells are equal
    tuples; any other labelling is valid too and stands for the network built in its own order
    (which vertices get a remainder of channels depends on it). Sampling is uniform over the
    423,624 classes, not over matrices, which would favour cells with many labellings; it needs no
    table. The genes from ``topology`` on wire the cell: methods that treat all operators of a site
    alike draw them once with :meth:`sample`.
    """

    name = "nb101"
    sites = tuple(Site(f"vertex {slot}", OPERATORS) for slot in range(1, OUTPUT)) + tuple(
        Site(f"edge {target}<-{source}", ("none", "edge")) for source, target in EDGES
    )
    topology = range(INTERIOR, GENES)
    holding = Holding(
        {slot: tuple(range(len(OPERATORS))) for slot in range(1, OUTPUT)},
        tuple(range(1, OUTPUT + 1)),
    )

    @property
    def size(self) -> int:
        return CLASSES

    def genes(self, arch: Arch) -> Arch:
        return arch

    def active_sites(self, arch: Arch) -> tuple[int, ...]:
        """The vertices of the live cell, and all edges."""
        return (*(vertex.slot - 1 for vertex in self.cell(arch).vertices), *self.topology)

    def encode(self, arch: Arch) -> str:
        """The canonical labelling as :func:`~searchspaces.nb101.cell.encode_cell` writes it."""
        return encode_cell(canonical_genes(arch))

    def decode(self, text: str) -> Arch:
        """The canonical labelling of the cell that ``text`` describes in any labelling."""
        return canonical_genes(decode_cell(text))

    def read(self, written: Any) -> Arch:
        """Also an adjacency matrix with operators, see :mod:`searchspaces.nb101.specs`."""
        return genes_of_spec(written) or super().read(written)

    def canonical_keys(self, texts: Sequence[str]) -> Sequence[Hashable]:
        try:
            return canonical_keys(genes_of_strings(texts)).tolist()
        except (LookupError, ValueError, UsageError):
            return super().canonical_keys(texts)  # which says what is wrong with which text

    def extremes(self, image: ImageSpec, starts: int = 0) -> tuple[Arch, Arch]:
        """The smallest is four max poolings in a row that share the output, the largest a chain.

        Of the former only the first needs a projection of the input, of a quarter of the channels;
        a fifth would need a tenth edge. The latter is of five 3x3 convolutions: all have all the
        channels, since one alone feeds the output. Each of the three edges that are left projects
        the input once more, to whichever vertices.
        """
        row = [(slot, slot + 1) for slot in range(4)] + [(slot, OUTPUT) for slot in range(1, 5)]
        chain = [(slot, slot + 1) for slot in range(OUTPUT)]
        spare = [(INPUT, slot) for slot in range(2, 2 + MAX_EDGES - len(chain))]
        return _wired(row, POOL), _wired([*chain, *spare], CONV3)

    def sample(self, rng: np.random.Generator) -> Arch:
        keys = class_keys()
        return genes_of_key(int(keys[rng.integers(len(keys))]))

    def mutate(self, arch: Arch, rng: np.random.Generator, rate: float = 0.1) -> Arch:
        """Each gene redrawn with probability ``rate``, all anew until the cell is valid.

        The genes are those of :func:`_with_spares`.
        """
        while True:
            fresh = [int(rng.integers(len(site.operators))) for site in self.sites]
            hit = rng.random(GENES) < rate
            old = _with_spares(arch, rng)
            child = tuple(f if h else g for g, f, h in zip(old, fresh, hit, strict=True))
            if self.is_valid(child):
                return canonical_genes(child)

    def neighbour(self, arch: Arch, rng: np.random.Generator) -> Arch:
        """Another cell, one gene of :func:`_with_spares` away: an operator or an edge."""
        old = _with_spares(arch, rng)
        changes = [
            (*old[:gene], other, *old[gene + 1 :])
            for gene, site in enumerate(self.sites)
            for other in range(len(site.operators))
            if other != old[gene]
        ]
        return next(
            child
            for index in rng.permutation(len(changes))
            if self.is_valid(changes[index])
            and (child := canonical_genes(changes[index])) != canonical_genes(arch)
        )

    def crossover(self, first: Arch, second: Arch, rng: np.random.Generator) -> Arch:
        """Each gene from either parent with probability one half, anew until the cell is valid."""
        while True:
            child = super().crossover(first, second, rng)
            if self.is_valid(child):
                return canonical_genes(child)


def _wired(edges: Sequence[tuple[int, int]], operator: int) -> Arch:
    """The cell with these edges, all of whose vertices are of one ``operator``."""
    genes = [operator] * INTERIOR + [0] * len(EDGES)
    for edge in edges:
        genes[GENE[edge]] = 1
    return canonical_genes(tuple(genes))


def _with_spares(arch: Arch, rng: np.random.Generator) -> Arch:
    """The live cell of ``arch`` in random slots, the other slots hanging from it by one edge.

    These spare vertices have random operators and feed nothing: a single edge more brings one to
    life. Without them cells would lose vertices more easily than gain any.
    """
    cell = require_cell(arch)
    slots = sorted((rng.permutation(INTERIOR)[: len(cell.vertices)] + 1).tolist())
    genes = list(placed(cell, tuple(slots)))
    for spare in sorted({*range(1, OUTPUT)} - {*slots}):
        parents = [INPUT, *(slot for slot in slots if slot < spare)]
        genes[spare - 1] = int(rng.integers(len(OPERATORS)))
        genes[GENE[parents[rng.integers(len(parents))], spare]] = 1
    return tuple(genes)
