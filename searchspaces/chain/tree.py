"""Many architectures of a chain as one network, in which a block runs once per distinct prefix.

What a layer puts out depends on the layers in front of it only, and so do the statistics that its
BNs gather over given batches. Architectures that begin alike can therefore share the beginning in
every BN mode: with statistics of the batch, with running ones, and with cumulative averages.

Memory of a forward pass: the outputs of the blocks along one architecture for one batch, whatever
the number of architectures, and the logits of all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from itertools import groupby
from typing import Protocol

import torch
from torch import nn

from searchspaces.base import Arch
from searchspaces.supernet import with_own_norms

Step = tuple[int, int]  # a layer, and the gene there
Steps = tuple[Step, ...]


class Links(Protocol):
    """A chain of which every part is to be had as a network of its own, with copied weights."""

    def steps(self, arch: Arch) -> Steps:
        """What ``arch`` runs between stem and head; layers that change nothing are left out."""

    def link(self, layer: int, gene: int) -> nn.Module:
        """What a step runs."""

    def ends(self) -> tuple[nn.Module, nn.Module]:
        """The stem, and the head with the classifier."""


def prefixes(chains: Sequence[Steps]) -> set[Steps]:
    """The distinct beginnings of ``chains``, one for each block that a tree of them runs."""
    return {chain[:length] for chain in chains for length in range(1, len(chain) + 1)}


class PrefixTree(nn.Module):
    """Logits ``[archs, B, classes]`` of all ``archs`` for images ``[B, C, H, W]``.

    Each prefix has BN statistics of its own; weights are shared, and are copies of the supernet's.
    """

    def __init__(self, supernet: Links, archs: Sequence[Arch]):
        super().__init__()
        chains = [supernet.steps(arch) for arch in archs]
        distinct = sorted(set(chains))  # the order in which a walk meets their ends
        row = {chain: number for number, chain in enumerate(distinct)}
        self.rows = [row[chain] for chain in chains]
        stem, head = supernet.ends()
        self.root = _grow(stem, head, cache(supernet.link), distinct, 0)
        self._distinct = tuple(self.modules())

    def train(self, mode: bool = True) -> PrefixTree:
        """As of any module, without meeting shared parts once for each prefix."""
        for part in self._distinct:
            part.__dict__["training"] = mode
        return self

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits = self.root(x)
        return torch.stack([logits[row] for row in self.rows])


class _Prefix(nn.Module):
    """The last block of a prefix, the head if an architecture ends there, and what continues it."""

    def __init__(self, block: nn.Module, head: nn.Module | None, longer: Sequence[_Prefix]):
        super().__init__()
        self.block, self.head, self.longer = block, head, nn.ModuleList(longer)

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        x = self.block(x)
        logits = [self.head(x)] if self.head is not None else []
        for prefix in self.longer:
            logits += prefix(x)
        return logits


def _grow(
    block: nn.Module,
    head: nn.Module,
    link: Callable[[int, int], nn.Module],
    chains: Sequence[Steps],
    length: int,
) -> _Prefix:
    """The prefix of ``length`` steps that all of ``chains``, sorted and distinct, have in common."""
    ends = len(chains[0]) == length
    return _Prefix(
        with_own_norms(block),
        with_own_norms(head) if ends else None,
        [
            _grow(link(*step), head, link, list(longer), length + 1)
            for step, longer in groupby(chains[ends:], lambda chain: chain[length])
        ],
    )
