"""The methods' problems as one would write them down: for cvxpy, and Algorithm 1 of MNGNAS."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.nn import functional

from methods.base import Batch, set_learning_rate, sgd
from methods.batchnorm import frozen_statistics
from methods.mngnas.teachers import Member, TeacherGroups
from methods.options import Recipe
from methods.reference_solvers import coefficients_problem, ensemble_problem, load_cvxpy

if TYPE_CHECKING:
    import cvxpy


class PlainEnsemble:
    """Weights ``[m]`` of logits ``[m, B, C]`` with the least cross-entropy, on the simplex."""

    solver = "ECOS"

    def __init__(self, shape: tuple[int, int, int], labels: np.ndarray):
        self.shape, self.labels = shape, labels

    def values(self, logits: np.ndarray) -> tuple[np.ndarray]:
        """The logits less those of the true classes ``[B * C, m]``."""
        members, batch, _ = logits.shape
        margins = logits - logits[:, np.arange(batch), self.labels][:, :, None]
        return (margins.reshape(members, -1).T,)

    def parameters(self) -> tuple[cvxpy.Parameter]:
        """Places for :meth:`values`."""
        members, batch, classes = self.shape
        return (load_cvxpy().Parameter((batch * classes, members)),)

    def problem(self, margins: Any) -> tuple[cvxpy.Problem, cvxpy.Variable]:
        return ensemble_problem(margins, self.shape[1], 0.0, 1.0)


class PlainCoefficients:
    """Coefficients ``[n]`` of ``vectors`` ``[n, d]`` in two groups that make up ``target``."""

    solver = None  # the one cvxpy chooses

    def __init__(self, member: np.ndarray, dimension: int):
        self.groups, self.dimension = [np.flatnonzero(group) for group in member], dimension

    def values(self, vectors: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Of the vectors those that are in a group, ``[d, n]``, and the target ``[d]``."""
        return vectors[np.concatenate(self.groups)].T, target

    def parameters(self) -> tuple[cvxpy.Parameter, cvxpy.Parameter]:
        """Places for :meth:`values`."""
        cp, number = load_cvxpy(), sum(map(len, self.groups))
        return cp.Parameter((self.dimension, number)), cp.Parameter(self.dimension)

    def problem(self, vectors: Any, target: Any) -> tuple[cvxpy.Problem, cvxpy.Variable]:
        places = np.split(np.arange(vectors.shape[1]), [len(self.groups[0])])
        return coefficients_problem(vectors, target, places)


class Again:
    """A problem written down once, with parameters, and solved for new values each time."""

    def __init__(self, plain: Any):
        self.plain, self.parameters = plain, plain.parameters()
        self.problem, self.variable = plain.problem(*self.parameters)

    def __call__(self, *given: np.ndarray) -> np.ndarray:
        for parameter, value in zip(self.parameters, self.plain.values(*given), strict=True):
            parameter.value = value
        self.problem.solve(solver=self.plain.solver)
        return self.variable.value


def anew(plain: Any, *given: np.ndarray) -> np.ndarray:
    """The problem written down for these values and solved."""
    problem, variable = plain.problem(*plain.values(*given))
    problem.solve(solver=plain.solver)
    return variable.value


def retrain(
    students: list[Member], groups: TeacherGroups, recipe: Recipe, batches: list[Batch]
) -> None:
    """MNGNAS's retraining as Algorithm 1 reads: student after student, nothing shared.

    Every student meets the weights that its peers had before the step.
    """
    optimizers = [sgd(student.network, recipe) for student in students]
    for step, (x, y) in enumerate(batches):
        for student, optimizer in zip(students, optimizers, strict=True):
            optimizer.zero_grad(set_to_none=True)
            _loss(student, students, groups, x, y).backward()
        for student, optimizer in zip(students, optimizers, strict=True):
            set_learning_rate(optimizer, recipe, step)
            if recipe.clip:
                torch.nn.utils.clip_grad_norm_(student.network.parameters(), recipe.clip)
            optimizer.step()


def _loss(
    student: Member,
    students: list[Member],
    groups: TeacherGroups,
    x: torch.Tensor,
    y: torch.Tensor,
) -> torch.Tensor:
    """Cross-entropy, and the weighted loss towards each teacher and each peer."""
    stages, logits = student.network.train().features(x)
    teachers = groups.side(student.madds)
    peers = [other for other in students if other is not student]
    outputs = [_output(teacher, x, training=False) for teacher in teachers]
    outputs += [_output(peer, x, training=True) for peer in peers]
    probabilities = torch.stack([z.softmax(-1).flatten() for _, z in outputs]).double()
    member = torch.arange(len(outputs)).lt(len(teachers)).expand(2, -1).clone()
    member[1].logical_not_()
    own = logits.detach().softmax(-1).flatten().double()
    plain = PlainCoefficients(member.numpy(), len(own))
    weights = anew(plain, probabilities.numpy(), own.numpy())
    loss = functional.cross_entropy(logits, y)
    # The squared error towards a mixture differs from these by what has no gradient.
    for weight, (their_stages, z) in zip(weights.tolist(), outputs, strict=True):
        far = functional.kl_div(logits.log_softmax(-1), z.softmax(-1), reduction="batchmean")
        for mine, theirs in zip(stages, their_stages, strict=True):
            far = far + functional.mse_loss(mine, theirs)
        loss = loss + weight * far
    return loss


@torch.no_grad()
def _output(
    member: Member, x: torch.Tensor, training: bool
) -> tuple[list[torch.Tensor], torch.Tensor]:
    """Stages and logits; a network in training is not taught by being listened to."""
    network = member.network.train(training)
    with frozen_statistics(network) if training else nullcontext():
        return network.features(x)
