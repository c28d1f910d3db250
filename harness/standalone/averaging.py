"""A moving average of a network's weights and BN statistics."""

from __future__ import annotations

from copy import deepcopy

import torch
from torch import nn


class WeightAverage:
    """An exponential moving average of ``network``, itself a ``network`` that can be measured.

    It begins as a copy. As TensorFlow's, its decay grows as (1 + n) / (10 + n) after n updates, up
    to ``decay``: short trainings do not drag their initial weights along.
    """

    def __init__(self, network: nn.Module, decay: float):
        self.decay = decay
        self.network = deepcopy(network).eval().requires_grad_(False)

    @torch.no_grad()
    def update(self, network: nn.Module, updates: int) -> None:
        """Draw the average towards ``network``, after so many ``updates`` before this one."""
        decay = min(self.decay, (1 + updates) / (10 + updates))
        new = network.state_dict()
        floats, targets = [], []
        for name, average in self.network.state_dict().items():
            if average.is_floating_point():
                floats.append(average)
                targets.append(new[name])
            else:
                average.copy_(new[name])
        torch._foreach_lerp_(floats, targets, 1 - decay)
