"""Recipes of stand-alone training: the one of the tables, and all that papers ask of theirs."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import inf

from methods.options import check_limits, option
from searchspaces.errors import UsageError


@dataclass(frozen=True)
class StandaloneRecipe:
    """The NAS-Bench-201 recipe (SGD with Nesterov momentum, cosine to zero), its length free.

    Raises :class:`UsageError` for values that no training can have, by the names of their flags,
    which begin with ``flags``.
    """

    flags = ""
    epochs: int = option(4, "passes over the training images")
    batch_size: int = option(64, "images per step")
    lr: float = option(0.1, "initial learning rate, cosine to zero")
    momentum: float = option(0.9, "Nesterov momentum")
    weight_decay: float = option(5e-4, "L2 penalty on all parameters")

    def __post_init__(self) -> None:
        limits = {"epochs": (1, inf), "batch_size": (1, inf), "momentum": (0, 1)}
        named = {f"{self.flags}{name}": value for name, value in asdict(self).items()}
        check_limits(named, {f"{self.flags}{name}": bounds for name, bounds in limits.items()})

    def steps(self, images: int) -> int:
        """Optimiser steps over a training part of so many ``images``."""
        return self.epochs * (images // min(self.batch_size, images))

    def training(self) -> TrainingRecipe:
        """The same among all that a training can be."""
        return TrainingRecipe(**asdict(self), nesterov=self.momentum > 0)


_LIMITS = {
    "epochs": (1, inf),
    "batch_size": (1, inf),
    "decay": (0, 1),
    "decay_epochs": (1e-3, inf),
    "momentum": (0, 1),
    "rmsprop_decay": (0, 1),
    "label_smoothing": (0, 1),
    "dropout": (0, 0.99),
    "drop_path": (0, 0.99),
    "ema": (0, 0.999999),
}


@dataclass(frozen=True)
class TrainingRecipe:
    """Optimiser, learning rate, regularisers and length of a stand-alone training.

    The learning rate decays from step 0, warm-up included, as in timm. Raises :class:`UsageError`
    for values that no training can have.
    """

    epochs: int = option(4, "passes over the training images")
    batch_size: int = option(64, "images per step")
    optimizer: str = option("sgd", "optimiser; RMSProp as TensorFlow's", ("sgd", "rmsprop"))
    lr: float = option(0.1, "initial learning rate")
    schedule: str = option(
        "cosine",
        "learning rate: cosine or linear to zero, or times --train.decay every "
        "--train.decay-epochs",
        ("cosine", "linear", "exponential"),
    )
    lr_every: str = option("step", "how often the learning rate moves", ("step", "epoch"))
    decay: float = option(0.97, "factor of the exponential schedule")
    decay_epochs: float = option(1.0, "epochs between two decays of the exponential schedule")
    warmup: float = option(0.0, "epochs in which the learning rate rises linearly")
    warmup_lr: float = option(0.0, "learning rate that warm-up begins with")
    momentum: float = option(0.9, "momentum")
    nesterov: bool = option(False, "Nesterov momentum, of SGD")
    rmsprop_decay: float = option(0.9, "decay of RMSProp's mean of squared gradients")
    rmsprop_eps: float = option(1e-3, "what RMSProp adds to that mean under the root")
    weight_decay: float = option(5e-4, "L2 penalty")
    decay_all: bool = option(True, "penalise biases and BN as well, not only weights")
    clip: float = option(0.0, "largest norm of the gradient; 0 leaves it")
    label_smoothing: float = option(0.0, "label smoothing of the cross-entropy")
    dropout: float = option(0.0, "dropout in front of the classifier")
    auxiliary: float = option(0.0, "weight of an auxiliary head's loss, where the space has one")
    drop_path: float = option(
        0.0, "probability of losing an edge, rising from 0, where the space has it"
    )
    cutout: int = option(0, "side of the square cut out of each image, in pixels")
    ema: float = option(
        0.0, "decay of a moving average of the weights, which is then what is measured; 0: none"
    )

    def __post_init__(self) -> None:
        named = {f"train.{name}": value for name, value in asdict(self).items()}
        check_limits(named, {f"train.{name}": bounds for name, bounds in _LIMITS.items()})
        if self.warmup > self.epochs:
            raise UsageError(
                f"--train.warmup {self.warmup:g} is longer than --train.epochs {self.epochs}."
            )
        if self.nesterov and not self.momentum:
            raise UsageError("--train.nesterov true needs a --train.momentum above 0.")
        if self.nesterov and self.optimizer != "sgd":
            raise UsageError("--train.nesterov true needs --train.optimizer sgd.")

    def steps_per_epoch(self, images: int) -> int:
        """Whole batches in so many ``images``."""
        return images // min(self.batch_size, images)
