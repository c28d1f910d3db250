"""A supernet that splits into several, each for the architectures with some of a site's operators."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy

import torch
from torch import nn

from searchspaces.architecture import Arch, Path
from searchspaces.supernet import Supernet


class SubSupernets(nn.Module):
    """Until :meth:`divide` the first of ``parts`` has all architectures, from then on its share.

    ``of_gene``: the number of the part that has each operator of ``site``; all numbers from 0 on.
    What holds of a :class:`Supernet` holds of it, for whole networks.
    """

    def __init__(self, first: Supernet, site: int, of_gene: Sequence[int]):
        super().__init__()
        self.site, self.of_gene, self.divided = site, tuple(of_gene), False
        self.parts = nn.ModuleList([first, *(deepcopy(first) for _ in range(max(of_gene)))])

    def divide(self) -> None:
        """Every part inherits the weights and BN statistics of the first."""
        whole, *others = self.parts
        for part in others:
            part.load_state_dict(whole.state_dict())
        self.divided = True

    def part_of(self, path: Path) -> int:
        return self.of_gene[path[self.site]] if self.divided else 0

    def forward(self, x: torch.Tensor, path: Path) -> torch.Tensor:
        return self.parts[self.part_of(path)](x, path)

    def subnet(self, arch: Arch) -> Supernet:
        return self.parts[self.part_of(arch)].subnet(arch)

    def order(self, archs: Sequence[Arch]) -> list[int]:
        """Part by part, in the order of each."""
        return [
            places[place]
            for part, places in self._by_part(archs).items()
            for place in self.parts[part].order([archs[at] for at in places])
        ]

    def together(self, archs: Sequence[Arch]) -> nn.Module | None:
        shares = self._by_part(archs)
        made = [
            self.parts[part].together([archs[at] for at in places])
            for part, places in shares.items()
        ]
        if None in made:
            return None
        return made[0] if len(made) == 1 else Beside(made, list(shares.values()))

    def _by_part(self, archs: Sequence[Arch]) -> dict[int, list[int]]:
        """Positions in ``archs`` by the part that has them."""
        shares: dict[int, list[int]] = {}
        for place, part in sorted(enumerate(map(self.part_of, archs)), key=lambda pair: pair[1]):
            shares.setdefault(part, []).append(place)
        return shares

    def get_extra_state(self) -> torch.Tensor:
        return torch.tensor(self.divided)

    def set_extra_state(self, state: torch.Tensor) -> None:
        self.divided = bool(state)


class Beside(nn.Module):
    """Networks ``made`` of the architectures at ``places``, as one of all of them in their order."""

    def __init__(self, made: Sequence[nn.Module], places: Sequence[Sequence[int]]):
        super().__init__()
        self.made = nn.ModuleList(made)
        self.back = torch.tensor([place for own in places for place in own]).argsort().tolist()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits ``[archs, B, classes]``."""
        logits = [own for network in self.made for own in network(x)]
        return torch.stack([logits[place] for place in self.back])
