"""Ensembles of what is there: the mean rank in the scores of finished runs, nothing trained again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from methods.options import option
from methods.scorers.scorer import NOTHING, Scorer
from searchspaces.base import Arch
from searchspaces.errors import UsageError

Scores = Mapping[str, Mapping[str, float]]  # of each part, by encoded architecture


@dataclass(frozen=True)
class EnsembleOptions:
    """What is averaged."""

    of: str = option(
        "spos,synflow",
        "methods and scorers, with commas between: their finished runs of the same space, task and "
        "ground truth; of several of one method the one meant, as spos-1a2b3c4d in its folder's "
        "name, and of another seed than these, as spos-s1 or spos-1a2b3c4d-s1",
    )
    weights: str = option(
        "", "how much the ranks in each count, with commas between, as 1,4; empty: all the same"
    )
    part_seed: int = option(-1, "seed of these runs; -1: that of the ensemble")

    def __post_init__(self) -> None:
        """Raises :class:`UsageError` for fewer than two parts, one named twice, or wrong weights."""
        names = parts_in(self.of)
        if len(names) < 2 or len(set(names)) < len(names):
            raise UsageError(
                f"--options.of {self.of} names no ensemble: give two different methods, or seeds of "
                "one, or more, as spos,synflow or spos-s0,spos-s1."
            )
        weights = weights_in(self.weights)
        if self.weights and (
            len(weights) != len(names) or not all(0 < w < np.inf for w in weights)
        ):
            raise UsageError(
                f"--options.weights {self.weights} does not weigh {self.of}: give a number above 0 "
                f"for each of the {len(names)}, as {','.join(map(str, range(1, len(names) + 1)))}."
            )


class Ensemble(Scorer):
    """A score is the mean, over the parts, of an architecture's rank among those that all know.

    Ranks are shares of these architectures, from 0 for the worst to 1 for the best; equal ones
    share the mean of their ranks. It knows the score of these alone: its search is to take the
    best of them.
    """

    Options = EnsembleOptions
    sees = NOTHING
    scores: Mapping[str, float] = {}

    @classmethod
    def parts(cls, options: EnsembleOptions) -> list[str]:
        return parts_in(options.of)

    def take(self, parts: Scores, costs: Mapping[str, int]) -> None:
        """The scores of ``parts`` and what all of these cost; before anything is scored."""
        self.taken = {
            name: {arch: float(score) for arch, score in scores.items()}
            for name, scores in parts.items()
        }
        self.scores = mean_ranks(parts, weights_in(self.options.weights))
        self.costs.update(costs)

    def notes(self) -> list[str]:
        weighed = f", weighed {self.options.weights.strip()}," if self.options.weights else ""
        return [
            f"mean rank in the scores of {' and '.join(self.taken)}{weighed} among {len(self.scores):,} "
            "architectures; nothing was trained again, and costs are the sums of what these cost"
        ]

    def chunks(self, archs: Sequence[Arch]) -> list[list[int]]:
        """All at once: they are looked up."""
        return [list(range(len(archs)))]

    def score(self, archs: Sequence[Arch]) -> np.ndarray:
        """Raises :class:`UsageError` for an architecture that a part has not ranked."""
        names = [self.space.encode(arch) for arch in archs]
        for name in names:
            if name not in self.scores:
                raise UsageError(
                    f"{name} was not ranked by all of {self.options.of}; run these with the same "
                    "--rank.architectures."
                )
        return np.array([self.scores[name] for name in names], dtype=float)

    @property
    def search_epochs(self) -> int:
        return 0

    def found(self) -> Arch:
        """The best within the limits; raises :class:`UsageError` where none is."""
        for name in sorted(self.scores, key=self.scores.__getitem__, reverse=True):
            arch = self.space.decode(name)
            if self.feasible(arch):
                return arch
        raise UsageError(
            f"none of the architectures that {self.options.of} ranked has "
            f"{self.setting.search.described()}; widen the limits, such as --search.max-madds."
        )

    def state_dict(self) -> dict[str, Any]:
        return super().state_dict() | {"parts": self.taken}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        super().load_state_dict(state)
        self.take(state["parts"], Counter())


def parts_in(text: str) -> list[str]:
    return [name for name in (part.strip() for part in text.split(",")) if name]


def weights_in(text: str) -> list[float]:
    """The numbers in ``text``; what is none is not a number."""
    return [_number(part) for part in parts_in(text)]


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return np.nan


def mean_ranks(parts: Scores, weights: Sequence[float] = ()) -> dict[str, float]:
    """Of each architecture that all of ``parts`` know, the mean of its ranks, from 0 to 1.

    Each of ``weights`` is of one part; all count the same without.
    """
    first, *others = parts.values()
    archs = [arch for arch in first if all(arch in other for other in others)]
    ranks = [ranked(np.array([scores[arch] for arch in archs])) for scores in parts.values()]
    means = np.average(ranks, axis=0, weights=weights or None)
    return dict(zip(archs, means.tolist(), strict=True)) if archs else {}


def ranked(values: np.ndarray) -> np.ndarray:
    """The share of the other ``values`` ``[n]`` that each exceeds, half of those that equal it."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    below = np.cumsum(counts) - counts
    return (below + (counts - 1) / 2)[place] / max(len(values) - 1, 1)
