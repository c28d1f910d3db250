"""The sandwich rule with in-place distillation, as BigNAS trains its supernet.

Yu and Huang, "Universally Slimmable Networks and Improved Training Techniques" (2019,
arXiv:1903.05134), found both for widths of one network; Yu et al., "BigNAS" (2020,
arXiv:2003.11142), use them for all choices of a space. Each step trains the largest path, the
smallest and some random ones. The largest learns the labels; what it says of each image is what
all others learn. Gradients add up, and one update follows.

What else BigNAS has, an initialisation, a schedule and a penalty of the largest alone, is about
its networks of hundreds of layers, and left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from methods.base import Batch, Method
from methods.lazy import functional, torch
from methods.options import option
from methods.processes import divisible
from searchspaces.base import Arch, Path, SearchSpace
from searchspaces.errors import UsageError


@dataclass(frozen=True)
class SandwichOptions:
    """What lies between the largest and the smallest path, and who teaches it."""

    random: int = option(2, "random paths of a step, beside the largest and the smallest")
    distil: bool = option(
        True, "all paths but the largest learn from its probabilities; false: from the labels"
    )

    def __post_init__(self) -> None:
        """Raises :class:`UsageError` for a negative number."""
        if self.random < 0:
            raise UsageError(f"--options.random must not be negative, as {self.random} is.")


class Sandwich(Method):
    """Which paths are the largest and the smallest :meth:`SearchSpace.extremes` says."""

    Options = SandwichOptions

    @classmethod
    def paths_per_step(cls, options: SandwichOptions, space: SearchSpace) -> dict[str, float]:
        return {"forwards": 2.0 + options.random, "backwards": 2.0 + options.random}

    @cached_property
    def ends(self) -> tuple[Arch, Arch]:
        """The smallest and the largest path."""
        return self.space.extremes(self.data.image)

    def notes(self) -> list[str]:
        smallest, largest = map(self.space.encode, self.ends)
        return [f"every step trains the largest path, {largest}, and the smallest, {smallest}"]

    @divisible
    def train_step(self, step: int) -> dict[str, torch.Tensor]:
        self.taught = None
        return super().train_step(step)

    def sample_paths(self, rng: np.random.Generator) -> list[Path]:
        """The largest first: it teaches the others of its step."""
        smallest, largest = self.ends
        return [largest, smallest, *(self.space.sample(rng) for _ in range(self.options.random))]

    def path_loss(self, path: Path, batch: Batch) -> torch.Tensor:
        """Cross-entropy with the labels or, behind the first path of a step, with what that says."""
        x, y = batch
        logits = self.supernet(x, path)
        if self.taught is not None:
            return functional.cross_entropy(logits, self.taught)
        if self.options.distil:
            self.taught = logits.detach().softmax(-1)
        smoothing = self.setting.recipe.label_smoothing
        return functional.cross_entropy(logits, y, label_smoothing=smoothing)

    taught: torch.Tensor | None = None  # probabilities [B, classes], once the largest has run
