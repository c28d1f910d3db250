"""All operators of a supernet in one pass, which gradient-based methods mix."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch

    from searchspaces.architecture import Arch, Site
    from searchspaces.supernet import SiteHook, Supernet


@dataclass(frozen=True)
class Relaxation:
    """What a pass visits, and what architectures are in terms of it.

    ``sites``: in the order in which a hook numbers them, with their operators in the order in
    which it gets them. Here they are those of the space, none of which is about wiring.
    ``nodes``: of each node that sums edges of equal width, the sites that are these edges; none
    where sites are no edges.
    """

    sites: tuple[Site, ...]
    nodes: tuple[tuple[int, ...], ...] = ()

    def logits(self, supernet: Supernet, x: torch.Tensor, hook: SiteHook) -> torch.Tensor:
        """``[B, classes]``, with ``hook`` called at every site of every cell or layer."""
        last = tuple(len(site.operators) - 1 for site in self.sites)  # a "none" may drop the site
        return supernet.features(x, last, hook)[1]

    def chosen(self, arch: Arch) -> list[tuple[int, int]]:
        """Site and operator of everything that ``arch`` runs."""
        return list(enumerate(arch))

    def derive(self, weights: Sequence[np.ndarray]) -> Arch:
        """The architecture of the largest of ``weights``, one per operator of each site."""
        return tuple(int(site.argmax()) for site in weights)
