"""Stand-alone training: one architecture with weights of its own, to the end of its recipe."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from methods.data import Data
from methods.standalone.optimizer import (
    WeightAverage,
    drop_probability,
    learning_rate,
    make_optimizer,
)
from methods.standalone.recipe import TrainingRecipe
from methods.standalone.start import take_weights
from searchspaces.base import Arch, ImageSpec, SearchSpace
from searchspaces.errors import UsageError

_DRAWS = 3  # stream of random numbers, beside those of Task.draw


def trained(
    space: SearchSpace,
    arch: Arch,
    data: Data,
    recipe: TrainingRecipe,
    seed: int,
    device: torch.device | str = "cpu",
) -> nn.Module:
    """The network after the last step; a function of the arguments alone.

    Raises :class:`UsageError` when the loss diverges.
    """
    training = StandaloneTraining(space, arch, data, recipe, seed, device)
    for step in range(training.steps):
        loss = training.step(step)
    if not loss.isfinite():
        raise UsageError(
            f"training {space.encode(arch)} stand-alone diverged; lower its learning rate."
        )
    return training.network


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


class StandaloneTraining:
    """The training of one architecture, step by step; a function of its arguments alone.

    Of ``data``, which is on ``device``, it uses the training part; what the recipe cuts out of
    images is missing there already. Raises :class:`UsageError` for what the recipe asks of a space
    that does not have it, and for a ``start`` that does not fit (:func:`take_weights`).
    """

    def __init__(
        self,
        space: SearchSpace,
        arch: Arch,
        data: Data,
        recipe: TrainingRecipe,
        seed: int,
        device: torch.device | str = "cpu",
        start: Mapping[str, torch.Tensor] | None = None,
    ):
        torch.manual_seed(seed)
        self.recipe, self.seed, self.data = recipe, seed, data
        network = build_network(space, arch, data.image, recipe)
        self.start_notes = take_weights(network, start) if start else []
        self._network = network.to(device).train()
        self.optimizer = make_optimizer(self._network, recipe)
        self.average = WeightAverage(self._network, recipe.ema) if recipe.ema else None
        self.per_epoch = recipe.steps_per_epoch(len(data.train))
        self.steps = recipe.epochs * self.per_epoch

    @property
    def network(self) -> nn.Module:
        """What is to be measured: the moving average of the weights where the recipe has one."""
        return self.average.network if self.average else self._network

    def step(self, number: int) -> torch.Tensor:
        """Optimiser step ``number``, from 0; returns its loss, still on the device."""
        recipe, network = self.recipe, self._network
        x, y = self.data.train_batch(number, recipe.batch_size, self.seed)
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(recipe, number, self.per_epoch)
        if recipe.drop_path:
            network.drop_probability = drop_probability(recipe, number, self.per_epoch)
        if recipe.drop_path or recipe.dropout:
            rng = np.random.default_rng([self.seed, _DRAWS, number])
            torch.manual_seed(int(rng.integers(2**63)))
        self.optimizer.zero_grad(set_to_none=True)
        loss = self._loss(x, y)
        loss.backward()
        if recipe.clip:
            nn.utils.clip_grad_norm_(network.parameters(), recipe.clip)
        self.optimizer.step()
        if self.average:
            self.average.update(network, number)
        return loss.detach()

    def _loss(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        smoothing = self.recipe.label_smoothing
        if not self.recipe.auxiliary:
            return functional.cross_entropy(self._network(x), y, label_smoothing=smoothing)
        main, auxiliary = (
            functional.cross_entropy(logits, y, label_smoothing=smoothing)
            for logits in self._network.logits_and_auxiliary(x)
        )
        return main + self.recipe.auxiliary * auxiliary

    def measure(self, part: str) -> dict[str, float | None]:
        """Percent of the images of ``part`` whose class is the first, or among the first five.

        The latter is None with fewer than six classes.
        """
        result = top_accuracies(self.network, self.data, part)
        self._network.train()
        return result

    def state_dict(self) -> dict[str, Any]:
        """Tensors and plain containers: everything needed to resume."""
        return {
            "network": self._network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "average": self.average.network.state_dict() if self.average else None,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        if self.average:
            self.average.network.load_state_dict(state["average"])


@torch.no_grad()
def top_accuracies(network: nn.Module, data: Data, part: str) -> dict[str, float | None]:
    """``top1`` and ``top5`` in percent, by running BN statistics; the network is left evaluating."""
    network.eval()
    first, five, total, known = 0, 0, 0, data.image.classes > 5
    for x, y in data.batches(part, 500):
        logits = network(x)
        first += (logits.argmax(1) == y).sum()
        if known:
            five += (logits.topk(5).indices == y[:, None]).sum()
        total += len(y)
    return {
        "top1": 100.0 * int(first) / total,
        "top5": 100.0 * int(five) / total if known else None,
    }
