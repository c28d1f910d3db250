"""SETN: a self-evaluated template network (Dong & Yang, ICCV 2019, arXiv:1910.05733).

A rival. The template learns on uniform paths, one a step, as SPOS's supernet does. The evaluator,
the architecture parameters, learns which candidates have a low validation loss, from the mixture
of all operators by their softmax, as DARTS's do. The search draws candidates by the evaluator and
takes the one with the best accuracy on validation images by the template's weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from methods.base import PATHS, Batch, Method, Setting
from methods.darts import DARTS, DARTSOptions
from methods.lazy import torch
from methods.search.drawn import Drawn
from searchspaces.base import Arch, SearchSpace


@dataclass(frozen=True)
class SETNOptions(DARTSOptions):
    """Of the evaluator, as NAS-Bench-201 has them."""


class SETN(DARTS):
    """Scores are those of the template; the evaluator says only what is looked at."""

    Options = SETNOptions
    scores_images = True
    score, found = Method.score, Method.found

    def __init__(self, setting: Setting, options: SETNOptions):
        super().__init__(setting, options)
        self.evolution = Drawn(self.space, setting.search, self.feasible, self.draw)

    @classmethod
    def paths_per_pass(cls, options: Any, space: SearchSpace) -> float:
        """The mean of its two passes: a path, and all operators."""
        return (1 + super().paths_per_pass(options, space)) / 2

    def mixture_loss(self, batch: Batch, step: int) -> torch.Tensor:
        """The template's."""
        return self.path_loss(self.space.sample(self.rng(PATHS, step)), batch)

    def arch_loss(self, batch: Batch, step: int) -> torch.Tensor:
        return self.loss_of(self.mixture(step), batch)

    def draw(self, rng: np.random.Generator) -> Arch:
        """Operators by the evaluator's probabilities: of these logarithms and Gumbel noise the most."""
        logs = self._log_probabilities()
        return self.relaxation.derive([of + rng.gumbel(size=len(of)) for of in logs])
