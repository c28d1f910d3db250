"""ZiCo: gradients that are large and do not depend on the batch (Li et al. 2023)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from methods.lazy import torch
from methods.options import option
from methods.scorers.gradients import gradients
from methods.scorers.scorer import Scorer, ScorerOptions
from searchspaces.errors import UsageError

if TYPE_CHECKING:
    from searchspaces.supernet import Supernet


@dataclass(frozen=True)
class ZiCoOptions(ScorerOptions):
    images: int = option(128, "images of each batch")
    batches: int = option(2, "batches, over which gradients are compared")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.batches < 2:
            raise UsageError(f"--options.batches must be at least 2, not {self.batches}.")


class ZiCo(Scorer):
    """Σ over layers of log Σ over weights of E|g| / σ(g), over batches of training images.

    "ZiCo: zero-shot NAS via inverse coefficient of variation on gradients" (ICLR 2023), eq. 14; g
    is the gradient of the mean cross-entropy of a batch in a weight. Two batches of 128, σ the
    deviation of the population, weights with σ = 0 and layers with nothing else left out, as in
    the released code.
    """

    Options = ZiCoOptions
    of_function = True

    @property
    def images(self) -> int:
        return self.options.images * self.options.batches

    def measure(self, network: Supernet, images: torch.Tensor, labels: torch.Tensor) -> float:
        size, layers = self.options.images, {}
        for part, own in zip(images.split(size), labels.split(size), strict=True):
            for weight, gradient in gradients(network, part, own):
                layers.setdefault(weight, []).append(gradient.double())
        logs = [layer_sum(torch.stack(found)) for found in layers.values()]
        return float(sum(torch.log(term) for term in logs if term > 0)) if logs else float("nan")


def layer_sum(found: torch.Tensor) -> torch.Tensor:
    """Σ E|g| / σ(g) of the gradients ``[batches, ...]`` of one layer."""
    spread = found.std(0, unbiased=False)
    return (found.abs().mean(0) / spread)[spread > 0].sum()
