"""Options of FairNAS."""

from __future__ import annotations

from dataclasses import dataclass

from methods.options import option


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
