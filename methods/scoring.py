"""Validation accuracy of a network, with its BN statistics made fit for it first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from methods.options import Scoring

if TYPE_CHECKING:
    from methods.base import Batch, Data


def first_batches(data: Data, part: str, images: int, batch_size: int) -> Iterator[Batch]:
    """Batches of the first ``images`` of ``part`` in stored order; of all if 0."""
    left = images
    for x, y in data.batches(part, batch_size):
        yield (x[:left], y[:left]) if images else (x, y)
        left -= len(y)
        if images and left <= 0:
            return


@torch.no_grad()
def recalibrate(network: nn.Module, data: Data, images: int, batch_size: int) -> None:
    """Replace all BN statistics by cumulative averages over the first training images (SPOS)."""
    norms = [m for m in network.modules() if isinstance(m, nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
    network.train()
    for x, _ in first_batches(data, "train", images, batch_size):
        network(x)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum


@torch.no_grad()
def accuracies(network: nn.Module, data: Data, scoring: Scoring, part: str = "val") -> np.ndarray:
    """Percent of the scored images of ``part`` that each of several classifiers gets right.

    ``network`` gives logits ``[..., B, classes]``, the result is float64 ``[...]``. Changes the BN
    buffers only.
    """
    if scoring.bn == "recalibrate":
        recalibrate(network, data, scoring.calibration_images, scoring.batch_size)
    network.train(scoring.bn == "batchstat")
    right, total = 0, 0
    for x, y in first_batches(data, part, scoring.images, scoring.batch_size):
        right = right + (network(x).argmax(-1) == y).sum(-1)
        total += len(y)
    return 100.0 * right.cpu().numpy() / total


def accuracy(network: nn.Module, data: Data, scoring: Scoring, part: str = "val") -> float:
    """The same of one classifier, whose logits are ``[B, classes]``."""
    return accuracies(network, data, scoring, part).item()
