"""PC-DARTS: partial channel connections (Xu et al., ICLR 2020, arXiv:1907.05737).

A rival. Operators run on 1/K of the channels of their input; the others pass by (section 3.2,
equation 1), and behind it the channels are shuffled, so that the next edge takes others. What the
fewer channels make unsteady, edge normalisation steadies: the edges into a node are weighed by the
softmax of parameters of their own (section 3.3, equation 2). For the first of the steps the weights
learn alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING

from methods.darts import DARTS, DARTSOptions
from methods.lazy import functional, torch
from methods.options import option
from methods.partial_channels import narrowed, places_of
from searchspaces.base import Arch, SearchSpace
from searchspaces.errors import UsageError

if TYPE_CHECKING:
    from searchspaces.supernet import Operator, SiteHook, Supernet

NONE = "none"


@dataclass(frozen=True)
class PCDARTSOptions(DARTSOptions):
    """Section 4.2, of CIFAR-10."""

    arch_lr: float = option(6e-4, "learning rate of the architecture parameters")
    parts: int = option(4, "K: operators run on one of so many parts of the channels")
    alone: float = option(0.3, "share of the steps, the first, in which weights learn alone")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.parts < 1 or not 0 <= self.alone < 1:
            raise UsageError("--options.parts is at least 1, --options.alone from 0 to below 1.")


class PCDARTS(DARTS):
    """Raises :class:`UsageError` where no edges meet in nodes, or widths have no K parts."""

    Options = PCDARTSOptions
    weights_are = "inherited from the supernet, whose operators see a part of the channels"

    @classmethod
    def weights_alone(cls, options: PCDARTSOptions) -> float:
        return options.alone

    @classmethod
    def paths_per_pass(cls, options: PCDARTSOptions, space: SearchSpace) -> float:
        """A K-th of DARTS's: what the operators read. Convolutions that mix channels take less."""
        return super().paths_per_pass(options, space) / options.parts

    def build(self) -> Supernet:
        """Its operators have 1/K of their channels."""
        if not self.relaxation.nodes:
            raise UsageError(
                f"in {self.space.name} no edges of equal width meet in nodes, and PC-DARTS weighs "
                "these; use another method there."
            )
        network = super().build()
        self.places = places_of(self.relaxation, network, self.data.image)
        for name in self.places:
            network.set_submodule(name, narrowed(network.get_submodule(name), self._part))
        return network.to(memory_format=torch.channels_last).train()

    def _part(self, channels: int) -> int:
        if channels % self.options.parts:
            raise UsageError(
                f"{self.space.name} has layers of {channels} channels here, which cannot be parted "
                f"by --options.parts {self.options.parts}; choose that or --supernet.width."
            )
        return int(channels // self.options.parts)

    def further_parameters(self) -> list[torch.Tensor]:
        """Of the edges into each node."""
        self.betas = [
            torch.zeros(len(edges), device=self.setting.device, requires_grad=True)
            for edges in self.relaxation.nodes
        ]
        return self.betas

    def log_edges(self) -> dict[int, torch.Tensor]:
        """By site, the logarithm of its share in the node that it leads to."""
        pairs = zip(self.relaxation.nodes, self.betas, strict=True)
        return {
            edge: share
            for edges, beta in pairs
            for edge, share in zip(edges, beta.log_softmax(0), strict=True)
        }

    def log_shares(self) -> list[torch.Tensor]:
        """An operator is worth its own weight times its edge's."""
        edges = self.log_edges()
        return [alpha.log_softmax(0) + edges[site] for site, alpha in enumerate(self.alphas)]

    def mixture(self, step: int) -> SiteHook:
        return self.parted(super().mixture(step), self.log_edges())

    def parted(self, inner: SiteHook, edges: Mapping[int, torch.Tensor]) -> SiteHook:
        """``inner`` on a part of the channels, weighed as :meth:`log_edges` has it in ``edges``."""
        parts = self.options.parts

        def hook(site: int, operators: Sequence[Operator], x: torch.Tensor) -> torch.Tensor:
            own = x.shape[1] // parts
            out, rest = inner(site, operators, x[:, :own]), x[:, own:]
            if out.shape[2:] != rest.shape[2:]:
                rest = functional.max_pool2d(rest, 2, ceil_mode=True)
            whole = torch.cat((out, rest), 1)
            return edges[site].exp() * whole.unflatten(1, (parts, own)).transpose(1, 2).flatten(
                1, 2
            )

        return hook

    def network_of(self, arch: Arch) -> torch.nn.Module:
        """A pass of the supernet in which edges run what ``arch`` has there, or give nothing.

        Operators see a part of the channels and edges have their shares, as in the training.
        """
        from searchspaces.hooked import Hooked

        chosen = dict(self.relaxation.chosen(arch))
        names = [site.operators for site in self.relaxation.sites]
        edges = {site: share.detach() for site, share in self.log_edges().items()}
        run = self.parted(lambda site, operators, x: operators[chosen[site]](x), edges)

        def hook(site: int, operators: Sequence[Operator], x: torch.Tensor) -> torch.Tensor:
            name = names[site][chosen[site]] if site in chosen else NONE
            if name != NONE:
                return run(site, operators, x)
            return operators[names[site].index(NONE)](x)

        network = deepcopy(self.supernet)
        for name, (site, number) in self.places.items():
            if chosen.get(site) != number:
                network.set_submodule(name, torch.nn.Identity())
        return Hooked(network, self.relaxation, hook)
