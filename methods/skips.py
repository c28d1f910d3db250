"""Skip connections among the operators: where they are, and P-DARTS's two ways against too many."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from methods.lazy import torch
from searchspaces.base import Arch
from searchspaces.relaxation import Relaxation

SKIP = "skip_connect"


def number_of_skip(relaxation: Relaxation, site: int) -> int | None:
    """Which operator of the site is a skip connection; None if none is."""
    names = relaxation.sites[site].operators
    return names.index(SKIP) if SKIP in names else None


def dropped_out(x: torch.Tensor, rate: float, generator: torch.Generator) -> torch.Tensor:
    """Each number of ``x`` is 0 with probability ``rate``, the others are scaled up for it."""
    kept = torch.rand(x.shape, generator=generator, device=x.device) >= rate
    return x * kept / (1 - rate)


def skips_of(relaxation: Relaxation, arch: Arch) -> list[tuple[int, int]]:
    """Site and operator of the skip connections of ``arch``, but for those of reduction cells."""
    return [
        (site, operator)
        for site, operator in relaxation.chosen(arch)
        if operator == number_of_skip(relaxation, site)
        and not relaxation.sites[site].name.startswith("reduce")
    ]


def with_few_skips(relaxation: Relaxation, logs: Sequence[np.ndarray], most: int) -> Arch:
    """What is derived when the weakest skip connections are taken away until ``most`` are left.

    Those of reduction cells neither count nor go.
    """
    logs = [of.copy() for of in logs]
    while True:
        arch = relaxation.derive(logs)
        skips = skips_of(relaxation, arch)
        if len(skips) <= most:
            return arch
        _, site, operator = min((logs[site][operator], site, operator) for site, operator in skips)
        logs[site][operator] = -np.inf
