"""Searches one after the other, each of a deeper network with fewer operators (P-DARTS, 3.2)."""

from __future__ import annotations

from dataclasses import replace
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np

from methods.base import Setting, sgd
from methods.darts import DARTS, density
from methods.lazy import torch
from methods.options import Recipe
from searchspaces.base import SearchSpace, choices

if TYPE_CHECKING:
    from searchspaces.supernet import Supernet

# Shares of 17 cells and of 8 operators: 5, 11 and 17, and 8, 5 and 3.
DEPTHS, OPERATORS = (5 / 17, 11 / 17, 1.0), (1.0, 5 / 8, 3 / 8)
SEARCHES = len(DEPTHS)
NETWORKS = 71


class Searches(DARTS):
    """An operator is worth its weight times what earlier searches left to its site's operators.

    So those of a site add up to 1, and one that was dropped is never worth the most. Options have
    ``alone``, the share of each search's steps that train the weights alone.
    """

    one_supernet = False
    search = 0  # number of the present one

    def __init__(self, setting: Setting, options: Any):
        super().__init__(setting, options)
        self.kept = [list(range(len(alpha))) for alpha in self.alphas]
        self.settled = [torch.zeros_like(alpha) for alpha in self.alphas]

    @classmethod
    def paths_of(cls, space: SearchSpace, search: int) -> float:
        """Of a pass in ``search``; networks of fewer cells count as so much less."""
        kept = np.mean([ceil(OPERATORS[search] * number) for number in choices(space).values()])
        return density(space) * float(kept) * space.shallower(DEPTHS[search])[1]

    @classmethod
    def paths_per_pass(cls, options: Any, space: SearchSpace) -> float:
        return sum(cls.paths_of(space, search) for search in range(SEARCHES)) / SEARCHES

    def pass_paths(self) -> float:
        return self.paths_of(self.space, self.search)

    @classmethod
    def weights_alone(cls, options: Any) -> float:
        return float(options.alone)

    def build(self) -> Supernet:
        space = self.space.shallower(DEPTHS[self.search])[0]
        return space.supernet(self.data.image, affine=self.setting.affine)

    def within(self, step: int) -> tuple[int, int]:
        """The number of ``step`` in the present search, and how many steps that has."""
        ends = self.search, self.search + 1
        start, end = (round(number * self.setting.recipe.steps / SEARCHES) for number in ends)
        return step - start, end - start

    def trains_both(self, step: int) -> bool:
        number, steps = self.within(step)
        return number >= round(self.options.alone * steps)

    def update(self, step: int, recipe: Recipe | None = None) -> None:
        """The learning rate decays over the steps of each search."""
        number, steps = self.within(step)
        super().update(number, replace(recipe or self.setting.recipe, steps=steps))

    def go_on(self, step: int) -> None:
        """To the search that ``step`` is of."""
        while self.search + 1 < SEARCHES:
            number, steps = self.within(step)
            if number < steps:
                return
            self.drop()
            self.begin(self.search + 1)

    def drop(self) -> None:
        """Settle what is dropped, and how much is left to the rest together."""
        worth, shares = self._log_probabilities(), self.log_shares()
        for site, kept in enumerate(self.kept):
            number = ceil(OPERATORS[self.search + 1] * len(worth[site]))
            ranked = sorted(kept, key=(-worth[site]).__getitem__)
            self.kept[site] = best = sorted(ranked[:number])
            self.settled[site] = shares[site].detach().clone()
            self.settled[site][best] = self.settled[site][best].logsumexp(0)

    def begin(self, search: int) -> None:
        """A new network, new architecture parameters, new optimisers."""
        self.search = search
        torch.manual_seed(int(self.rng(NETWORKS, search).integers(2**31)))
        self.supernet = self.build().to(self.setting.device)
        self.optimizer = sgd(self.supernet, self.setting.recipe)
        self.__dict__.pop("parameters", None)
        self.arch_optimizer.state.clear()
        for alpha in self.alphas:
            alpha.data.zero_()

    def weights(self, step: int) -> list[torch.Tensor]:
        """Of the operators that are kept."""
        pairs = zip(self.alphas, self.kept, strict=True)
        return [alpha[kept].softmax(0) for alpha, kept in pairs]

    def log_shares(self) -> list[torch.Tensor]:
        shares = [settled.clone() for settled in self.settled]
        for share, kept, alpha in zip(shares, self.kept, self.alphas, strict=True):
            share[kept] += alpha[kept].log_softmax(0)
        return shares

    def trained_state(self) -> dict[str, Any]:
        own = {"search": self.search, "kept": self.kept, "settled": self.settled}
        return super().trained_state() | own

    def load_trained_state(self, state: dict[str, Any]) -> None:
        if state["search"] != self.search:
            self.begin(state["search"])
        self.kept = [list(kept) for kept in state["kept"]]
        self.settled = [settled.to(self.setting.device) for settled in state["settled"]]
        super().load_trained_state(state)
