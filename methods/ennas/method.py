"""EnNAS: neural architecture search via ensemble-based knowledge distillation.

Each step trains several subnets on one batch. Their best linear combination on that batch teaches
each of them; subnets are drawn so that their operators differ. Of the paper's printed form:

* Eq. 3 subtracts the distillation, which would push subnets away from the teacher: it is added.
  λ and the temperature appear there without a value; 1 makes p and q what the text defines.
* Algorithm 1 updates the weights between the backward passes of subnets that all saw the weights
  before: gradients add up and one update follows.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from methods.base import PATHS, Method, Setting
from methods.batchnorm import frozen_statistics
from methods.data import first_batches
from methods.ennas.diversity import diversity_tables
from methods.ennas.ensemble import EnsembleWeights, ensemble_weights
from methods.ennas.on_device import MOST_FACES, number_of_faces, weights_on_device
from methods.ennas.options import EnNASOptions
from methods.ennas.sampling_law import SamplingLaw
from methods.options import Recipe
from methods.processes import divisible
from methods.reference_solvers import load_cvxpy
from methods.solvers import on_device
from methods.transfer import Reading
from searchspaces.base import Path, SearchSpace, choices

PROBE, REPORT = 50, 51


class EnNAS(Method):
    """``subnets`` paths per step, taught by their ensemble; an epoch is a share of the images.

    The shorter epochs let as many images pass as with one path per step and all images, in so
    many fewer optimiser steps. Topology genes are drawn once per step for all subnets. Scoring
    and search are the base class's.
    """

    Options = EnNASOptions

    def __init__(self, setting: Setting, options: EnNASOptions):
        if options.solver == "cvxpy":
            load_cvxpy()  # where it is missing, that is said at once
        super().__init__(setting, options)
        images = len(self.data.train)
        self.whole_epoch = images // min(setting.recipe.batch_size, images)
        self.epoch_steps = epoch_steps(options, self.whole_epoch)
        self.distils_from = options.warmup * setting.recipe.steps
        self.operators = choices(self.space)
        sizes = (len(site.operators) for site in self.space.sites)
        self.leaves_out = self.space.size < math.prod(sizes)
        self.laws = {
            site: SamplingLaw.uniform(size, options.subnets, options.replacement)
            for site, size in self.operators.items()
        }
        self.zeta: dict[int, torch.Tensor] = {}
        self.weights_sum = self._no_weights()

    @classmethod
    def paths_per_step(cls, options: EnNASOptions, space: SearchSpace) -> dict[str, float]:
        return {"forwards": float(options.subnets), "backwards": float(options.subnets)}

    @classmethod
    def compute_per_step(
        cls, options: EnNASOptions, space: SearchSpace, recipe: Recipe, images: int
    ) -> float:
        """Also the probe that measures before each epoch but the first how operators differ."""
        own = super().compute_per_step(options, space, recipe, images)
        if not options.diversity:
            return own
        batch = min(recipe.batch_size, images)
        steps = epoch_steps(options, images // batch)
        probes = (recipe.steps - 1) // steps
        probed = min(options.probe_images, images) * max(choices(space).values())
        return own + probes * probed / (recipe.steps * batch)

    def notes(self) -> list[str]:
        notes, sizes = [], list(self.operators.values())
        if not self.options.replacement and (short := sum(n < self.options.subnets for n in sizes)):
            notes.append(
                f"{short} of {len(sizes)} sites have fewer operators than the "
                f"{self.options.subnets} subnets of a step: there operators repeat, none before "
                "all were drawn"
            )
        if self.options.diversity and (few := sum(n <= 3 for n in sizes)):
            notes.append(
                f"{few} of {len(sizes)} sites have at most three operators: where each must be "
                "drawn equally often, the second subnet can prefer none of the other two"
            )
        return notes

    # Training -------------------------------------------------------------------------------

    @divisible
    def train_step(self, step: int) -> dict[str, torch.Tensor]:
        """All forward passes, the teacher, all backward passes, one update.

        Beside the loss it returns what :func:`watch` does, with weights fitted to the labels of
        the batch, and with ``affine`` weights how many of them a bound holds.
        """
        recipe = self.setting.recipe
        epoch, position = divmod(step, self.epoch_steps)
        if position == 0:
            self._begin_epoch(epoch)
        number = epoch * self.whole_epoch + position
        _, labels = batch = self.data.train_batch(number, recipe.batch_size, self.setting.seed)
        x, y = self.processes.part(batch)
        self.optimizer.zero_grad(set_to_none=True)
        paths = self.sample_paths(self.rng(PATHS, step))
        students = [self.supernet(x, path) for path in paths]
        mine = torch.stack([student.detach() for student in students])
        logits = self.processes.whole(mine, dim=1)
        fitted = self.fitted(logits, labels)
        self.weights_sum += fitted.weights
        teacher = combine(fitted.weights, mine) if step >= self.distils_from else None
        losses = []
        for student in students:
            loss = self.student_loss(student, y, teacher)
            loss.backward()
            losses.append(loss.detach())
        self.update(step)
        self.count(len(paths), len(paths), len(paths) * len(labels))
        record = {"loss": self.processes.mean(torch.stack(losses).mean())}
        record |= watch(logits, labels, {"teacher_accuracy_oracle_w": fitted.weights})
        if self.options.weights == "affine":
            record["weights_at_bound"] = fitted.hits
        return record

    def fitted(self, logits: torch.Tensor, labels: torch.Tensor) -> EnsembleWeights:
        """The weights ``[m]`` of subnets' logits ``[m, B, C]`` with the least cross-entropy.

        Those on a device are found there, if the solver may and the subnets are not too many.
        """
        constraint, solver = self.options.weights, self.options.solver
        few = number_of_faces(len(logits), constraint) <= MOST_FACES
        if few and on_device(solver, logits.device):
            return weights_on_device(logits, labels, constraint)
        return ensemble_weights(logits, labels, constraint, solver)

    def student_loss(
        self, logits: torch.Tensor, labels: torch.Tensor, teacher: torch.Tensor | None
    ) -> torch.Tensor:
        """Cross-entropy, plus λτ² KL(softmax(t/τ) ‖ softmax(z/τ)) once there is a teacher."""
        smoothing = self.setting.recipe.label_smoothing
        loss = functional.cross_entropy(logits, labels, label_smoothing=smoothing)
        if teacher is None:
            return loss
        temperature = self.options.temperature
        mine, theirs = ((z / temperature).log_softmax(-1) for z in (logits, teacher))
        divergence = functional.kl_div(mine, theirs, reduction="batchmean", log_target=True)
        return loss + self.options.lam * temperature**2 * divergence

    def sample_paths(self, rng: np.random.Generator) -> list[Path]:
        """The step's subnets; drawn anew where a space leaves out choices, until all are in it.

        In such a space alone the operators are not exactly uniform.
        """
        while True:
            shared = self.space.sample(rng)
            genes = [
                self.laws[site].draw(rng) if site in self.laws else [gene] * self.options.subnets
                for site, gene in enumerate(shared)
            ]
            paths = list(zip(*genes, strict=True))
            if not self.leaves_out or all(map(self.space.is_valid, paths)):
                return paths

    def _begin_epoch(self, epoch: int) -> None:
        """Forget the weights of the last epoch; from the second on, renew the sampling laws."""
        self.weights_sum = self._no_weights()
        if epoch == 0 or not self.options.diversity:
            return
        seed, rng = self.setting.seed + PROBE, self.rng(PROBE, epoch)
        images, _ = self.data.train_batch(epoch, self.options.probe_images, seed)
        with self.processes.apart():
            tables = diversity_tables(self.supernet, images, self.space.sample(rng), rng)
        self._adopt({site: torch.from_numpy(table) for site, table in tables.items()})
        passes = len(images) * max(self.operators.values())
        self.costs.update(image_passes=passes, compute=passes, probe_image_passes=passes)

    def _adopt(self, zeta: dict[int, torch.Tensor]) -> None:
        """Sites that are not in ``zeta`` keep their table and law."""
        self.zeta |= zeta
        for site, table in zeta.items():
            self.laws[site] = SamplingLaw.diverse(
                table.numpy(), self.options.subnets, self.options.replacement
            )

    def _no_weights(self) -> torch.Tensor:
        device = self.setting.device
        return torch.zeros(self.options.subnets, dtype=torch.float64, device=device)

    # Monitoring -----------------------------------------------------------------------------

    @torch.no_grad()
    def epoch_report(self, step: int) -> dict[str, float]:
        """After the last step of an epoch, subnets and teacher on some validation images.

        The teacher twice: with the mean of the epoch's weights and, ``oracle_w``, with weights
        fitted to the labels of the very images scored, which flatters it. For watching only: it
        changes nothing, and nothing is chosen by it. Empty after any other step.
        """
        epoch, position = divmod(step, self.epoch_steps)
        images = self.options.report_images
        if position + 1 < self.epoch_steps or not images:
            return {}
        x, y = next(first_batches(self.data, "val", images, images))
        paths = self.sample_paths(self.rng(REPORT, epoch))
        with frozen_statistics(self.supernet):
            logits = torch.stack([self.supernet(x, path) for path in paths])
        self.costs["monitoring_image_passes"] += len(paths) * len(y)
        teachers = {
            "teacher_accuracy_oracle_w": self.fitted(logits, y).weights,
            "teacher_accuracy": self.weights_sum / self.weights_sum.sum(),
        }
        watched = watch(logits, y, teachers)
        values = Reading(torch.stack(list(watched.values()))).numpy().tolist()
        return dict(zip(watched, values, strict=True))

    # State ------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        return super().state_dict() | {
            "zeta": dict(self.zeta),
            "weights_sum": self.weights_sum,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        super().load_state_dict(state)
        self._adopt({site: table.cpu() for site, table in state["zeta"].items()})
        self.weights_sum = state["weights_sum"].to(self.setting.device)


def epoch_steps(options: EnNASOptions, whole: int) -> int:
    """Steps of an epoch, a share of the ``whole`` pass over the training images."""
    return max(1, int(round(options.data_share * whole, 9)))  # 0.29 of 100 are 29


def combine(weights: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
    """The teacher's logits ``[B, C]`` from ``weights`` ``[m]`` and subnets' ``[m, B, C]``."""
    return torch.tensordot(weights.to(logits.dtype), logits, dims=1)


def watch(
    logits: torch.Tensor, labels: torch.Tensor, teachers: dict[str, torch.Tensor]
) -> dict[str, torch.Tensor]:
    """Accuracies in percent of the subnets (their mean) and of each of ``teachers`` (weights).

    And how far apart subnets are, as means over images and pairs: ``logit_distance`` (Euclidean)
    and ``logit_cosine``. ``logits`` ``[m, B, C]``; scalars on their device.
    """

    def percent(z: torch.Tensor) -> torch.Tensor:
        return 100 * (z.argmax(-1) == labels).float().mean()

    first, second = logits[torch.triu_indices(len(logits), len(logits), 1, device=logits.device)]
    return {
        **{name: percent(combine(weights, logits)) for name, weights in teachers.items()},
        "student_accuracy": percent(logits),
        "logit_distance": (first - second).norm(dim=-1).mean(),
        "logit_cosine": functional.cosine_similarity(first, second, dim=-1).mean(),
    }
