"""What a method promises: to train, to resume, to search, and to score each architecture alike."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from harness.conformance.returns import declared_paths
from harness.conformance.subjects import MethodSubject, search, through_a_file
from methods.base import Method

ROUGHLY = 1.4


def what_it_cannot_do_it_says(subject: MethodSubject) -> Iterator[str]:
    if subject.refusal and subject.of.space.name not in subject.refusal:
        yield f"it refuses the space without naming it: {subject.refusal}"


def training_resumes_where_it_stopped(subject: MethodSubject) -> Iterator[str]:
    if subject.refusal:
        return
    method, reported, state = subject.halfway
    for step, values in enumerate(reported):
        for name, value in values.items():
            if not torch.isfinite(value):
                yield f"step {step} reports a {name} that is not finite."
    resumed = subject.build()
    resumed.load_state_dict(state)
    for step in range(subject.steps // 2, subject.steps):
        resumed.train_step(step)
    if others := _differing(resumed.supernet.state_dict(), method.supernet.state_dict()):
        yield (
            f"resumed from its state_dict halfway, training ends with another {others}: what it draws "
            "has to come from self.rng(stream, step), and what it remembers to be in state_dict."
        )


def training_costs_what_it_declares(subject: MethodSubject) -> Iterator[str]:
    """Or less: in a few steps something that happens now and then may never come."""
    if subject.refusal or not subject.kind.trains:
        return
    declared_paths(subject.kind, subject.options, subject.of.space)
    method, *_ = subject.halfway
    recipe, images = method.setting.recipe, len(method.data.train)
    per_image = subject.kind.compute_per_step(method.options, method.space, recipe, images)
    declared = per_image * recipe.steps * min(recipe.batch_size, images)
    if subject.spent > ROUGHLY * declared:
        yield (
            f"its steps cost {subject.spent / declared:.2g} times the compute that it declares, so "
            "that it would train for longer than others; override paths_per_step (or "
            "compute_per_step) to say what one costs."
        )


def search_ends_with_a_valid_architecture(subject: MethodSubject) -> Iterator[str]:
    if subject.refusal:
        return
    method, scored, _ = subject.searched
    space, found = method.space, method.found()
    for arch, score in scored:
        if not np.isfinite(score):
            yield f"its search gives {arch} the score {score}; a finite number is due."
        elif method.trains and score > 100:
            yield f"its search gives {arch} the score {score}; percentages end at 100."
    if not space.is_valid(found):
        yield f"it finds {found}, which is not valid."
    elif space.cost(found, method.data.image).madds > subject.of.limit:
        yield f"it finds {space.encode(found)}, which has more multiply-adds than --search.max-madds."


def search_and_scores_need_only_what_is_kept(subject: MethodSubject) -> Iterator[str]:
    """Runs share a trained supernet, and processes rank from a checkpoint."""
    if subject.refusal:
        return
    method, scored, _ = subject.searched
    if not np.isfinite(subject.scores).all() or any(not np.isfinite(s) for _, s in scored):
        return
    taken = subject.build()
    taken.load_trained_state(subject.kept)
    if search(taken) != scored:
        yield (
            "a fresh instance with its trained_state searches otherwise than the trained one: what "
            "search and scoring need of the training has to be in trained_state."
        )
    else:
        yield from _scoring_otherwise(subject, taken, "trained_state")
    revived = subject.build()
    revived.load_state_dict(through_a_file(method.state_dict()))
    yield from _scoring_otherwise(subject, revived, "state_dict")


def _scoring_otherwise(subject: MethodSubject, again: Method, state: str) -> Iterator[str]:
    archs = subject.of.archs
    scores = zip(archs, subject.scores.tolist(), again.score(archs).tolist(), strict=True)
    if other := next(((arch, own, new) for arch, own, new in scores if own != new), None):
        arch, own, new = other
        yield (
            f"a fresh instance with its {state} gives {arch} the score {new}, the trained one "
            f"{own}: what scoring needs of the training has to be in {state}."
        )


def a_score_depends_on_its_architecture_alone(subject: MethodSubject) -> Iterator[str]:
    """No matter who else is scored, in which order, in how many calls."""
    if subject.refusal:
        return
    method, archs, scores = subject.searched[0], subject.of.archs, subject.scores
    if not np.isfinite(scores).all():
        yield f"scores of {len(archs)} architectures are {scores}; finite ones are due."
        return
    order = np.random.default_rng(0).permutation(len(archs))
    if method.score([archs[place] for place in order]).tolist() != scores[order].tolist():
        yield "in another order architectures get other scores."
    for arch, score in zip(archs, scores.tolist(), strict=True):
        alone = method.score([arch]).item()
        if alone != score:
            yield (
                f"scored alone {arch} gets {alone}, beside others {score}: a score has to be a "
                "function of the architecture and the trained supernet alone."
            )


def search_and_scoring_leave_the_supernet_alone(subject: MethodSubject) -> Iterator[str]:
    if subject.refusal:
        return
    method, _, before = subject.searched
    _ = subject.scores
    if others := _differing(method.supernet.state_dict(), before):
        yield (
            f"searching or scoring changes the supernet's {others}: work on a copy, such as "
            "self.supernet.subnet(arch)."
        )


def _differing(state: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> str:
    """The first tensor that differs, and how many more do."""
    first, *more = [n for n, tensor in state.items() if not _alike(tensor, other[n])] or [""]
    return f"{first} (and {len(more)} tensors more)" if more else first


def _alike(tensor: torch.Tensor, other: torch.Tensor) -> bool:
    """Bit by bit, but for the numbers that are none."""
    if tensor.shape != other.shape:
        return False
    return bool(((tensor == other) | ((tensor != tensor) & (other != other))).all())


def its_notes_are_sentences(subject: MethodSubject) -> Iterator[str]:
    if subject.refusal:
        return
    for note in subject.searched[0].notes():
        if not isinstance(note, str):
            yield f"the note {note!r} is no string."


METHOD_CHECKS = (
    what_it_cannot_do_it_says,
    training_resumes_where_it_stopped,
    training_costs_what_it_declares,
    search_ends_with_a_valid_architecture,
    search_and_scores_need_only_what_is_kept,
    a_score_depends_on_its_architecture_alone,
    search_and_scoring_leave_the_supernet_alone,
    its_notes_are_sentences,
)
