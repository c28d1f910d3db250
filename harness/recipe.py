"""The recipe of stand-alone training."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import inf

from harness.options import check_limits
from methods.options import option


@dataclass(frozen=True)
class StandaloneRecipe:
    """The NAS-Bench-201 recipe (SGD with Nesterov momentum, cosine to zero), its length free.

    Raises :class:`UsageError` for values that no training can have.
    """

    epochs: int = option(4, "passes over the training images")
    batch_size: int = option(64, "images per step")
    lr: float = option(0.1, "initial learning rate, cosine to zero")
    momentum: float = option(0.9, "Nesterov momentum")
    weight_decay: float = option(5e-4, "L2 penalty on all parameters")

    def __post_init__(self) -> None:
        limits = {"epochs": (1, inf), "batch_size": (1, inf), "momentum": (0, 1)}
        check_limits(asdict(self), limits)

    def steps(self, images: int) -> int:
        """Optimiser steps over a training part of so many ``images``."""
        return self.epochs * (images // min(self.batch_size, images))
