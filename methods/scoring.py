"""Validation accuracy of a network, with its BN statistics made fit for it first."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from methods.data import Data, first_batches
from methods.lazy import torch
from methods.options import Scoring

if TYPE_CHECKING:
    import numpy as np
    from torch import nn


def recalibrate(
    network: nn.Module,
    data: Data,
    images: int,
    batch_size: int,
    run: Callable[[torch.Tensor], object] | None = None,
) -> None:
    """Replace all BN statistics by cumulative averages over the first training images (SPOS).

    ``run`` gets images ``[B, C, H, W]`` and sends them through ``network``, by default directly.
    """
    norms = [m for m in network.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
    network.train()
    with torch.no_grad():
        for x, _ in first_batches(data, "train", images, batch_size):
            (run or network)(x)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum


def accuracies(network: nn.Module, data: Data, scoring: Scoring, part: str = "val") -> np.ndarray:
    """Percent of the scored images of ``part`` that each of several classifiers gets right.

    ``network`` gives logits ``[..., B, classes]``, the result is float64 ``[...]``. Changes the BN
    buffers only.
    """
    if scoring.bn == "recalibrate":
        recalibrate(network, data, scoring.calibration_images, scoring.batch_size)
    network.train(scoring.bn == "batchstat")
    right, total = 0, 0
    with torch.no_grad():
        for x, y in first_batches(data, part, scoring.images, scoring.batch_size):
            right = right + (network(x).argmax(-1) == y).sum(-1)
            total += len(y)
    return 100.0 * right.cpu().numpy() / total


def accuracy(network: nn.Module, data: Data, scoring: Scoring, part: str = "val") -> float:
    """The same of one classifier, whose logits are ``[B, classes]``."""
    return accuracies(network, data, scoring, part).item()
