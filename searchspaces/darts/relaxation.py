"""The relaxed cells of DARTS (Liu et al. 2019, section 2.2): every operator on every edge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from searchspaces.base import Arch, Site
from searchspaces.darts.cell import EDGES, NODES, OPERATORS, TYPES, Genotype, arch_of, genotype_of
from searchspaces.relaxation import Relaxation

if TYPE_CHECKING:
    import torch

    from searchspaces.darts.network import DARTSNetwork
    from searchspaces.supernet import SiteHook

NUMBER = {key: n for n, key in enumerate((kind, *edge) for kind in TYPES for edge in EDGES)}


@dataclass(frozen=True)
class DARTSRelaxation(Relaxation):
    """A site per edge: 14 of a normal, then 14 of a reduction cell; a node sums all edges into it.

    The last operator of each is DARTS' ``none``, which is in no architecture.
    """

    sites: tuple[Site, ...] = tuple(
        Site(f"{kind} edge {source} to {node}", (*OPERATORS, "none"))
        for kind, node, source in NUMBER
    )
    nodes: tuple[tuple[int, ...], ...] = tuple(
        tuple(NUMBER[kind, node, source] for source in range(node))
        for kind in TYPES
        for node in NODES
    )

    def logits(self, supernet: DARTSNetwork, x: torch.Tensor, hook: SiteHook) -> torch.Tensor:
        return supernet.relaxed(x, hook)

    def chosen(self, arch: Arch) -> list[tuple[int, int]]:
        return [
            (NUMBER[kind, node, source], OPERATORS.index(operator))
            for kind, cell in zip(TYPES, genotype_of(arch), strict=True)
            for node, pair in zip(NODES, cell, strict=True)
            for operator, source in pair
        ]

    def derive(self, weights: Sequence[np.ndarray]) -> Arch:
        """Section 2.4: per node the two edges whose best operator other than ``none`` weighs most.

        Of equal ones the first.
        """

        def kept(kind: str, node: int) -> list[tuple[str, int]]:
            operators = {source: weights[NUMBER[kind, node, source]][:-1] for source in range(node)}
            strongest = sorted(operators, key=lambda source: -operators[source].max())[:2]
            return [(OPERATORS[operators[s].argmax()], s) for s in sorted(strongest)]

        cells = (tuple(tuple(kept(kind, node)) for node in NODES) for kind in TYPES)
        return arch_of(Genotype(*cells))
