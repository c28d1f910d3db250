"""Options every method shares; each is a key of the configuration and echoed into the record."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from searchspaces.errors import UsageError


def option(default: Any, text: str, choices: tuple[str, ...] = ()) -> Any:
    """A dataclass field with its help text and, where the values are a fixed set, the choices."""
    return field(default=default, metadata={"help": text, "choices": choices})


@dataclass(frozen=True)
class Recipe:
    """How the supernet is trained: SGD on cross-entropy."""

    steps: int = option(4000, "optimiser steps")
    batch_size: int = option(64, "images per step")
    lr: float = option(0.1, "initial learning rate")
    schedule: str = option("cosine", "learning rate decay to zero", ("cosine", "linear"))
    momentum: float = option(0.9, "SGD momentum")
    nesterov: bool = option(False, "Nesterov momentum")
    weight_decay: float = option(5e-4, "L2 penalty on tensors of more than one dimension")
    clip: float = option(5.0, "largest norm of the gradient; 0 leaves it")
    label_smoothing: float = option(0.0, "label smoothing of the cross-entropy")


@dataclass(frozen=True)
class Scoring:
    """How a network is scored: validation accuracy under a stated BN policy."""

    bn: str = option(
        "recalibrate",
        "BN statistics: re-estimated on training images, taken from each batch scored, "
        "or the supernet's running ones (to demonstrate that these fail)",
        ("recalibrate", "batchstat", "running"),
    )
    calibration_images: int = option(1024, "training images that re-estimate the BN statistics")
    images: int = option(0, "validation images that are scored, the first ones; 0: all")
    batch_size: int = option(500, "images per forward pass")


@dataclass(frozen=True)
class SearchLimits:
    """The evolutionary search of SPOS and its constraint."""

    population: int = option(50, "architectures per generation")
    generations: int = option(20, "generations")
    parents: int = option(10, "best architectures seen so far that breed")
    mutation_rate: float = option(0.1, "probability that a mutation resamples a gene")
    max_madds: float = option(0.0, "largest number of multiply-adds, in millions; 0: no limit")


@dataclass(frozen=True)
class SPOSOptions:
    """What SPOS leaves open."""

    sampler: str = option(
        "uniform",
        "paths uniform over architectures (the paper) or over seven bins of multiply-adds "
        "(the released code)",
        ("uniform", "flops_bins"),
    )
    reject_dead: bool = option(
        False, "never train a path without connection from input to output; shifts the marginals"
    )


@dataclass(frozen=True)
class MNGNASOptions:
    """Hyper-parameters of the search (Section IV-A); arms of the ablation."""

    base: str = option("spos", "method that trains the supernet", ("spos", "fairnas", "mixpath"))
    kd: str = option(
        "full",
        "teachers while retraining: none (labels only), the best model of the previous epoch, "
        "the average of searched models, their adaptive combination, or in full: adaptive with "
        "peers and perturbation",
        ("none", "single", "average", "searched", "full"),
    )
    qp: str = option(
        "printed",
        "coefficients: eq. 20 as printed, with the student counted twice as eqs. 12 and 19 "
        "demand, or eq. 12 on the gradients of the outputs",
        ("printed", "corrected", "gradient"),
    )
    search_epochs: int = option(40, "search epochs")
    population: int = option(30, "architectures per search epoch")
    removed: int = option(10, "worst architectures replaced after each search epoch")
    teachers: int = option(5, "searched models in each of the two teacher groups")
    crossover: float = option(0.5, "share of new architectures from crossover, else mutation")
    retrain_steps: int = option(40, "optimiser steps of one retraining")
    retrain_lr: float = option(0.025, "initial learning rate of a retraining, cosine to zero")
    perturbed: int = option(4, "architectures one block away that the best model is tuned with")
    perturb_steps: int = option(10, "optimiser steps with each of them")

    def __post_init__(self) -> None:
        """Raises :class:`UsageError` for values that no search can have."""
        least = {name: 1 for name in ("search_epochs", "population", "teachers", "retrain_steps")}
        least |= {name: 0 for name in ("removed", "crossover", "retrain_lr", "perturbed")}
        for name, bound in (least | {"perturb_steps": 0}).items():
            if getattr(self, name) < bound:
                flag = name.replace("_", "-")
                raise UsageError(
                    f"--options.{flag} must be at least {bound}, not {getattr(self, name)}."
                )
        if self.crossover > 1:
            raise UsageError(f"--options.crossover is a share, at most 1, not {self.crossover}.")
