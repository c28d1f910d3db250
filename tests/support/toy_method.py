"""A method without a network: scores at once, from any process."""

from __future__ import annotations

from collections import Counter

import numpy as np


class ToyMethod:
    """Scores an architecture by itself and by those it is scored with; counts what it did."""

    def __init__(self, scores_together: int = 1):
        self.scores_together = scores_together
        self.costs = Counter(steps=3)
        self.calls: list[list] = []

    def score(self, archs) -> np.ndarray:
        self.calls.append(list(archs))
        self.costs.update(scoring_image_passes=10 * len(archs), path_forwards=len(archs))
        together = sum(sum(arch) for arch in archs)
        return np.array([np.sin(arch[0] + 0.1 * arch[1]) + 1e-3 * together for arch in archs])


def revive() -> ToyMethod:
    return ToyMethod()
