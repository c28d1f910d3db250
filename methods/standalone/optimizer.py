"""What changes the weights of a stand-alone training: optimiser, schedules, moving average."""

from __future__ import annotations

import math
from collections.abc import Iterable
from copy import deepcopy
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from methods.standalone.recipe import TrainingRecipe


class TensorFlowRMSprop(Optimizer):
    """Differs from ``torch.optim.RMSprop`` in three ways that its hyper-parameters rely on.

    The mean of squared gradients begins with ones; ``eps`` is added to it under the root; the
    learning rate is inside the momentum: m ← ``momentum`` m + ``lr`` g / √(v + ``eps``).
    ``weight_decay`` adds to the gradient.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float,
        *,
        decay: float = 0.9,
        momentum: float = 0.9,
        eps: float = 1e-3,
        weight_decay: float = 0.0,
    ):
        defaults = {"lr": lr, "decay": decay, "momentum": momentum, "eps": eps}
        super().__init__(params, defaults | {"weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:
        """Parameters without a gradient stay as they are."""
        for group in self.param_groups:
            params = [param for param in group["params"] if param.grad is not None]
            if not params:
                continue
            for param in params:
                if not self.state[param]:
                    self.state[param]["squares"] = torch.ones_like(param)
                    self.state[param]["momentum"] = torch.zeros_like(param)
            squares = [self.state[param]["squares"] for param in params]
            momenta = [self.state[param]["momentum"] for param in params]
            gradients = torch._foreach_add(
                [param.grad for param in params], params, alpha=group["weight_decay"]
            )
            torch._foreach_mul_(squares, group["decay"])
            torch._foreach_addcmul_(squares, gradients, gradients, 1 - group["decay"])
            roots = torch._foreach_sqrt(torch._foreach_add(squares, group["eps"]))
            torch._foreach_mul_(momenta, group["momentum"])
            torch._foreach_addcdiv_(momenta, gradients, roots, group["lr"])
            torch._foreach_sub_(params, momenta)


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


def learning_rate(recipe: TrainingRecipe, step: int, per_epoch: int) -> float:
    """Of optimiser step number ``step``, from 0, where an epoch has ``per_epoch`` steps."""
    if recipe.lr_every == "epoch":
        step -= step % per_epoch
    warmup = recipe.warmup * per_epoch
    if step < warmup:
        return recipe.warmup_lr + (recipe.lr - recipe.warmup_lr) * step / warmup
    done = step / (recipe.epochs * per_epoch)
    if recipe.schedule == "cosine":
        return recipe.lr * (0.5 * (1 + math.cos(math.pi * done)))
    if recipe.schedule == "linear":
        return recipe.lr * (1 - done)
    decays = math.floor(round(step / per_epoch / recipe.decay_epochs, 9))  # 12.1 / 1.1 is 11
    return recipe.lr * recipe.decay**decays


def drop_probability(recipe: TrainingRecipe, step: int, per_epoch: int) -> float:
    """Of path drop: from 0 in the first epoch by equal steps towards the full one (DARTS)."""
    return recipe.drop_path * (step // per_epoch) / recipe.epochs


def make_optimizer(network: nn.Module, recipe: TrainingRecipe) -> torch.optim.Optimizer:
    """Without ``decay_all`` tensors of one dimension, biases and those of BN, are not penalised."""
    params: Any = network.parameters()
    if not recipe.decay_all:
        params = [
            {"params": [p for p in network.parameters() if p.dim() > 1]},
            {"params": [p for p in network.parameters() if p.dim() <= 1], "weight_decay": 0.0},
        ]
    if recipe.optimizer == "sgd":
        return torch.optim.SGD(
            params,
            recipe.lr,
            recipe.momentum,
            weight_decay=recipe.weight_decay,
            nesterov=recipe.nesterov,
        )
    return TensorFlowRMSprop(
        params,
        recipe.lr,
        decay=recipe.rmsprop_decay,
        momentum=recipe.momentum,
        eps=recipe.rmsprop_eps,
        weight_decay=recipe.weight_decay,
    )
