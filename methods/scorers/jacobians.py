"""Scores from how alike the gradients of different images are: jacov and EPE-NAS.

Both look at the Jacobian J ``[B, C·H·W]``: row i is the gradient of the sum of all logits of the
batch in image i, of a network with its BNs in training mode, and at the correlations of its rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from methods.lazy import torch
from methods.scorers.scorer import IMAGES, Scorer, ScorerOptions, images

if TYPE_CHECKING:
    from searchspaces.supernet import Supernet

K = 1e-5  # of both papers' code


def jacobian(network: Supernet, images: torch.Tensor) -> np.ndarray:
    """J, float64."""
    images = images.requires_grad_()
    logits = network(images)
    (found,) = torch.autograd.grad(logits.sum(), images, allow_unused=True)
    found = torch.zeros_like(images) if found is None else found
    return found.flatten(1).double().cpu().numpy()


def correlations(rows: np.ndarray) -> np.ndarray:
    """Pearson's r ``[n, n]`` of each two of ``rows``; NaN for constant rows."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.atleast_2d(np.corrcoef(rows))


class Jacov(Scorer):
    """-Σ (log(λ + k) + 1 / (λ + k)) over the eigenvalues λ of the correlations, k = 1e-5.

    Mellor et al., "Neural architecture search without training", in its first version (2020,
    section 3); the higher, the less alike the images' gradients are. 64 images as in
    NAS-Bench-Suite-Zero; the paper had 256.
    """

    of_function = True
    sees = IMAGES

    def measure(self, network: Supernet, images: torch.Tensor, labels: torch.Tensor) -> float:
        matrix = correlations(jacobian(network, images))
        if not np.isfinite(matrix).all():
            return float("nan")
        values = np.linalg.eigvalsh(matrix).clip(min=0) + K
        return -float((np.log(values) + 1 / values).sum())


@dataclass(frozen=True)
class EPEOptions(ScorerOptions):
    images: int = images(256)


class EPE(Scorer):
    """EPE-NAS: how strongly the gradients of images of one class are correlated.

    Lopes et al. (2021), "EPE-NAS: efficient performance estimation without training", section 3.
    Per class s = Σ log(|r| + k) over the correlations r of its images' rows. With at most 100
    classes the score is Σ |s|; with more, Σ |s - s'| over all ordered pairs of classes, each s
    divided by the number of its images, divided by the number of classes seen. 256 images as in
    the released code.
    """

    Options = EPEOptions
    lowest = 0.0
    of_function = True

    def measure(self, network: Supernet, images: torch.Tensor, labels: torch.Tensor) -> float:
        rows, owner = jacobian(network, images), labels.cpu().numpy()
        many = self.data.image.classes > 100
        sums = []
        for label in np.unique(owner):
            matrix = correlations(rows[owner == label])
            within = np.log(np.abs(matrix) + K).sum()
            sums.append(within / len(matrix) if many else within)
        if not many:
            return float(np.abs(sums).sum())
        apart = np.subtract.outer(sums, sums)
        return float(np.abs(apart).sum() / len(sums))
