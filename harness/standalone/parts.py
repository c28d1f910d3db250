"""What a recipe makes of a stand-alone network, its optimiser and its images."""

from __future__ import annotations

import inspect
from dataclasses import replace
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from harness.standalone.recipe import TrainingRecipe
from harness.standalone.rmsprop import TensorFlowRMSprop
from harness.tasks.augment import Augmentation
from harness.tasks.base import Task
from searchspaces.base import Arch, ImageSpec, SearchSpace
from searchspaces.errors import UsageError


def build_network(
    space: SearchSpace, arch: Arch, image: ImageSpec, recipe: TrainingRecipe
) -> nn.Module:
    """A freshly initialised stand-alone network with what the recipe adds to it.

    Raises :class:`UsageError` where networks of the space cannot have it.
    """
    extra = {}
    if recipe.auxiliary:
        if "auxiliary" not in inspect.signature(space.standalone).parameters:
            raise UsageError(
                f"networks of {space.name} have no auxiliary head; use --train.auxiliary 0."
            )
        extra["auxiliary"] = True
    network = space.standalone(arch, image, **extra)
    if recipe.drop_path and not hasattr(network, "drop_probability"):
        raise UsageError(f"networks of {space.name} drop no paths; use --train.drop-path 0.")
    if recipe.dropout:
        if not isinstance(getattr(network, "classifier", None), nn.Module):
            raise UsageError(
                f"networks of {space.name} have no classifier to put dropout in front of; use "
                "--train.dropout 0."
            )
        network.classifier.register_forward_pre_hook(
            lambda module, inputs: functional.dropout(inputs[0], recipe.dropout, module.training)
        )
    return network


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


def with_cutout(task: Task, side: int) -> Task:
    """``task`` with squares cut out of its training images; raises where that makes no sense."""
    if not side:
        return task
    if not isinstance(task.augmentation, Augmentation):
        raise UsageError(f"images of {task.name} cannot be cut out; use --train.cutout 0.")
    if side >= task.image.size:
        raise UsageError(
            f"--train.cutout {side} can cover images of {task.image.size}x{task.image.size} "
            "pixels; choose half a side at most."
        )
    return replace(task, augmentation=replace(task.augmentation, cutout=side))
