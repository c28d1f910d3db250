"""What each operator of a relaxed supernet costs: the latency term of ProxylessNAS and FBNet.

These look up milliseconds that they measured on a phone. Multiply-adds, which are the same on every
machine, stand for them here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from methods.lazy import torch
from searchspaces.base import ImageSpec
from searchspaces.relaxation import Relaxation

if TYPE_CHECKING:
    from searchspaces.supernet import Operator, Supernet


def operator_madds(
    relaxation: Relaxation, network: Supernet, image: ImageSpec
) -> list[torch.Tensor]:
    """Per site, ``[operators]``: multiply-adds for one image, of all cells that have the site."""
    from torch.utils.flop_counter import FlopCounterMode

    costs = [torch.zeros(len(site.operators)) for site in relaxation.sites]

    def hook(site: int, operators: Sequence[Operator], x: torch.Tensor) -> torch.Tensor:
        for number, operator in enumerate(operators):
            before = counter.get_total_flops()
            out = operator(x)
            costs[site][number] += (counter.get_total_flops() - before) / 2  # it counts both
        return out

    device, training = next(network.parameters()).device, network.training
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        images = torch.zeros(1, image.channels, image.size, image.size, device=device)
        relaxation.logits(network.eval(), images, hook)
    network.train(training)
    return [of.to(device) for of in costs]


def expected(costs: Sequence[torch.Tensor], weights: Sequence[torch.Tensor]) -> torch.Tensor:
    """The cost, a scalar, of a network whose operators are weighed so; of each site ``[operators]``."""
    return torch.stack([c @ w for c, w in zip(costs, weights, strict=True)]).sum()
