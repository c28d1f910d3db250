"""A pass of a supernet with a hook in the place of its operators, as a network of its own."""

from __future__ import annotations

import torch
from torch import nn

from searchspaces.relaxation import Relaxation
from searchspaces.supernet import SiteHook, Supernet


class Hooked(nn.Module):
    """``network`` as ``relaxation`` sees it, in which ``hook`` runs the operators of each site."""

    def __init__(self, network: Supernet, relaxation: Relaxation, hook: SiteHook):
        super().__init__()
        self.network, self.relaxation, self.hook = network, relaxation, hook

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits ``[B, classes]`` of images ``[B, C, H, W]``."""
        return self.relaxation.logits(self.network, x, self.hook)
