"""Scores of a network on validation images, with its BN statistics made fit for it first."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from methods.data import Data, first_batches
from methods.lazy import torch
from methods.memory import keep_freed
from methods.options import Scoring
from methods.transfer import Reading

if TYPE_CHECKING:
    import numpy as np
    from torch import nn


def recalibrate(
    network: nn.Module,
    data: Data,
    images: int,
    batch_size: int = 0,
    run: Callable[[torch.Tensor], object] | None = None,
) -> None:
    """Replace all BN statistics by those of the first ``images`` training images (SPOS).

    They go through ``network`` at once, so that each BN gets the mean and variance of all of
    them. Where memory forbids that, ``batch_size`` is the most at a time: then each BN behind the
    first sees inputs that were normalised batch by batch, as in the released code, and gets the
    mean and variance over all of what it has seen, every image weighing the same. ``run`` gets
    images ``[B, C, H, W]`` and sends them through ``network``, by default directly.
    """
    images = min(images, len(data.train))
    parts = math.ceil(images / (batch_size or images))
    norms = [m for m in network.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = 1.0  # the statistics of the last batch; no device is waited for
    network.train()
    with torch.no_grad(), pooled(norms if parts > 1 else []):
        for x, _ in first_batches(data, "train", images, math.ceil(images / parts)):
            (run or network)(x)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum


@contextmanager
def pooled(norms: Sequence[nn.BatchNorm2d]) -> Iterator[None]:
    """Give each BN, whose momentum is 1, the statistics of all that it is given inside."""
    moments = {norm: Moments() for norm in norms}
    with ExitStack() as hooks:
        for norm, own in moments.items():
            hooks.callback(norm.register_forward_hook(own.add).remove)
        yield
    for norm, own in moments.items():
        if own.values:
            norm.running_mean.copy_(own.mean)
            norm.running_var.copy_(own.squares / max(own.values - 1, 1))


class Moments:
    """Mean ``[C]`` and squared deviations from it, summed, of the batches that a BN was given."""

    def __init__(self) -> None:
        self.values = 0  # per channel
        self.mean = self.squares = torch.zeros(())

    def add(self, norm: nn.BatchNorm2d, given: tuple[torch.Tensor], _: torch.Tensor) -> None:
        """A hook behind the BN, whose running statistics are those of this batch."""
        count = given[0].numel() // given[0].shape[1]
        before, self.values = self.values, self.values + count
        apart = norm.running_mean - self.mean
        self.mean = self.mean + apart * (count / self.values)
        own = norm.running_var * (count - 1)
        self.squares = self.squares + own + apart.square() * (before * count / self.values)


def scores(network: nn.Module, data: Data, scoring: Scoring, part: str = "val") -> np.ndarray:
    """The score of each of several classifiers on the scored images of ``part``.

    By ``scoring.by`` it is the percentage that they get right, or minus their mean cross-entropy
    in nats. ``network`` gives logits ``[..., B, classes]``, the result is float64 ``[...]``.
    Changes the BN buffers only. A device is waited for once.
    """
    total, images = _summed(network, data, scoring, part)
    return Reading(total).numpy() / images


def scores_of_each(
    networks: Iterable[nn.Module],
    data: Data,
    scoring: Scoring,
    part: str = "val",
    fine: torch.Tensor | None = None,
) -> np.ndarray:
    """The same of networks with logits ``[B, classes]``, float64 ``[networks]``, of at least one.

    One after the other, and a device is waited for once, behind the last. ``fine``, bool
    ``[networks]`` on it: which of them have a score; those of the others are NaN.
    """
    totals, images = zip(
        *(_summed(network, data, scoring, part) for network in networks), strict=True
    )
    total = torch.stack(totals)
    if fine is not None:
        total = total.double().masked_fill(~fine, torch.nan)
    return Reading(total).numpy() / images[0]


def _summed(
    network: nn.Module, data: Data, scoring: Scoring, part: str
) -> tuple[torch.Tensor, int]:
    """The scores of all images added up, still on the device, and how many images these are."""
    keep_freed()

    def run(x: torch.Tensor) -> torch.Tensor:
        if scoring.precision == "float32":
            return network(x)
        with torch.autocast(x.device.type, getattr(torch, scoring.precision)):
            return network(x)

    if scoring.bn == "recalibrate":
        recalibrate(network, data, scoring.calibration_images, scoring.calibration_batch, run)
    network.train(scoring.bn == "batchstat")
    added = {"accuracy": _right, "loss": _likelihood}[scoring.by]
    total, images = 0, 0
    with torch.no_grad():
        for x, y in first_batches(data, part, scoring.images, scoring.batch_size):
            total = total + added(run(x), y)
            images += len(y)
    return total, images


def score(network: nn.Module, data: Data, scoring: Scoring, part: str = "val") -> float:
    """The same of one classifier, whose logits are ``[B, classes]``."""
    return scores(network, data, scoring, part).item()


def accuracy(network: nn.Module, data: Data, scoring: Scoring, part: str = "val") -> float:
    """Percent that one classifier gets right, whatever ``scoring.by``."""
    return score(network, data, replace(scoring, by="accuracy"), part)


def _right(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """100 for each image with the largest logit at its label, summed: int64 ``[...]``."""
    return 100 * (logits.argmax(-1) == labels).sum(-1)


def _likelihood(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Logarithms of the probabilities of the labels, summed: float64 ``[...]``."""
    logs = logits.double().log_softmax(-1)
    return logs.gather(-1, labels.expand(logs.shape[:-1])[..., None])[..., 0].sum(-1)
