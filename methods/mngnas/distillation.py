"""Distillation from a weighted combination of networks (MNGNAS eqs. 5, 6 and 10).

The weights of a group sum to one, so mixing the teachers' outputs first and weighting the
teachers' losses have the same gradient, for the forward KL divergence and for the squared error.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch.nn import functional

from searchspaces.supernet import Supernet


@dataclass(frozen=True)
class Outputs:
    """What ``n`` networks say of one batch, detached.

    ``probabilities`` ``[n, B, classes]``; ``stages`` one ``[n, B, C_s, H_s, W_s]`` per stage.
    """

    probabilities: torch.Tensor
    stages: list[torch.Tensor]

    @classmethod
    def stack(cls, features: Sequence[tuple[list[torch.Tensor], torch.Tensor]]) -> Outputs:
        """From the ``(stages, logits)`` pairs that :meth:`Supernet.features` returns."""
        stages, logits = zip(*features, strict=True)
        return cls(
            torch.stack([z.detach().softmax(-1) for z in logits]),
            [torch.stack([f.detach() for f in stage]) for stage in zip(*stages, strict=True)],
        )

    @classmethod
    @torch.no_grad()
    def of(cls, networks: Sequence[Supernet], x: torch.Tensor) -> Outputs:
        """Outputs of frozen networks in evaluation mode on images ``[B, C, H, W]``."""
        return cls.stack([network.eval().features(x) for network in networks])

    def join(self, other: Outputs) -> Outputs:
        """Both sets of networks, these first."""
        return Outputs(
            torch.cat([self.probabilities, other.probabilities]),
            [torch.cat(pair) for pair in zip(self.stages, other.stages, strict=True)],
        )


def mixed_distillation(
    stages: list[torch.Tensor], logits: torch.Tensor, outputs: Outputs, weights: torch.Tensor
) -> torch.Tensor:
    """KL(mixture ‖ student) plus the mean squared stage differences.

    ``stages`` and ``logits`` are the student's; ``weights`` ``[n]`` combine the networks of
    ``outputs`` and sum to one. Gradients reach the student only.
    """
    target = torch.tensordot(weights, outputs.probabilities, dims=1)
    loss = functional.kl_div(logits.log_softmax(-1), target, reduction="batchmean")
    for mine, theirs in zip(stages, outputs.stages, strict=True):
        loss = loss + functional.mse_loss(mine, torch.tensordot(weights, theirs, dims=1))
    return loss
