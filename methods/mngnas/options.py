"""Options of MNGNAS."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from methods.options import option
from methods.registry import options_class
from searchspaces.errors import UsageError


@dataclass(frozen=True)
class MNGNASOptions:
    """Hyper-parameters of the search (Section IV-A); arms of the ablation.

    ``base_options`` are those of the method ``base``, by default its defaults; on the command
    line ``--options.base.*``.
    """

    BASES: ClassVar = ("spos", "fairnas", "mixpath")

    base: str = option("spos", "method that trains the supernet", BASES)
    base_options: Any = field(
        default=None, metadata={"help": "options of the base method", "flag": "base"}
    )
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
    solver: str = option(
        "own",
        "what finds the coefficients: an interior-point method written for them, on a GPU in many "
        "small operations for which no host waits, or (host) on the host, which reads the outputs "
        "in each step of a retraining; or CVXPY with Clarabel as a reference (extra bench)",
        ("own", "host", "cvxpy"),
        added_later=True,
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
        self._settle_base()
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

    def _settle_base(self) -> None:
        """Untouched options of another base, as a changed ``base`` leaves them, are no choice."""
        wanted, given = options_class(self.base), self.base_options
        if isinstance(given, wanted):
            return
        if given is not None and given != type(given)():
            raise UsageError(
                f"{type(given).__name__} are no options of --options.base {self.base}."
            )
        object.__setattr__(self, "base_options", wanted())
