"""Cream: the supernet's best paths teach the others (Peng et al. 2020, "Cream of the Crop").

After a warm-up a board keeps the paths with the highest accuracies on their training batches.
Each sampled path is distilled from one of them, chosen and weighed by a matching network that
learns from what its weights did to the student.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from methods.base import PATHS, Batch, Method, Setting, compute, set_learning_rate, sgd
from methods.batchnorm import frozen_statistics
from methods.cream.matching import (
    MatchingNetwork,
    MetaTask,
    clipped_step,
    distillation_weight,
    meta_gradients,
)
from methods.cream.options import CreamOptions, Quirks
from methods.cream.path_board import Board, Entry, Offer
from methods.data import first_batches
from methods.options import Recipe
from methods.processes import divisible
from methods.transfer import Reading
from searchspaces.base import Arch, Path, SearchSpace, choices
from searchspaces.errors import UsageError

Considered = tuple[torch.Tensor, Reading]

REPORT = 40
WATCHED = 4  # paths of a report, as many as EnNAS watches


class Cream(Method):
    """One path per step with a teacher from the board; what is found is the board's best path.

    Every pass other than the student's own runs with batch statistics that it leaves no trace
    of. Only if no path of the board is feasible does the evolution of the base class search.
    Raises :class:`UsageError` for batches too small and for a prior that the space has no use for.
    """

    Options = CreamOptions

    def __init__(self, setting: Setting, options: CreamOptions):
        least, given = 2 * options.slice, setting.recipe.batch_size
        if given < least:
            raise UsageError(
                f"Cream compares two slices of {options.slice} images of each batch, more than "
                f"the {given} there are; set --train.batch-size to {least} or more, or lower "
                "--options.slice."
            )
        super().__init__(setting, options)
        self.prior = options.prior
        self.operator_sites = list(choices(self.space))
        self._check_prior()
        self.quirks = Quirks.all(options.official_quirks)
        self.board = Board(options.board)
        self.board_opens = round(options.warmup * setting.recipe.steps)
        self.update_every = options.update_every(setting.recipe.steps)
        self.matching = MatchingNetwork(options.slice, self.data.image.classes)
        self.matching.to(setting.device)
        self.matching_optimizer = torch.optim.SGD(
            self.matching.parameters(),
            options.meta_lr,
            setting.recipe.momentum,
            nesterov=setting.recipe.nesterov,
        )
        if self.quirks.live_matching:
            for group in sgd(self.matching, setting.recipe).param_groups:
                self.optimizer.add_param_group(group)

    @classmethod
    def affine(cls, options: CreamOptions) -> bool:
        """All BNs of the released code have scale and shift."""
        return True

    @classmethod
    def paths_per_step(cls, options: CreamOptions, space: SearchSpace) -> dict[str, float]:
        """The student's, and once the board opens the teacher's forward."""
        return {"forwards": 2 - options.warmup, "backwards": 1.0}

    @classmethod
    def compute_per_step(
        cls, options: CreamOptions, space: SearchSpace, recipe: Recipe, images: int
    ) -> float:
        """Also what choosing a teacher passes, the stored images of a full board, and updates.

        An update of the matching network chooses once more, then passes a slice thrice, twice of
        them back.
        """
        own = super().compute_per_step(options, space, recipe, images)
        chosen_by = options.board * options.slice
        updated = chosen_by + options.slice * compute(3, 2)
        extra = chosen_by + updated / options.update_every(recipe.steps)
        return own + (1 - options.warmup) * extra / recipe.batch_size

    def _check_prior(self) -> None:
        given = len(self.prior)
        for site in (self.space.sites[s] for s in self.operator_sites):
            if given not in (0, len(site.operators)):
                raise UsageError(
                    f"--options.pre-prob has {given} numbers, but {site.name} of "
                    f"{self.space.name} has {len(site.operators)} operators; give one for each, "
                    "or leave it out."
                )

    # Training -------------------------------------------------------------------------------

    @divisible
    def train_step(self, step: int) -> dict[str, torch.Tensor]:
        """One step on one path; returns its loss and, zero without a teacher, KD and ρ."""
        recipe = self.setting.recipe
        batch = self.data.train_batch(step, recipe.batch_size, self.setting.seed)
        x, y = self.processes.part(batch)
        (path,) = self.sample_paths(self.rng(PATHS, step))
        target, considered = None, None
        rho = kd = torch.zeros((), device=self.setting.device)
        if len(self.board):
            with self._beside_training():
                since = step - self.board_opens
                if since and since % self.update_every == 0:
                    set_learning_rate(self.optimizer, recipe, step)  # of its real, clipped step
                    self.meta_update(path, batch)
                considered = self.consider(path)
                if self.quirks.live_statistics:  # in the order of the released code
                    target, rho = self.guide(considered, batch)
        self.optimizer.zero_grad(set_to_none=True)
        logits = self.supernet(x, path)  # what a device has to do while the host reads the scores
        if considered is not None and target is None:
            with self._beside_training():
                target, rho = self.guide(considered, batch)
        if step >= self.board_opens:
            outputs = self.processes.whole(logits.detach())
            right = (outputs.argmax(1) == batch[1]).sum().view(1)
        loss = functional.cross_entropy(logits, y, label_smoothing=recipe.label_smoothing)
        if target is not None:
            kd = functional.cross_entropy(logits, target)
            loss = mixed_loss(loss, kd, rho, self.options.loss)
        loss.backward()
        if self.quirks.live_matching:
            self.processes.average(self.matching.parameters())
        self.update(step)
        self.count(1, 1, len(batch[1]))
        if step >= self.board_opens:
            taught = target if target is None else self.processes.whole(target)
            self.offer(path, right, batch[0], outputs, taught)
        told = {"loss": loss, "kd": kd}
        means = {name: self.processes.mean(value.detach()) for name, value in told.items()}
        return means | {"rho": rho.detach()}

    def sample_paths(self, rng: np.random.Generator) -> list[Path]:
        path = list(self.space.sample(rng))
        if self.prior and not self.quirks.uniform_prior:
            for site in self.operator_sites:
                path[site] = int(rng.choice(len(self.prior), p=self.prior))
        return [tuple(path)]

    def _beside_training(self) -> AbstractContextManager[None]:
        return nullcontext() if self.quirks.live_statistics else frozen_statistics(self.supernet)

    def guide(self, considered: Considered, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
        """The teacher's probabilities ``[B, classes]`` for this process's images, and its ρ.

        Both are detached, but for ρ where the released code lets each step train by it.
        """
        x, _ = self.processes.part(batch)
        teacher, rho = self.chosen(considered)
        with torch.no_grad():
            target = self.supernet(x, teacher.path).softmax(1)
        self.count(1, 0, len(batch[1]))
        return target, rho if self.quirks.live_matching else rho.detach()

    def choose_teacher(self, path: Path) -> tuple[Entry, torch.Tensor]:
        """The entry of the board that matches ``path``, and ρ with its graph to ``matching``."""
        return self.chosen(self.consider(path))

    def consider(self, path: Path) -> Considered:
        """The matching scores ``[entries]`` of ``path``, and the number of the entry they choose.

        One pass of the path over the images of all entries; one per entry with live statistics.
        Behind the number stands in the same reading what the last offer to the board waits for.
        """
        images, stored = self.board.stored()
        parts = images.split(self.options.slice if self.quirks.live_statistics else len(images))
        live = self.quirks.live_matching and torch.is_grad_enabled()
        with torch.set_grad_enabled(live), self.processes.apart():
            student = torch.cat([self.supernet(part, path) for part in parts]).softmax(1)
        self.count(len(parts), 0, len(images))
        scores = self.matching(student.view_as(stored), stored)
        best = scores.argmax() if self.options.teacher == "score" else scores.argmin()
        offered = self.board.offered
        read = best if offered is None else torch.cat([best.view(1), offered.right])
        return scores, Reading(read)

    def chosen(self, considered: Considered) -> tuple[Entry, torch.Tensor]:
        """The entry, and ρ."""
        scores, reading = considered
        number, *right = reading.numpy().reshape(-1).tolist()
        self.board.settle(*right)
        weighed = scores[-1 if self.quirks.last_score else number]
        return self.board.entries[number], distillation_weight(weighed)

    def meta_update(self, path: Path, batch: Batch) -> None:
        """A distillation step of ``path`` on a slice, and one of the matching network after it."""
        images = self.options.slice
        x, y = (part[: 2 * images] for part in batch)
        teacher, rho = self.choose_teacher(path)
        with self.processes.apart():
            with torch.no_grad():
                target = self.supernet(x[:images], teacher.path).softmax(1)
            task = MetaTask(path, target, x, y, self.setting.recipe.label_smoothing)
            lr = self.optimizer.param_groups[0]["lr"]
            student, meta = meta_gradients(
                self.supernet, self.matching, rho, task, lr, self.quirks.first_tensor_only
            )
        clipped_step(self.supernet, student, self.optimizer)
        clipped_step(self.matching, meta, self.matching_optimizer)
        self.count(3, 2, 3 * images)
        self.costs["steps"] += 1

    def offer(
        self,
        path: Path,
        right: torch.Tensor,
        x: torch.Tensor,
        logits: torch.Tensor,
        target: torch.Tensor | None,
    ) -> None:
        """Offer ``path`` to the board, which had so many of a batch ``right``.

        ``logits`` ``[B, classes]`` are its own for the images ``x``; ``target``, its teacher's
        probabilities for the same, is None where it had no teacher.
        """
        images = self.options.slice
        madds = self.cost_of(path).madds
        borrows = self.quirks.borrowed_outputs and target is not None
        outputs = target[:images].clone() if borrows else logits[:images].softmax(1)
        self.board.offer(Offer(right, len(x), madds, path, x[:images].clone(), outputs))

    @torch.no_grad()
    def epoch_report(self, step: int) -> dict[str, float]:
        """After each pass over the images, random paths and their teachers on validation images.

        Mean accuracies in percent of ``WATCHED`` paths and, once the board has any, of the
        teachers chosen for them. For watching only: nothing is chosen by it.
        """
        images = len(self.data.train)
        epoch, position = divmod(step + 1, images // min(self.setting.recipe.batch_size, images))
        if position or not self.options.report_images:
            return {}
        x, y = next(first_batches(self.data, "val", *2 * [self.options.report_images]))
        before, rng = self.costs.copy(), self.rng(REPORT, epoch)
        students = [path for _ in range(WATCHED) for path in self.sample_paths(rng)]
        shown = {"student_accuracy": students}
        with frozen_statistics(self.supernet):
            if self.board.entries:
                teachers = [self.choose_teacher(path)[0].path for path in students]
                shown["teacher_accuracy"] = teachers
            right = {
                name: torch.stack([self.supernet(x, path).argmax(1) == y for path in paths])
                for name, paths in shown.items()
            }
        passes = self.costs["image_passes"] - before["image_passes"]
        self.costs = before
        self.costs["monitoring_image_passes"] += passes + len(y) * WATCHED * len(shown)
        means = Reading(torch.stack([hits.float().mean() for hits in right.values()])).numpy()
        return {name: 100 * mean for name, mean in zip(right, means.tolist(), strict=True)}

    # Search ---------------------------------------------------------------------------------

    def candidates(self) -> list[Arch]:
        """The feasible paths of the board, best first, each once."""
        paths = dict.fromkeys(entry.path for entry in self.board.entries)
        return [path for path in paths if self.feasible(path)]

    @property
    def search_epochs(self) -> int:
        """One: nothing is searched for, only scored; an evolution's if the board has nothing."""
        return 1 if self.candidates() else super().search_epochs

    def search_epoch(self, epoch: int) -> list[tuple[Arch, float]]:
        archs = self.candidates()
        if not archs:
            return super().search_epoch(epoch)
        return list(zip(archs, self.score(archs).tolist(), strict=True))

    def found(self) -> Arch:
        """The best feasible path in the order of the board."""
        archs = self.candidates()
        return archs[0] if archs else super().found()

    def notes(self) -> list[str]:
        """What a reader of the result must know."""
        if self.candidates():
            return []
        return [
            f"none of the {len(self.board.entries)} paths on Cream's board is feasible; "
            "the architecture found is that of SPOS's evolution instead"
        ]

    # State ----------------------------------------------------------------------------------

    def trained_state(self) -> dict[str, Any]:
        """What a search needs of the training: the board is part of it."""
        return super().trained_state() | {"board": self.board.state_dict()}

    def load_trained_state(self, state: dict[str, Any]) -> None:
        super().load_trained_state(state)
        self.board.load_state_dict(state["board"], self.setting.device)

    def state_dict(self) -> dict[str, Any]:
        return super().state_dict() | {
            "matching": self.matching.state_dict(),
            "matching_optimizer": self.matching_optimizer.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        super().load_state_dict(state)
        self.matching.load_state_dict(state["matching"])
        self.matching_optimizer.load_state_dict(state["matching_optimizer"])


def mixed_loss(ce: torch.Tensor, kd: torch.Tensor, rho: torch.Tensor, form: str) -> torch.Tensor:
    """½[(2 − ρ)·CE + ρ·KD] as in the released code, or CE + ρ·KD as in the paper."""
    return ((2 - rho) * ce + rho * kd) / 2 if form == "code" else ce + rho * kd
