"""FairDARTS: operators that do not compete (Chu et al., ECCV 2020, arXiv:1911.12126).

A rival. The weight of an operator is the sigmoid of its parameter, so that none grows at the cost
of others (section 3.3, "cooperative mechanism"). A zero-one loss, minus the mean of (σ - 1/2)²
times a factor (equation 6), drives the sigmoids to 0 or 1. The paper keeps what is above a
threshold, at most two edges a node; spaces here have one operator at every site, the largest.
"""

from __future__ import annotations

from dataclasses import dataclass

from methods.base import Batch
from methods.darts import DARTS, DARTSOptions
from methods.lazy import functional, torch
from methods.options import option
from searchspaces.errors import UsageError


@dataclass(frozen=True)
class FairDARTSOptions(DARTSOptions):
    """The released search's rate, and how much sigmoids are driven apart."""

    arch_lr: float = option(3e-3, "learning rate of the architecture parameters")
    zero_one: float = option(10.0, "factor of the zero-one loss")  # section 4.1

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.zero_one < 0:
            raise UsageError(f"--options.zero-one must not be negative, as {self.zero_one} is.")


class FairDARTS(DARTS):
    """A score is the geometric mean of sigmoids, in percent."""

    Options = FairDARTSOptions
    revision = 3  # Adam as released
    arch_betas = (0.9, 0.999)

    def weights(self, step: int) -> list[torch.Tensor]:
        return [alpha.sigmoid() for alpha in self.alphas]

    def log_shares(self) -> list[torch.Tensor]:
        return [functional.logsigmoid(alpha) for alpha in self.alphas]

    def arch_loss(self, batch: Batch, step: int) -> torch.Tensor:
        loss = super().arch_loss(batch, step)
        return loss + self.options.zero_one * zero_one_loss(self.alphas)


def zero_one_loss(alphas: list[torch.Tensor]) -> torch.Tensor:
    """Minus the mean over all operators of (sigmoid - 1/2)²: from 0, undecided, to -1/4."""
    return -(torch.cat(alphas).sigmoid() - 0.5).square().mean()
