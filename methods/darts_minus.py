"""DARTS-: performance collapse without indicators (Chu et al., ICLR 2021, arXiv:2009.01027).

A rival. A skip connection both stabilises the training of deep mixtures and is a candidate, and
wins for the former. So DARTS- adds β x to every mixture (section 3.2): the auxiliary skip
stabilises, and the candidate competes on its merits. β falls linearly to 0, so that what the
search ends with is DARTS's mixture.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING

from methods.darts import DARTS, DARTSOptions
from methods.lazy import torch
from methods.options import option
from methods.skips import number_of_skip
from searchspaces.errors import UsageError

if TYPE_CHECKING:
    from searchspaces.supernet import Operator, SiteHook, Supernet


@dataclass(frozen=True)
class DARTSMinusOptions(DARTSOptions):
    """And the auxiliary skip connection."""

    beta: float = option(1.0, "its weight at the first step, from where it falls to 0 at the last")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.beta < 0:
            raise UsageError(f"--options.beta must not be negative, as {self.beta} is.")


class DARTSMinus(DARTS):
    """Where operators change the shape, the auxiliary skip is a copy of the candidate.

    That copy has weights of its own, as in the released code. Sites that change the shape and have no
    ``skip_connect``, such as the first layer of a stage of a chain, have no auxiliary skip; an
    ``identity`` that changes the shape is a convolution.
    """

    Options = DARTSMinusOptions

    def build(self) -> Supernet:
        network = super().build()
        skips: dict[int, torch.nn.Module] = {}

        def hook(site: int, operators: Sequence[Operator], x: torch.Tensor) -> torch.Tensor:
            out, skip = operators[-1](x), self._candidate(site, operators)
            if out.shape != x.shape and isinstance(skip, torch.nn.Module):
                skips[id(skip)] = deepcopy(skip)
            return out

        image = self.data.image
        with torch.no_grad():
            images = torch.zeros(1, image.channels, image.size, image.size)
            self.relaxation.logits(network.eval(), images, hook)
        self._auxiliary = dict(zip(skips, range(len(skips)), strict=True))
        network.auxiliary_skips = torch.nn.ModuleList(skips.values())
        return network.train()

    def _candidate(self, site: int, operators: Sequence[Operator]) -> Operator | None:
        number = number_of_skip(self.relaxation, site)
        return None if number is None else operators[number]

    def beta(self, step: int) -> float:
        """β of the auxiliary skip connections at ``step``: down to 0 in a line."""
        return float(self.options.beta * (1 - self.done(step)))

    def mixture(self, step: int) -> SiteHook:
        mixed, beta = super().mixture(step), self.beta(step)
        skips = self.supernet.auxiliary_skips

        def hook(site: int, operators: Sequence[Operator], x: torch.Tensor) -> torch.Tensor:
            out = mixed(site, operators, x)
            number = self._auxiliary.get(id(self._candidate(site, operators)))
            if number is not None:
                return out + beta * skips[number](x)
            return out + beta * x if out.shape == x.shape else out

        return hook
