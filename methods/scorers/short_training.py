"""Short trainings: each architecture stand-alone for a few epochs, by the recipe of the tables.

What a method that shares weights has to beat: with as many epochs as the ground truth the scores
are the ground truth's own, on validation images.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from methods import scoring
from methods.base import in_chunks
from methods.options import option
from methods.scorers.scorer import Scorer
from methods.standalone.recipe import StandaloneRecipe
from searchspaces.base import Arch


@dataclass(frozen=True)
class ShortTrainingOptions(StandaloneRecipe):
    """The recipe by which `table build` trains, with other epochs."""

    flags = "options."
    epochs: int = option(1, "passes of each architecture over the training images")


class ShortTraining(Scorer):
    """A score is of the network after its last epoch, with the BN statistics of its training.

    Cells that do not join input to output are trained too, as the tables have them.
    """

    Options = ShortTrainingOptions
    scores_images = True

    def notes(self) -> list[str]:
        epochs = self.options.epochs
        return [
            "each architecture is trained by itself, for "
            f"{'one epoch' if epochs == 1 else f'{epochs} epochs'}: no weights are shared"
        ]

    def chunks(self, archs: Sequence[Arch]) -> list[list[int]]:
        """One at a time, which is long enough for an interruption to hurt."""
        return in_chunks(range(len(archs)), 1)

    def score(self, archs: Sequence[Arch]) -> np.ndarray:
        """Raises :class:`UsageError` where a training diverges."""
        return np.array([self.of(arch) for arch in archs], dtype=float)

    def of(self, arch: Arch) -> float:
        """By ``--score.by``, on validation images."""
        from methods.standalone.training import trained

        recipe = self.options.training()
        images = len(self.data.train)
        steps = recipe.epochs * recipe.steps_per_epoch(images)
        with self.drawn(0):
            network = trained(
                self.space, arch, self.data, recipe, self.setting.seed, self.setting.device
            )
        self.costs["steps"] += steps
        self.count(steps, steps, steps * min(recipe.batch_size, images))
        scored = replace(self.setting.scoring, bn="running")
        self.costs["scoring_image_passes"] += min(
            scored.images or len(self.data.val), len(self.data.val)
        )
        return scoring.score(network, self.data, scored)
