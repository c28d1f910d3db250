"""What optimisers are asked to do, seen at the moment of each of their steps."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.optim.optimizer import Optimizer, register_optimizer_step_pre_hook


@dataclass(frozen=True)
class Step:
    """An optimiser's groups and, parameter by parameter, gradients as they were then."""

    optimizer: Optimizer
    groups: list[dict[str, Any]]
    gradients: dict[torch.Tensor, torch.Tensor | None]

    @property
    def rate(self) -> float:
        """The learning rate, which all groups share."""
        (rate,) = {group["lr"] for group in self.groups}
        return rate

    def trains(self, network: nn.Module) -> bool:
        return next(network.parameters()) in self.gradients


@contextmanager
def steps_taken() -> Iterator[list[Step]]:
    """Inside, the list grows by every step of any optimiser."""
    taken: list[Step] = []

    def note(optimizer: Optimizer, *_: Any) -> None:
        groups = [dict(group) for group in optimizer.param_groups]
        gradients = {
            tensor: None if tensor.grad is None else tensor.grad.clone()
            for group in groups
            for tensor in group["params"]
        }
        taken.append(Step(optimizer, groups, gradients))

    hook = register_optimizer_step_pre_hook(note)
    try:
        yield taken
    finally:
        hook.remove()


def penalties(network: nn.Module, groups: list[dict[str, Any]]) -> dict[str, float]:
    """The L2 penalty of each parameter of ``network`` by name, each of which is in one group."""
    names = {tensor: name for name, tensor in network.named_parameters()}
    pairs = [
        (names[tensor], group["weight_decay"]) for group in groups for tensor in group["params"]
    ]
    assert len(pairs) == len(dict(pairs)) == len(names)
    return dict(pairs)
