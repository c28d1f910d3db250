"""MCT-NAS: paths drawn by a Monte Carlo tree (Su et al., CVPR 2021, arXiv:2103.11922).

A node of the tree is the beginning of an architecture, its genes up to some site. The training loss
rewards the nodes of the path that it is of. After steps of uniform paths each site draws among the
node's children by their UCT: the mean reward, a bonus for few visits, and ("node communication") what
the operator earns at this site wherever it stands in the tree. The same tree then draws what the
search scores, without the bonus.

The paper also re-evaluates nodes with few visits on validation images before it searches ("hierarchical
node selection"); here what was never visited has the reward of its operator.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from methods.base import Method, Setting
from methods.lazy import torch
from methods.options import check_limits, option
from methods.processes import divisible
from methods.search.drawn import Drawn, allowed
from methods.search.monte_carlo_tree import Tree
from methods.transfer import Reading
from searchspaces.base import Path


@dataclass(frozen=True)
class MCTNASOptions:
    """The form is the paper's; the numbers are ours but for the half of uniform paths."""

    warmup: float = option(0.5, "share of the steps, the first, that train uniform paths")
    bonus: float = option(0.2, "weight of the bonus √(ln N of the parent / N) for few visits")
    operator: float = option(0.2, "weight of what the operator earns anywhere at the site")
    temperature: float = option(0.01, "of the softmax over UCTs, by which children are drawn")
    smoothing: float = option(0.95, "decay of the mean loss, beside which a loss is a reward")
    sharing: float = option(0.95, "decay of what an operator earns at a site")

    def __post_init__(self) -> None:
        """Raises :class:`UsageError` for numbers out of bounds."""
        limits = dict.fromkeys(("options.warmup", "options.smoothing", "options.sharing"), (0, 1))
        limits |= dict.fromkeys(("options.bonus", "options.operator"), (0, 1e6))
        limits |= {"options.temperature": (1e-6, math.inf)}
        check_limits({f"options.{name}": value for name, value in vars(self).items()}, limits)


class MCTNAS(Method):
    """A loss is read when the next step begins, so that no step waits for it."""

    Options = MCTNASOptions

    def __init__(self, setting: Setting, options: MCTNASOptions):
        super().__init__(setting, options)
        self._plant([], 0.0)
        self.warm_until = round(options.warmup * setting.recipe.steps)
        self.evolution = Drawn(
            self.space, setting.search, self.feasible, lambda rng: self.from_tree(rng, 0.0)
        )

    def from_tree(self, rng: np.random.Generator, bonus: float) -> Path:
        """One that is allowed, by all rewards so far."""
        self.learn()
        return allowed(self.space, lambda: self.tree.draw(rng, bonus))

    @divisible
    def train_step(self, step: int) -> dict[str, torch.Tensor]:
        self.learn()
        self.grown = step >= self.warm_until
        told = super().train_step(step)
        self.unread = self.path, Reading(told["loss"])
        return told

    def sample_paths(self, rng: np.random.Generator) -> list[Path]:
        """Kept for when its loss is known."""
        grown = self.grown
        self.path = self.from_tree(rng, self.options.bonus) if grown else self.space.sample(rng)
        return [self.path]

    def learn(self) -> None:
        """Reward the last path: the moving average of the loss over its own loss."""
        if not self.unread:
            return
        (path, reading), self.unread = self.unread, None
        loss, keep = max(float(reading.finite("losses")), 1e-6), self.options.smoothing
        self.usual = keep * self.usual + (1 - keep) * loss if self.tree.nodes else loss
        self.tree.tell(path, self.usual / loss)

    def _plant(self, history: Sequence[tuple[Path, float]], usual: float) -> None:
        """A tree that was told ``history``."""
        sizes, chosen = [len(site.operators) for site in self.space.sites], self.options
        self.tree = Tree(sizes, chosen.operator, chosen.temperature, chosen.sharing)
        self.usual, self.unread = usual, None
        for path, reward in history:
            self.tree.tell(path, reward)

    tree: Tree
    usual: float  # the moving average of the loss
    unread: tuple[Path, Reading] | None  # the last path and its loss
    path: Path
    grown = True  # whether the step at hand draws from the tree

    # State ------------------------------------------------------------------------------------

    def trained_state(self) -> dict[str, Any]:
        self.learn()
        paths, rewards = zip(*self.tree.history, strict=True) if self.tree.history else ((), ())
        told = {"paths": torch.tensor(paths), "rewards": torch.tensor(rewards, dtype=torch.float64)}
        return super().trained_state() | told | {"usual": self.usual}

    def load_trained_state(self, state: dict[str, Any]) -> None:
        super().load_trained_state(state)
        paths = map(tuple, state["paths"].tolist())
        self._plant(list(zip(paths, state["rewards"].tolist(), strict=True)), state["usual"])
