"""P-DARTS: progressive DARTS (Chen et al., ICCV 2019, arXiv:1904.12760).

A rival. Three searches follow one another, each of a deeper network with fewer operators (section
3.2): 5, 11 and 17 cells, and 8, 5 and 3 operators at a site, those with the largest weights of the
search before. Networks and parameters begin anew; in each search weights learn alone first. Skip
connections are regularised (section 3.3): by dropout behind them, which fades within a search, and
by the number of them that the derived cell keeps.

Depths and numbers of operators are these shares of what the space has. Where depth cannot vary, as
layers are what is searched or a stage has a single cell, all searches have all of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp
from typing import TYPE_CHECKING, Any

from methods.base import Setting
from methods.darts import DARTSOptions
from methods.lazy import torch
from methods.options import option
from methods.p_darts.searches import Searches
from methods.skips import dropped_out, number_of_skip, skips_of, with_few_skips
from searchspaces.base import Arch
from searchspaces.errors import UsageError

if TYPE_CHECKING:
    from searchspaces.supernet import Operator, SiteHook

DROPOUT = 72
EPOCHS, FADING = 25, 0.2  # of a search; in each epoch dropout falls by e^-0.2 (released code)
CLIP = 5.0  # of the gradient of the architecture parameters (released code)


@dataclass(frozen=True)
class PDARTSOptions(DARTSOptions):
    """Section 4.2, of CIFAR-10; its first search has no dropout."""

    arch_lr: float = option(6e-4, "learning rate of the architecture parameters")
    alone: float = option(0.4, "share of each search's steps, the first, that train weights alone")
    dropout: float = option(0.4, "dropout behind skip connections as the second search begins")
    last_dropout: float = option(0.7, "dropout behind them as the third begins")
    skips: int = option(2, "skip connections in the derived cell, the normal one, at most")

    def __post_init__(self) -> None:
        super().__post_init__()
        shares = self.alone, self.dropout, self.last_dropout
        if min(*shares, self.skips) < 0 or max(shares) >= 1:
            raise UsageError(
                "--options.alone, dropout and last-dropout are from 0 to below 1, skips at least 0."
            )


class PDARTS(Searches):
    """The searches with regularised skip connections."""

    Options = PDARTSOptions
    _drawn: tuple[int, Any] = (-1, None)

    def __init__(self, setting: Setting, options: PDARTSOptions):
        super().__init__(setting, options)
        sites = range(len(self.relaxation.sites))
        self.without_skips = all(number_of_skip(self.relaxation, site) is None for site in sites)
        usual = PDARTSOptions()
        for name in ("dropout", "last_dropout", "skips"):
            if self.without_skips and getattr(options, name) != getattr(usual, name):
                raise UsageError(
                    f"{self.space.name} has no skip connections of a cell, which "
                    f"--options.{name.replace('_', '-')} is of; leave it out."
                )

    def notes(self) -> list[str]:
        none = "the space has no skip connections of a cell: none are dropped out or limited"
        return [*super().notes(), *([none] if self.without_skips else [])]

    def train_step(self, step: int) -> dict[str, torch.Tensor]:
        """Not for several processes: dropout draws for each image."""
        self.go_on(step)
        return super().train_step(step)

    def dropout(self, step: int) -> float:
        """Fades towards 0 while weights learn alone, and anew when the parameters begin to."""
        rate = (0.0, self.options.dropout, self.options.last_dropout)[self.search]
        number, steps = self.within(step)
        done = number / steps
        if not self.trains_both(step):
            return float(rate * (1 - done))
        return float(rate * exp(-FADING * EPOCHS * (done - self.options.alone)))

    def update_alphas(self) -> None:
        torch.nn.utils.clip_grad_norm_(self.arch_parameters, CLIP)
        super().update_alphas()

    def mixture(self, step: int) -> SiteHook:
        if self._drawn[0] != step:  # a step's second pass draws behind the first
            seed = int(self.rng(DROPOUT, step).integers(2**31))
            self._drawn = step, torch.Generator(self.setting.device).manual_seed(seed)
        weights, rate, generator = self.weights(step), self.dropout(step), self._drawn[1]

        def hook(site: int, operators: Sequence[Operator], x: torch.Tensor) -> torch.Tensor:
            kept, skip = self.kept[site], number_of_skip(self.relaxation, site)
            outs = [operators[number](x) for number in kept]
            if rate and skip in kept:
                place = kept.index(skip)
                outs[place] = dropped_out(outs[place], rate, generator)
            return sum(w * out for w, out in zip(weights[site], outs, strict=True))

        return hook

    def found(self) -> Arch:
        """What is derived with few skip connections, else the best of those seen that have few."""
        most = self.options.skips
        best = with_few_skips(self.relaxation, self._log_probabilities(), most)
        if self.feasible(best):
            return best

        def too_many(arch: Arch) -> int:
            return max(len(skips_of(self.relaxation, arch)) - most, 0)

        return min(self.evolution.ranked(), key=too_many)
