"""Few-shot NAS: several supernets, each for a part of the space (Zhao et al., arXiv:2006.06863).

Operators that share weights with all others adapt to these, not to their own network. So a
supernet is trained, then split at one choice site: each of K sub-supernets inherits its weights,
keeps some of the operators of that site only, and is trained on. An architecture is scored by the
sub-supernet that has it.

What the paper leaves open is as in its released code for NAS-Bench-201: the first edge is split
into its five operators; the supernet is trained for 600 epochs and each sub-supernet for 150, by
the same recipe from its first learning rate on, without the momentum of before.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from methods.base import Method, Setting
from methods.lazy import torch
from methods.options import Recipe, option
from methods.processes import divisible
from searchspaces.base import Path, choices
from searchspaces.errors import UsageError

TRIES = 10_000


@dataclass(frozen=True)
class FewShotOptions:
    """Where the supernet is split, into how many, and when."""

    site: int = option(0, "number of the choice site that is split, from 0 on")
    parts: int = option(0, "sub-supernets; 0: one for each operator of the site")
    tuning: float = option(
        0.25, "steps of each sub-supernet, as a share of those of the supernet; 0: no split"
    )

    def __post_init__(self) -> None:
        """Raises :class:`UsageError` for negative values."""
        for name, value in vars(self).items():
            if value < 0:
                raise UsageError(f"--options.{name} must not be negative, as {value} is.")


class FewShot(Method):
    """All steps together are those of the recipe: of the supernet, then of each part in turn.

    Where ``parts`` are fewer than the operators, each has neighbours in the order of the genes.
    Paths of a part are drawn as the space draws, until one is of the part.
    """

    Options = FewShotOptions

    def __init__(self, setting: Setting, options: FewShotOptions):
        """Raises :class:`UsageError` for a site that is none, or has fewer operators than parts."""
        space = setting.space
        sizes = choices(space)
        if options.site not in sizes:
            raise UsageError(
                f"--options.site {options.site} is no choice of an operator in {space.name}; its "
                f"sites are {min(sizes)} to {max(sizes)}."
            )
        operators = sizes[options.site]
        self.parts = options.parts or operators
        if self.parts > operators:
            raise UsageError(
                f"--options.parts {self.parts} are more than the {operators} operators of "
                f"{space.sites[options.site].name} in {space.name}."
            )
        self.of_gene = [gene * self.parts // operators for gene in range(operators)]
        super().__init__(setting, options)
        self.joint = joint_steps(setting.recipe.steps, self.parts, options.tuning)

    def build(self) -> Any:
        from searchspaces.sub_supernets import SubSupernets

        return SubSupernets(super().build(), self.options.site, self.of_gene)

    def notes(self) -> list[str]:
        left, site = self.setting.recipe.steps - self.joint, self.options.site
        least, more = divmod(left, self.parts)
        each = f"{least:,}" + f" or {least + 1:,}" * bool(more)
        return [
            f"the supernet of {self.joint:,} steps is split at {self.space.sites[site].name} into "
            f"{self.parts} sub-supernets, which take {each} steps each"
        ]

    def stage(self, step: int) -> tuple[int | None, int, int]:
        """Which part takes ``step``, None for the supernet; the number of the step among its own, and how many these are."""
        if step < self.joint:
            return None, step, self.joint
        left = self.setting.recipe.steps - self.joint
        number, part = divmod(step - self.joint, self.parts)
        return part, number, -(-(left - part) // self.parts)

    @divisible
    def train_step(self, step: int) -> dict[str, torch.Tensor]:
        if step == self.joint:
            self.supernet.divide()
            self.optimizer.state.clear()
        self.part = self.stage(step)[0]
        return super().train_step(step)

    def sample_paths(self, rng: np.random.Generator) -> list[Path]:
        """Raises :class:`UsageError` where the space never draws an architecture of the part."""
        for _ in range(TRIES):
            path = self.space.sample(rng)
            if self.part in (None, self.of_gene[path[self.options.site]]):
                return [path]
        raise UsageError(
            f"{self.space.name} draws no architecture of sub-supernet {self.part} when it is split "
            f"at site {self.options.site}; choose another --options.site."
        )

    part: int | None = None  # that takes the present step

    def update(self, step: int, recipe: Recipe | None = None) -> None:
        """The learning rate decays over the steps of each supernet's own."""
        _, number, steps = self.stage(step)
        super().update(number, replace(recipe or self.setting.recipe, steps=steps))


def joint_steps(steps: int, parts: int, tuning: float) -> int:
    """How many of ``steps`` the supernet takes, so that each part can take ``tuning`` times these."""
    return round(steps / (1 + parts * tuning))
