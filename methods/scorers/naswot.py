"""NASWOT: whether images switch on different ReLUs (Mellor et al. 2021)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from methods.lazy import torch
from methods.scorers.scorer import IMAGES, Scorer, ScorerOptions, images

if TYPE_CHECKING:
    from searchspaces.supernet import Supernet


@dataclass(frozen=True)
class NASWOTOptions(ScorerOptions):
    images: int = images(128)


class NASWOT(Scorer):
    """log |det K|, where K counts for each two images the ReLUs that treat both alike.

    "Neural architecture search without training" (ICML 2021), eq. 1 and 2: K = N - the Hamming
    distance of the binary codes of the inputs of all ReLUs, N of them in all; 128 images, BNs in
    training mode, as in the released code.
    """

    Options = NASWOTOptions
    sees = IMAGES

    def measure(self, network: Supernet, images: torch.Tensor, labels: torch.Tensor) -> float:
        return float(torch.linalg.slogdet(kernel(network, images))[1])


def kernel(network: Supernet, images: torch.Tensor) -> torch.Tensor:
    """K ``[B, B]``, float64."""
    from methods.scorers.watching import RELUS, Watching

    total = torch.zeros(len(images), len(images), dtype=torch.float64, device=images.device)

    def see(given: torch.Tensor, output: torch.Tensor) -> None:
        on = (given.flatten(1) > 0).to(torch.float32)  # counts up to 2^24 are exact
        both, each = on @ on.T, on.sum(1)
        alike = on.shape[1] - each[:, None] - each[None] + 2 * both
        total.add_(alike.double())

    with torch.no_grad(), Watching(RELUS, see):
        network(images)
    return total
