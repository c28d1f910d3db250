"""SynFlow: the flow through a network whose weights are all positive (Tanaka et al. 2020)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from methods.lazy import torch
from methods.scorers.scorer import NOTHING, Scorer, ScorerOptions
from methods.scorers.weights import weights

if TYPE_CHECKING:
    from searchspaces.supernet import Supernet


@dataclass(frozen=True)
class SynflowOptions(ScorerOptions):
    """No images are looked at, and those of :class:`ScorerOptions` have no part in the score."""


class Synflow(Scorer):
    """log(1 + Σ |w · ∂R/∂w|) over all convolutions and linear layers; it ranks as the sum does.

    R is the sum of the logits of one image of ones, through the network with the absolute values
    of its parameters: "Pruning neural networks without any data by iteratively conserving synaptic
    flow", eq. 2. Without biases each layer's part of the sum is R, the sum over all paths of the
    products of their weights. As the code of Abdelfattah et al. (2021) has it, without batch
    normalisation and in float64; a deep network overflows float32. 0 where nothing flows.
    """

    Options = SynflowOptions
    lowest = 0.0
    of_function = True
    sees = NOTHING

    def measure(self, network: Supernet, images: torch.Tensor, labels: torch.Tensor) -> float:
        return math.log1p(flow(network, torch.ones_like(images[:1])))


def flow(network: torch.nn.Module, image: torch.Tensor) -> float:
    """Σ |w · ∂R/∂w| for ``image`` ``[1, C, H, W]``. The network is left with other parameters."""
    from methods.scorers.watching import WithoutNorms

    network = network.double().eval()  # dropout and the like would block the flow
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.abs_()
    with WithoutNorms():
        out = network(image.double()).sum()
    own = weights(network)
    found = torch.autograd.grad(out, own, allow_unused=True) if out.requires_grad else ()
    pairs = zip(own, found, strict=False)
    return float(sum((w.detach() * g).sum() for w, g in pairs if g is not None))
