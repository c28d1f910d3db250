"""MNGNAS: search in which every candidate is retrained by an adaptive combination of teachers.

Chen et al., "MNGNAS: Distilling Adaptive Combination of Multiple Searched Networks for One-Shot
Neural Architecture Search" (2023). The supernet is another method's (``base``); the evolution
retrains each candidate from its supernet weights under knowledge distillation, and the validation
accuracy after retraining is the score.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from methods.base import RETRAIN, SEARCH, Batch, Method, Setting, in_chunks, set_learning_rate, sgd
from methods.mngnas.coefficients import adaptive_coefficients
from methods.mngnas.distillation import Outputs, mixed_distillation
from methods.mngnas.options import MNGNASOptions
from methods.mngnas.teachers import Member, TeacherGroups
from methods.options import Recipe
from methods.reference_solvers import load_cvxpy
from methods.registry import METHODS
from methods.transfer import to_device
from searchspaces.base import Arch, SearchSpace
from searchspaces.errors import UsageError
from searchspaces.supernet import Supernet

TRIES = 2000
PARTS = 4  # so many populations are ranked while the teachers answer once


class MNGNAS(Method):
    """A search-phase wrapper around the method named by ``base``."""

    Options = MNGNASOptions
    weights_are = "inherited from the supernet, then retrained under searched teachers"

    def __init__(self, setting: Setting, options: MNGNASOptions):
        if options.solver == "cvxpy":
            load_cvxpy()  # where it is missing, that is said before the supernet is trained
        super().__init__(setting, options)
        self.base: Method = METHODS[options.base](setting, options.base_options)
        self.supernet, self.optimizer = self.base.supernet, self.base.optimizer
        self.costs = self.base.costs
        self.population: list[Member] = []
        self.previous_best: list[Member] = []
        self.groups = TeacherGroups(options.teachers)

    @classmethod
    def training_identity(cls, options: MNGNASOptions) -> dict[str, Any]:
        return METHODS[options.base].training_identity(options.base_options)

    @classmethod
    def trains_by_limits(cls, options: MNGNASOptions) -> bool:
        return METHODS[options.base].trains_by_limits(options.base_options)

    @classmethod
    def affine(cls, options: MNGNASOptions) -> bool:
        return METHODS[options.base].affine(options.base_options)

    @classmethod
    def paths_per_step(cls, options: MNGNASOptions, space: SearchSpace) -> dict[str, float]:
        return METHODS[options.base].paths_per_step(options.base_options, space)

    @classmethod
    def compute_per_step(
        cls, options: MNGNASOptions, space: SearchSpace, recipe: Recipe, images: int
    ) -> float:
        """Of the supernet's training; search and retraining come on top, whatever its length."""
        return METHODS[options.base].compute_per_step(options.base_options, space, recipe, images)

    def notes(self) -> list[str]:
        return self.base.notes()

    def train_step(self, step: int) -> dict[str, torch.Tensor]:
        return self.base.train_step(step)

    # Search (Algorithm 3) -------------------------------------------------------------------

    @property
    def search_epochs(self) -> int:
        return self.options.search_epochs

    def search_epoch(self, epoch: int) -> list[tuple[Arch, float]]:
        """Retrain the population, score it, renew the teachers, breed the next population."""
        rng = self.rng(SEARCH, epoch)
        if epoch == 0:
            archs = self.evolution.random(self.options.population, rng)
            self.population = [self._member(arch) for arch in archs]
            self.groups.threshold = float(np.median([m.madds for m in self.population]))
        self._retrain(self.population, first_step=epoch * self.options.retrain_steps)
        scored_before = self.costs["scoring_image_passes"]
        for member, score in zip(self.population, self._scores(self.population), strict=True):
            member.score = score
        ranked = sorted(self.population, key=lambda m: m.score, reverse=True)
        if self.options.kd == "full":
            self._tune_with_perturbations(ranked[0], epoch, rng)
        # no score exists without the teachers, which these scores choose
        self.costs["compute"] += self.costs["scoring_image_passes"] - scored_before
        scored = [(m.arch, m.score) for m in ranked]
        self.evolution.tell(scored)
        self.previous_best = [ranked[0].copy()]
        self.groups.merge(ranked)
        kept = ranked[: max(len(ranked) - self.options.removed, 1)]
        last = epoch + 1 == self.search_epochs  # whoever is ranked meets those who were kept
        missing = 0 if last else len(ranked) - len(kept)
        children = self._breed([m.arch for m in kept], missing, rng)
        self.population = kept + [self._member(arch) for arch in children]
        return scored

    def _breed(self, parents: list[Arch], number: int, rng: np.random.Generator) -> list[Arch]:
        """Architectures never met before, by crossover or by changing one block of a parent."""

        def child() -> Arch:
            first, second = (parents[int(i)] for i in rng.integers(len(parents), size=2))
            if rng.random() < self.options.crossover:
                return self.space.crossover(first, second, rng)
            return self.space.neighbour(first, rng)

        fresh: dict[Arch, None] = {}
        self.evolution.fill(fresh, number, child, tries=TRIES)
        return list(fresh)

    # Retraining (Algorithm 1) ---------------------------------------------------------------

    def chunks(self, archs: Sequence[Arch]) -> list[list[int]]:
        """Several populations, in the order given: they share what the teachers say."""
        return in_chunks(range(len(archs)), PARTS * self._together)

    @property
    def _together(self) -> int:
        """How many students are in memory with all that their gradients need."""
        return max(self.options.population, 8)

    def score(self, archs: Sequence[Arch]) -> np.ndarray:
        """Validation score after retraining each of ``archs`` from its supernet weights.

        Its teachers are those the search has collected, its peers the population that the search
        kept, as it left them: who else is ranked makes no difference (Algorithm 3 retrains the
        population; an architecture from outside takes the place of one of them).
        """
        return np.array(self._scores(self._retrained(archs)))

    def network_of(self, arch: Arch) -> Supernet:
        """As the search left it, where it is among the teachers; the best of the search always is.

        Else as it is retrained for its score.
        """
        met = [m for m in self.groups.small + self.groups.large if m.arch == arch]
        if not met:
            met = self._retrained([arch])
            self._check(bool(self._finite(met).all()))
        return max(met, key=lambda m: m.score).copy().network

    def _retrained(self, archs: Sequence[Arch]) -> list[Member]:
        members = [self._member(arch) for arch in archs]
        first = self.search_epochs * self.options.retrain_steps
        self._retrain(members, first, peers=self.population)
        return members

    def _scores(self, members: list[Member]) -> list[float]:
        """Of those that were retrained; a device is waited for once."""
        networks, finite = (member.network for member in members), self._finite(members)
        scores = self.validation_scores_of(networks, len(members), finite)
        self._check(not np.isnan(scores).any())
        return scores.tolist()

    def _finite(self, members: list[Member]) -> torch.Tensor:
        """Whose last loss is finite, ``[members]``, still on the device."""
        return torch.stack([member.loss for member in members]).isfinite()

    def _check(self, finite: bool) -> None:
        if not finite:
            raise UsageError(
                "the loss of a retraining is not finite; lower --options.retrain-lr, which is "
                f"{self.options.retrain_lr:g}."
            )

    def score_in_training(self, archs: Sequence[Arch], step: int) -> np.ndarray | None:
        """The base's: there are no teachers to retrain under before the search."""
        return self.base.score_in_training(archs, step)

    def _member(self, arch: Arch) -> Member:
        madds = self.cost_of(arch).madds
        return Member(arch, madds, self.supernet.subnet(arch))

    def _recipe(self, steps: int) -> Recipe:
        """The supernet's recipe with the retraining's length and learning rate."""
        whole = vars(self.setting.recipe) | {"steps": steps, "lr": self.options.retrain_lr}
        return Recipe(**whole | {"schedule": "cosine"})

    def _batch(self, step: int) -> Batch:
        recipe = self.setting.recipe
        return self.data.train_batch(step, recipe.batch_size, self.setting.seed + RETRAIN)

    def _retrain(
        self, members: list[Member], first_step: int, peers: list[Member] | None = None
    ) -> None:
        """Retrain all ``members`` on the same batches, each with its own weights.

        They are each other's peers, or ``peers``, which stay as they are, are everyone's.
        """
        recipe = self._recipe(self.options.retrain_steps)
        optimizers = [sgd(member.network, recipe) for member in members]
        guides, member_of = self._guides(members, peers)
        for member in members:
            member.network.train()
        parts = in_chunks(range(len(members)), len(members) if peers is None else self._together)
        for step in range(recipe.steps):
            x, y = self._batch(first_step + step)
            told = Outputs.of([guide.network for guide in guides], x) if guides else None
            for part in parts:
                features = [members[i].network.features(x) for i in part]
                advice = self._advice(features, told, member_of[part])
                for row, (i, (stages, logits)) in enumerate(zip(part, features, strict=True)):
                    smoothing = recipe.label_smoothing
                    loss = functional.cross_entropy(logits, y, label_smoothing=smoothing)
                    if advice is not None:
                        outputs, shares = advice
                        for group in range(2):
                            if member_of[i, group].any():
                                share = shares[row, group]
                                loss = loss + mixed_distillation(stages, logits, outputs, share)
                    self._update(optimizers[i], recipe, step, loss, members[i])
            images = len(y) * (len(members) + len(guides))
            self.count(len(members) + len(guides), len(members), images)

    def _guides(
        self, members: list[Member], peers: list[Member] | None
    ) -> tuple[list[Member], torch.Tensor]:
        """The models that stay as they are, and which student listens to whom.

        Those models are the searched ones and ``peers``. The mask is ``[students, 2, n]``, on the
        host: group 0 are searched models, group 1 peers; n counts those models, and behind them the
        students where they are each other's peers. It is empty in the arm without distillation and
        before the first models exist.
        """
        kd, count = self.options.kd, len(members)
        if kd == "none" or not self.previous_best:
            return [], torch.zeros(count, 2, 0, dtype=torch.bool)
        groups = self.groups.small + self.groups.large
        teachers = self.previous_best if kd == "single" else groups
        guides = teachers + (peers or [] if kd == "full" else [])
        mutual = kd == "full" and peers is None
        mask = torch.zeros(count, 2, len(guides) + mutual * count, dtype=torch.bool)
        for index, member in enumerate(members):
            mine = teachers if kd == "single" else self.groups.side(member.madds)
            mask[index, 0, : len(teachers)] = torch.tensor([t in mine for t in teachers])
            others = members if mutual else guides[len(teachers) :]
            mask[index, 1, len(teachers) :] = torch.tensor(
                [other is not member and (mutual or other.arch != member.arch) for other in others]
            )
        return guides, mask

    def _advice(
        self,
        features: list[tuple[list[torch.Tensor], torch.Tensor]],
        told: Outputs | None,
        member_of: torch.Tensor,
    ) -> tuple[Outputs, torch.Tensor] | None:
        """Outputs of everyone who is listened to, and each student's weights ``[S, 2, n]``.

        ``told`` are those of the models that stay as they are.
        """
        if told is None:
            return None
        students, outputs = Outputs.stack(features), told
        if member_of.shape[2] > len(told.probabilities):
            outputs = told.join(students)
        device, dtype = outputs.probabilities.device, outputs.probabilities.dtype
        if self.options.kd in ("single", "average"):
            weights = member_of.float() / member_of.sum(-1, keepdim=True).clamp(min=1)
            return outputs, to_device(weights.sum(1, keepdim=True) * member_of, device)
        weights = adaptive_coefficients(
            students.probabilities.flatten(1),
            outputs.probabilities.flatten(1),
            member_of,
            self.options.qp,
            self.options.solver,
        )
        return outputs, weights.to(dtype).unsqueeze(1) * to_device(member_of, device)

    def _update(
        self,
        optimizer: torch.optim.SGD,
        recipe: Recipe,
        step: int,
        loss: torch.Tensor,
        member: Member,
    ) -> None:
        set_learning_rate(optimizer, recipe, step)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        if recipe.clip:
            torch.nn.utils.clip_grad_norm_(member.network.parameters(), recipe.clip)
        optimizer.step()
        member.loss = loss.detach()

    # Perturbation-aware fine-tuning (Algorithm 2, eqs. 21-23) ---------------------------------

    def _tune_with_perturbations(self, best: Member, epoch: int, rng: np.random.Generator) -> None:
        """Pull ``best`` towards architectures that differ from it in one block.

        Only ``best`` is updated: cross-entropy plus KL(best ‖ neighbour), with a plus where
        eq. 23 prints a minus.
        """
        steps = self.options.perturb_steps
        recipe = self._recipe(self.options.perturbed * steps)
        optimizer = sgd(best.network, recipe)
        for index, arch in enumerate(self._perturbations(best.arch, rng)):
            neighbour = self._neighbour(best, arch)
            for step in range(index * steps, (index + 1) * steps):
                x, y = self._batch(epoch * recipe.steps + step)
                with torch.no_grad():
                    target = neighbour.train()(x).log_softmax(-1)
                logits = best.network.train()(x)
                loss = functional.cross_entropy(logits, y) + functional.kl_div(
                    target, logits.log_softmax(-1), reduction="batchmean", log_target=True
                )
                self._update(optimizer, recipe, step, loss, best)
                self.count(2, 1, 2 * len(y))
        (best.score,) = self._scores([best])

    def _neighbour(self, best: Member, arch: Arch) -> Supernet:
        """``arch`` with the blocks that it shares with ``best``, the others from the supernet.

        Where genes decide widths, a block of another width is another block.
        """
        network = self._member(arch).network
        shared, own = best.network.state_dict(), network.state_dict()
        for name in own.keys() & shared.keys():
            if own[name].shape == shared[name].shape:
                own[name] = shared[name]
        network.load_state_dict(own)
        return network

    def _perturbations(self, arch: Arch, rng: np.random.Generator) -> list[Arch]:
        """Distinct connected architectures that differ from ``arch`` in one block (eq. 21)."""
        fresh: dict[Arch, None] = {}
        for _ in range(TRIES):
            if len(fresh) == self.options.perturbed:
                break
            neighbour = self.space.neighbour(arch, rng)
            if self.space.is_valid(neighbour):
                fresh[neighbour] = None
        return list(fresh)

    # State ------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        return super().state_dict() | {
            "population": [m.state_dict() for m in self.population],
            "previous_best": [m.state_dict() for m in self.previous_best],
            "groups": self.groups.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        super().load_state_dict(state)
        self.base.costs = self.costs
        self.population = [self._restore(s) for s in state["population"]]
        self.previous_best = [self._restore(s) for s in state["previous_best"]]
        self.groups.load_state_dict(state["groups"], self._restore)

    def _restore(self, state: dict[str, Any]) -> Member:
        member = self._member(tuple(state["arch"]))
        member.network.load_state_dict(state["network"])
        member.score = state["accuracy"]
        return member
