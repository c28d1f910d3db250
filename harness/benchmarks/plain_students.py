"""MNGNAS's retraining as Algorithm 1 reads: student after student, nothing shared."""

from __future__ import annotations

from contextlib import nullcontext

import torch
from torch.nn import functional

from harness.benchmarks.plain_solvers import PlainCoefficients, anew
from methods.base import Batch, set_learning_rate, sgd
from methods.batchnorm import frozen_statistics
from methods.mngnas.teachers import Member, TeacherGroups
from methods.options import Recipe


def retrain(
    students: list[Member], groups: TeacherGroups, recipe: Recipe, batches: list[Batch]
) -> None:
    """Every student meets the weights that its peers had before the step."""
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
