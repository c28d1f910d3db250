"""FairNAS: strict fairness (Chu et al., arXiv:1907.01845, Algorithm 1).

In each step every operator of every site is trained by exactly one model. All models see the same
batch and the same weights; one optimiser step applies their gradients.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from methods.base import Batch, Method, Setting
from methods.lazy import torch
from methods.options import option
from searchspaces.base import Arch, Cost, Path, SearchSpace, choices
from searchspaces.errors import UsageError

TRIES = 2000
INSTEAD = "choose --options.fairness expectation"  # of strict fairness, where that is impossible


@dataclass(frozen=True)
class FairNASOptions:
    """How fair training is, and which search follows it."""

    fairness: str = option(
        "strict",
        "strict: every operator is trained once in each step, by as many models as a site has "
        "operators; expectation: one uniformly drawn model per step",
        ("strict", "expectation"),
    )
    grad_reduce: str = option(
        "sum",
        "what a step does with the gradients of its models",
        ("sum", "mean"),
    )
    search: str = option(
        "evolution",
        "by accuracy alone, or NSGA-II by accuracy, multiply-adds and parameters (the paper)",
        ("evolution", "nsga2"),
    )


def models_per_step(options: FairNASOptions, space: SearchSpace) -> int:
    """As many as the largest site has operators, so that each is trained in every step."""
    return max(choices(space).values()) if options.fairness == "strict" else 1


class FairNAS(Method):
    """Model k of a step takes operator π(k) of each site, π fresh and independent for each.

    Where sites have fewer operators than others, some operators of theirs are trained more
    than once: there fairness is not strict. A topology is drawn once per step for all its models.
    """

    Options = FairNASOptions

    def __init__(self, setting: Setting, options: FairNASOptions):
        super().__init__(setting, options)
        self.models = models_per_step(options, setting.space)
        if options.search == "nsga2":
            from methods.search.nsga2 import NSGA2

            self.evolution = NSGA2(self.space, setting.search, self.feasible, self.cost)

    @classmethod
    def paths_per_step(cls, options: FairNASOptions, space: SearchSpace) -> dict[str, float]:
        models = float(models_per_step(options, space))
        return {"forwards": models, "backwards": models}

    @classmethod
    def training_identity(cls, options: FairNASOptions) -> dict[str, Any]:
        identity = super().training_identity(options)
        del identity["options"]["search"]
        return identity

    def notes(self) -> list[str]:
        """What a reader of the results must know: whether fairness was strict."""
        sizes = choices(self.space).values()
        short = sum(size < self.models for size in sizes)
        if not short:
            return []
        return [
            f"not strictly fair at {short} of {len(sizes)} sites, which have fewer "
            f"operators than the {self.models} models of a step"
        ]

    def sample_paths(self, rng: np.random.Generator) -> list[Path]:
        """As :func:`fair_paths` has them, which may raise :class:`UsageError`, or one."""
        if self.options.fairness == "expectation":
            return [self.space.sample(rng)]
        return fair_paths(self.space, self.models, rng, INSTEAD)

    def path_loss(self, path: Path, batch: Batch) -> torch.Tensor:
        loss = super().path_loss(path, batch)
        if self.options.grad_reduce == "mean":  # of the gradients; the loss is recorded as it is
            loss.register_hook(lambda gradient: gradient / self.models)
        return loss

    def cost(self, arch: Arch) -> Cost:
        return self.cost_of(arch)


def fair_paths(
    space: SearchSpace, models: int, rng: np.random.Generator, instead: str
) -> list[Path]:
    """``models`` paths with each operator once; redrawn until all are in a space that leaves out some.

    Raises :class:`UsageError` where they never are, which says what to do ``instead``.
    """
    leaves_out = math.prod(len(site.operators) for site in space.sites) > space.size
    sizes = choices(space)
    for _ in range(TRIES):
        shared = space.sample(rng)
        columns = [
            fair_genes(sizes[site], models, rng) if site in sizes else [gene] * models
            for site, gene in enumerate(shared)
        ]
        paths = list(zip(*columns, strict=True))
        if not leaves_out or all(map(space.is_valid, paths)):
            return paths
    raise UsageError(
        f"no {models} architectures of {space.name} that use every operator were found; {instead}."
    )


def fair_genes(operators: int, models: int, rng: np.random.Generator) -> list[int]:
    """The operator of each model at one site: a permutation, filled with parts of further ones."""
    rounds = [rng.permutation(operators) for _ in range(math.ceil(models / operators))]
    return np.concatenate(rounds)[:models].tolist()
