"""BOHB (Falkner et al., ICML 2018, arXiv:1807.01774): Hyperband, and a model that proposes to it.

Hyperband (Li et al., JMLR 2018, Algorithm 1) takes turns at brackets of successive halving. One
begins with n architectures that are trained for few epochs; the best part of them is trained for
longer, and so on up to whole trainings. The bracket whose first trainings have r of R epochs, with s
lengths above r, begins with n = ⌈(s_max + 1) / (s + 1) · R / r⌉, and ⌊n · r / r'⌋ of them reach r'.
Where lengths are R / η^s these are the numbers of the paper; here they are those that a table has.

The model is a tree-structured Parzen estimator over all sites at once, Optuna's, of the longest
trainings of which there are enough. Hyperband of Optuna's is not taken: it decides on each training as
it comes, and not on the best of a rung.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter

import numpy as np

from methods.options import check_limits, option
from methods.search.candidates import Candidates
from methods.search.proposals import Proposals, optuna_for
from methods.search.table_search import TableSearch
from searchspaces.errors import UsageError

TRIES = 20  # proposals that may already be in the bracket


@dataclass(frozen=True)
class BOHBOptions:
    """η, shares and draws as in the released code, HpBandSter; ``least`` as the paper has it.

    The paper's N_min is the number of sites and one more, and the model takes two more than that.
    The share of the good is that of Optuna's sampler.
    """

    eta: float = option(3.0, "η: a length of training has at most 1/η of the epochs of the next")
    random: float = option(1 / 3, "share of the architectures that are drawn at random")
    least: int = option(
        0, "trainings of a length before there is a model of it; 0: three more than sites"
    )
    samples: int = option(64, "draws from the model's good half, of which the likeliest is taken")

    def __post_init__(self) -> None:
        """Raises :class:`UsageError` for numbers out of bounds."""
        limits = {"bohb.eta": (1.1, 1e6), "bohb.random": (0.0, 1.0), "bohb.samples": (1.0, 1e6)}
        check_limits({f"bohb.{name}": value for name, value in vars(self).items()}, limits)


class BOHB(TableSearch):
    """No architecture stands twice in the first rung of a bracket, if the space has others.

    ``models``: of each rung, which is a length of training, what was trained for so long.
    """

    Options = BOHBOptions
    staged = True

    def __init__(
        self, candidates: Candidates, options: BOHBOptions, queries: int, rng: np.random.Generator
    ):
        super().__init__(candidates, options, queries, rng)
        self.rungs = spaced(candidates.epochs, options.eta)
        if len(self.rungs) < 2:
            known = " and ".join(map(str, candidates.epochs)) or "one number of"
            what = "take a table of more lengths, such as --task cifar10, without --signal"
            if len(candidates.epochs) > 1:
                what += ", or lower --bohb.eta"
            raise UsageError(
                f"bohb begins with short trainings, and what it may see is after {known} epochs "
                f"only; {what}."
            )
        self.brackets = brackets([candidates.epochs[place] for place in self.rungs])
        self.models = [self._model() for _ in self.rungs]
        self.least = options.least or len(candidates.space.sites) + 3
        self.bracket = self.rung = len(self.rungs) - 1
        self.left = 0  # trainings of the rung at hand that are still to be asked for
        self.going: list[int] = []  # for which rows, where these come from the rung before
        self.done: list[tuple[float, int]] = []  # accuracies and rows of the rung at hand

    def _model(self) -> Proposals:
        sampler = optuna_for("bohb").samplers.TPESampler
        with warnings.catch_warnings():  # versions before 5 call some of it experimental
            warnings.simplefilter("ignore")
            made = sampler(
                n_startup_trials=0,
                n_ei_candidates=self.options.samples,
                multivariate=True,
                constant_liar=True,  # keeps off what it has proposed to the rung at hand
                seed=int(self.rng.integers(2**31)),
            )
        return Proposals("bohb", self.candidates.space, made)

    def ask(self) -> int:
        if not self.left:
            self._next_rung()
        self.left -= 1
        self.length = self.rungs[self.rung]
        return self.going.pop(0) if self.going else self._fresh()

    def tell(self, row: int, accuracy: float) -> None:
        self.done.append((accuracy, row))
        self.models[self.rung].learn(self.candidates.arch(row), accuracy)

    def _next_rung(self) -> None:
        """The best of the rung go on, or the next bracket begins: that of whole trainings is last."""
        for model in self.models:
            model.drop()
        self.rung += 1
        if self.rung == len(self.rungs):
            self.bracket = self.rung = (self.bracket + 1) % len(self.rungs)
            self.done = []
        self.left = self.brackets[self.bracket][self.rung - self.bracket]
        best = sorted(self.done, key=itemgetter(0), reverse=True)[: self.left]
        self.going, self.done = [row for _, row in best], []

    def _fresh(self) -> int:
        """What the model proposes, or a random candidate."""
        known = [model for model in self.models if model.known >= self.least]
        begun = {row for _, row in self.done}
        for _ in range(TRIES):
            if not known or self.rng.random() < self.options.random:
                row = self.candidates.sample(self.rng)
            else:
                row = self.candidates.closest(known[-1].ask(), self.rng)
            if row not in begun:
                break
        return row


def spaced(epochs: Sequence[int], eta: float) -> list[int]:
    """Places of the lengths that are used: the longest, and before each the longest of 1/η of it."""
    places = [len(epochs) - 1] if epochs else []
    for place in range(len(epochs) - 2, -1, -1):
        if epochs[place] * eta <= epochs[places[0]]:
            places.insert(0, place)
    return places


def brackets(epochs: Sequence[int]) -> list[list[int]]:
    """Of each bracket, the longest first, how many are trained at each of its lengths."""
    longest, number = epochs[-1], len(epochs)
    sizes = []
    for start, least in enumerate(epochs):
        first = -(-number * longest // ((number - start) * least))  # rounded up
        sizes.append([first * least // length for length in epochs[start:]])
    return sizes
