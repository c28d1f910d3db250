"""The DARTS space (Liu et al. 2019): a normal and a reduction cell of four nodes each."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from searchspaces.base import Arch, Cost, ImageSpec, SearchSpace
from searchspaces.darts.cell import (
    NODES,
    OPERATOR_GENES,
    SITES,
    TYPES,
    Genotype,
    arch_of,
    canonical_cell,
    genotype_in,
    genotype_of,
    parse,
)
from searchspaces.darts.relaxation import DARTSRelaxation
from searchspaces.darts.skeleton import Skeleton, network_cost
from searchspaces.diagram import Diagram, Edge, Graph, Node
from searchspaces.errors import UsageError
from searchspaces.skeleton import of_scale

if TYPE_CHECKING:
    from searchspaces.darts.network import DARTSNetwork
    from searchspaces.shadow_bn import ShadowBN

STANDALONE = {
    "cifar": Skeleton(width=36, cells=20),
    "imagenet16": Skeleton(width=36, cells=20),
    "imagenet": Skeleton(width=48, cells=14, stem_stride=8),
    "compact": Skeleton(width=8, cells=2, stages=2, stem_stride=2),
    "proxy": Skeleton(width=16, cells=2, stages=2),
}
SUPERNET = {
    "cifar": Skeleton(width=16, cells=8),
    "imagenet16": Skeleton(width=16, cells=8),
    "imagenet": Skeleton(width=16, cells=8, stem_stride=8),
    "compact": STANDALONE["compact"],
    "proxy": STANDALONE["proxy"],
}


class DARTS(SearchSpace):
    """(180 * 7^8)^2 architectures: per cell type, four nodes with two inputs and operators each.

    Genes: for each cell type and node the operators on its first and second input; from
    ``topology`` on, for each cell type and node but the first, which pair of predecessors these
    inputs are. Methods that treat all operators of a site alike draw the topology once with
    :meth:`sample`. Inputs of a node are in ascending order, so that no two architectures differ
    in that order only.

    Scales: ``cifar`` and ``imagenet`` are the published networks. ``imagenet16`` is ``cifar``'s
    for images of 16x16 pixels, 4x4 in the last of its three stages. The supernets of these scales
    are smaller than the stand-alone networks that :meth:`cost` is about: 8 cells, 16 channels.
    ``compact``, for the embedded task, has one normal and one reduction cell, in both; so has
    ``proxy``, for supernets on photographs of 16x16 pixels, with 16 channels. ``width``
    and ``cells`` (cells per stage) override both; 0 leaves them as they are.
    """

    name = "darts"
    scales = tuple(STANDALONE)
    sites = SITES
    topology = range(OPERATOR_GENES, len(SITES))

    def __init__(self, scale: str = "cifar", width: int = 0, cells: int = 0):
        skeletons = [of_scale(of, scale, self.name) for of in (STANDALONE, SUPERNET)]
        self.scale = scale
        self.standalone_skeleton, self.supernet_skeleton = (
            replace(
                skeleton,
                width=width or skeleton.width,
                cells=cells * skeleton.stages or skeleton.cells,
            )
            for skeleton in skeletons
        )
        if min(self.supernet_skeleton.width, self.standalone_skeleton.width) < 2:
            raise UsageError(
                f"with a width of {width} half a reduction would have no channel; choose 2 or more."
            )

    def shallower(self, share: float) -> tuple[DARTS, float]:
        """Of supernets; a stage keeps one cell at the least."""
        made, skeleton = copy(self), self.supernet_skeleton
        cells = max(skeleton.stages, round(share * skeleton.cells))
        made.supernet_skeleton = replace(skeleton, cells=cells)
        return made, cells / skeleton.cells

    def is_valid(self, arch: Arch) -> bool:
        """Whether the genes are in range: every genotype joins its inputs to its output."""
        return len(arch) == len(self.sites) and all(
            0 <= gene < len(site.operators) for gene, site in zip(arch, self.sites, strict=True)
        )

    def canonical(self, arch: Arch) -> str:
        """The genotype with the nodes of each cell numbered in the smallest way.

        Equal keys are stand-alone networks that differ in the order of channels only; in a
        supernet they are different paths, with weights of their own.
        """
        return str(Genotype(*map(canonical_cell, genotype_of(arch))))

    def encode(self, arch: Arch) -> str:
        """As DARTS prints a genotype, the inputs of each node in ascending order."""
        return str(genotype_of(arch))

    def decode(self, text: str) -> Arch:
        return arch_of(parse(text))

    def read(self, written: Any) -> Arch:
        """Also other prints of a genotype, see :func:`searchspaces.darts.cell.genotype_in`."""
        return arch_of(genotype_in(written))

    def cost(self, arch: Arch, image: ImageSpec) -> Cost:
        return network_cost(self.standalone_skeleton, image, genotype_of(arch))

    def supernet(
        self, image: ImageSpec, *, affine: bool = False, shadow: ShadowBN | None = None
    ) -> DARTSNetwork:
        """``affine`` is about convolutions and reducing skips: pools never have scale and shift.

        Nodes always are the sum of two edges, so that ``shadow`` per count is one BN.
        """
        from searchspaces.darts.network import DARTSNetwork

        skeleton = self.supernet_skeleton
        return DARTSNetwork(skeleton, image, None, affine=affine, norm_pools=True, shadow=shadow)

    def standalone(self, arch: Arch, image: ImageSpec, *, auxiliary: bool = False) -> DARTSNetwork:
        """With ``auxiliary``, an auxiliary head beside what :meth:`cost` counts.

        See :meth:`DARTSNetwork.logits_and_auxiliary`, and its ``drop_probability`` for path drop.
        """
        from searchspaces.darts.network import DARTSNetwork

        skeleton = self.standalone_skeleton
        return DARTSNetwork(
            skeleton, image, arch, affine=True, norm_pools=False, auxiliary=auxiliary
        )

    def relaxation(self) -> DARTSRelaxation:
        return DARTSRelaxation()

    def describe(self, arch: Arch) -> Sequence[str]:
        """One line per node: its operators and what they are of."""
        names = ("the cell before the last", "the last cell", *(f"node {node}" for node in NODES))
        return [
            f"{kind} node {number}: "
            + " + ".join(f"{operator} of {names[source]}" for operator, source in node)
            for kind, cell in zip(TYPES, genotype_of(arch), strict=True)
            for number, node in zip(NODES, cell, strict=True)
        ]

    def diagrams(self, arch: Arch) -> list[Diagram]:
        """Both cells as DARTS draws them: from the two cells before to the concatenation."""
        nodes = tuple(map(Node, ("cₖ₋₂", "cₖ₋₁", "0", "1", "2", "3", "cₖ")))
        graphs: list[Diagram] = []
        for title, cell in zip(("normal cell", "reduction cell"), genotype_of(arch), strict=True):
            chosen = [
                Edge(source, node, operator)
                for node, pair in zip(NODES, cell, strict=True)
                for operator, source in pair
            ]
            joined = [Edge(node, len(nodes) - 1) for node in NODES]
            graphs.append(Graph(title, nodes, (*chosen, *joined)))
        return graphs
