"""Shadow batch normalisation (MixPath, Chu et al., section 3.3): a BN for every way to be summed.

Features of k summed paths are about k times as large as those of one, so that one set of
statistics cannot serve all sums. As in the released code, each BN has a scale and a shift of its
own too; without, recalibrated statistics would make all of them one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

import torch
from torch import nn

Active = tuple[int, ...]


@dataclass(frozen=True)
class ShadowBN:
    """Which sums share a BN.

    ``per``: ``count`` of active paths, or ``subset``, which they are. ``most``: paths that a site
    of a chain may activate; in cells, where paths are the edges into a node, the cell decides.
    ``missing``: no BN at all where paths meet, and a biased convolution, as the released code
    runs NAS-Bench-101.
    """

    per: str = "count"
    most: int = 2
    missing: bool = False

    def key(self, active: Active) -> str:
        return str(len(active)) if self.per == "count" else "-".join(map(str, active))

    def norm(
        self, candidates: Sequence[int], sizes: Iterable[int], build: Callable[[], nn.Module]
    ) -> ShadowNorm:
        """For sums of so many of the ``candidates`` as ``sizes`` says."""
        sums = [chosen for size in sizes for chosen in combinations(candidates, size)]
        return ShadowNorm(self, {self.key(chosen): build() for chosen in sums})


class ShadowNorm(nn.Module):
    """The BN of the paths that are active."""

    def __init__(self, shadow: ShadowBN, norms: dict[str, nn.Module]):
        super().__init__()
        self.shadow = shadow
        self.norms = nn.ModuleDict(norms)

    def of(self, active: Active) -> nn.Module:
        return self.norms[self.shadow.key(active)]

    def forward(self, x: torch.Tensor, active: Active) -> torch.Tensor:
        """``x``: the sum over ``active``, in ascending order."""
        return self.of(active)(x)
