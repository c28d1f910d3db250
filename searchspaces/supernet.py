"""The calls that training, ranking and distillation make on a network with shared weights."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from copy import copy
from typing import TypeVar

import torch
from torch import nn

from searchspaces.architecture import Arch, Path

State = tuple[torch.Tensor, ...]
Operator = Callable[[torch.Tensor], torch.Tensor]
SiteHook = Callable[[int, Sequence[Operator], torch.Tensor], torch.Tensor]
Network = TypeVar("Network", bound=nn.Module)


class Supernet(nn.Module, ABC):
    """All operators of a space with shared weights; one forward pass activates one path.

    A stand-alone network is the same class holding a single operator per choice site; its path is
    then fixed and may be left out.

    What :meth:`begin` and :meth:`stage` return is the input of the next stage; its last tensor
    ``[B, C_s, H_s, W_s]`` is the output of the stage.

    A ``hook`` takes the place of the operators: it is called at each choice site of each cell or
    layer with the number of the site, its operators in the order of the genes and the site's
    input, and returns the site's output. Genes that wire a cell still come from ``path``.
    """

    stages_number: int

    def forward(self, x: torch.Tensor, path: Path | None = None) -> torch.Tensor:
        """Logits ``[B, classes]`` of ``path`` for images ``[B, C, H, W]``."""
        return self.features(x, path)[1]

    def features(
        self, x: torch.Tensor, path: Path | None = None, hook: SiteHook | None = None
    ) -> tuple[list[torch.Tensor], torch.Tensor]:
        """Stage outputs, each ``[B, C_s, H_s, W_s]``, and logits ``[B, classes]``."""
        state, outputs = self.begin(x), []
        for index in range(self.stages_number):
            state = self.stage(index, state, path, hook)
            outputs.append(state[-1])
        return outputs, self.finish(state)

    @abstractmethod
    def begin(self, x: torch.Tensor) -> State:
        """What the stem makes of images ``[B, C, H, W]``."""

    @abstractmethod
    def stage(
        self, index: int, state: State, path: Path | None = None, hook: SiteHook | None = None
    ) -> State:
        """Stage ``index`` of ``path``, with the reduction in front of it."""

    def stage_parts(self, index: int) -> Sequence[nn.Module]:
        """What stage ``index`` trains and no other stage, stem or classifier does.

        Empty where a space does not tell its stages apart.
        """
        return ()

    def chosen(self, path: Path) -> dict[int, list[nn.Module]]:
        """By choice site what the operators of ``path`` train, in each cell or layer of a site.

        Empty where a space does not tell its operators apart.
        """
        return {}

    @abstractmethod
    def finish(self, state: State) -> torch.Tensor:
        """Logits ``[B, classes]`` from the state after the last stage."""

    @abstractmethod
    def subnet(self, arch: Arch) -> Supernet:
        """A stand-alone network with a copy of the shared weights ``arch`` uses; same logits."""

    def together(self, archs: Sequence[Arch]) -> nn.Module | None:
        """A network with the logits ``[archs, B, classes]`` of :meth:`subnet` of each of ``archs``.

        For architectures that can share work; its BN statistics are those that each subnet would
        have alone. None if the space has no such network.
        """
        return None

    def order(self, archs: Sequence[Arch]) -> list[int]:
        """Positions in ``archs``, those next to each other that gain most from being together."""
        return list(range(len(archs)))


def inheriting(build: Callable[[], Network], shared: nn.Module) -> Network:
    """What ``build`` makes, with weights that it copies from ``shared``, on its device and mode.

    Of wider tensors it takes the leading slices. They do not pass through the host.
    """
    weights, network = shared.state_dict(), build()
    copies = {}
    for name, own in network.state_dict().items():
        given = weights[name][tuple(slice(length) for length in own.shape)]
        copies[name] = torch.empty_like(own, device=given.device).copy_(given)
    network.load_state_dict(copies, assign=True)
    return network.train(shared.training)


def with_own_norms(network: nn.Module) -> nn.Module:
    """A copy with BN statistics of its own, for :meth:`Supernet.together`; faster than deepcopy.

    It shares the parameters and every part without buffers, but no hook that is registered later.
    """
    if not list(network.buffers()):
        return network
    twin = copy(network)
    parts, buffers = network._modules.items(), network._buffers.items()
    twin.__dict__ |= {  # past nn.Module's own, slow setting of attributes
        "_buffers": {name: b if b is None else b.clone() for name, b in buffers},
        "_modules": {name: p if p is None else with_own_norms(p) for name, p in parts},
        "_forward_hooks": network._forward_hooks.copy(),
    }
    return twin
