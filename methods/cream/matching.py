"""The matching network of Cream: how much a student should listen to a path of the board.

The network scores the difference between a student's and a board entry's probabilities. The
weight of the distillation is ρ = σ(−score), the sign of the released code: the higher the score,
the less the student listens. ρ is a constant for the student; only the meta update below
differentiates it, with respect to the matching network.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from torch.func import functional_call
from torch.nn import functional

from searchspaces.base import Path

CLIP = 1.0  # largest norm of either gradient of a meta update

Gradients = dict[str, torch.Tensor]


class MatchingNetwork(nn.Module):
    """One linear layer from the probabilities of ``images`` images to a score."""

    def __init__(self, images: int, classes: int):
        super().__init__()
        self.linear = nn.Linear(images * classes, 1)

    def forward(self, student: torch.Tensor, stored: torch.Tensor) -> torch.Tensor:
        """Scores ``[entries]`` for probabilities, both ``[entries, images, classes]``."""
        return self.linear((student - stored).flatten(1)).squeeze(1)


def distillation_weight(score: torch.Tensor) -> torch.Tensor:
    """ρ = σ(−score), between 0 and 1."""
    return torch.sigmoid(-score)


@dataclass(frozen=True)
class MetaTask:
    """What a meta update works on.

    A ``path``, its teacher's ``probabilities`` ``[n, classes]``, images ``x`` ``[2n, C, H, W]``
    with labels ``y`` ``[2n]``: the first n distil, the others tell whether that helped.
    """

    path: Path
    probabilities: torch.Tensor
    x: torch.Tensor
    y: torch.Tensor
    label_smoothing: float = 0.0


def meta_gradients(
    network: nn.Module,
    matching: MatchingNetwork,
    rho: torch.Tensor,
    task: MetaTask,
    lr: float,
    first_tensor_only: bool = False,
) -> tuple[Gradients, Gradients]:
    """Gradients, by parameter name, of the ``network`` along the path and of ``matching``.

    The path's are g = ∇_w ρ·KD on the first images. A virtual step w' = w − lr·g gives the
    cross-entropy of the other images at w', and the matching network's are those of that loss,
    through w' and the scalar ``rho``, which carries the graph back to ``matching``. As ρ is
    constant in w, g = ρ·∇_w KD exactly: the graph of the virtual step needs no second pass
    through the network.

    ``first_tensor_only``: only the first tensor of w' passes the gradient on.
    """
    distilled = len(task.probabilities)
    logits = network(task.x[:distilled], task.path)
    kd = functional.cross_entropy(logits, task.probabilities)
    names, tensors = zip(*network.named_parameters(), strict=True)
    slopes = torch.autograd.grad(kd, tensors, allow_unused=True)
    on_path = {
        name: (tensor.detach(), slope)
        for name, tensor, slope in zip(names, tensors, slopes, strict=True)
        if slope is not None
    }
    virtual = {name: tensor - lr * rho * slope for name, (tensor, slope) in on_path.items()}
    if first_tensor_only:
        first = next(iter(virtual))
        virtual = {n: t if n == first else t.detach() for n, t in virtual.items()}
    logits = functional_call(network, virtual, (task.x[distilled:], task.path))
    loss = functional.cross_entropy(
        logits, task.y[distilled:], label_smoothing=task.label_smoothing
    )
    names, tensors = zip(*matching.named_parameters(), strict=True)
    meta = torch.autograd.grad(loss, tensors)
    student = {name: rho.detach() * slope for name, (_, slope) in on_path.items()}
    return student, dict(zip(names, meta, strict=True))


def clipped_step(
    network: nn.Module, gradients: Gradients, optimizer: torch.optim.Optimizer
) -> None:
    """One step of ``optimizer`` along ``gradients``, scaled in place to a norm of ``CLIP`` at most."""
    for name, tensor in network.named_parameters():
        tensor.grad = gradients.get(name)
    nn.utils.clip_grad_norm_(network.parameters(), CLIP)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
