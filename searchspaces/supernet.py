"""The calls that training, ranking and distillation make on a network with shared weights."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import nn

from searchspaces.base import Arch, Path


class Supernet(nn.Module, ABC):
    """All operators of a space with shared weights; one forward pass activates one path.

    A stand-alone network is the same class holding a single operator per choice site; its path is
    then fixed and may be left out.
    """

    def forward(self, x: torch.Tensor, path: Path | None = None) -> torch.Tensor:
        """Logits ``[B, classes]`` of ``path`` for images ``[B, C, H, W]``."""
        return self.features(x, path)[1]

    @abstractmethod
    def features(
        self, x: torch.Tensor, path: Path | None = None
    ) -> tuple[list[torch.Tensor], torch.Tensor]:
        """Stage outputs, each ``[B, C_s, H_s, W_s]``, and logits ``[B, classes]``."""

    @abstractmethod
    def subnet(self, arch: Arch) -> Supernet:
        """A stand-alone network with a copy of the shared weights ``arch`` uses; same logits."""
