"""What a method promises: to train, to resume, to search, and to score each architecture alike."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from harness.conformance.subjects import MethodSubject

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


def a_score_is_the_architectures_own(subject: MethodSubject) -> Iterator[str]:
    """No matter who else is scored, in which order, in how many calls."""
    if subject.refusal:
        return
    method, archs = subject.searched[0], subject.of.archs
    scores = method.score(archs)
    if scores.shape != (len(archs),) or not np.isfinite(scores).all():
        yield f"scores of {len(archs)} architectures are {scores!r}; as many numbers are due."
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
    method.score(subject.of.archs)
    if others := _differing(method.supernet.state_dict(), before):
        yield (
            f"searching or scoring changes the supernet's {others}: work on a copy, such as "
            "self.supernet.subnet(arch)."
        )


def _differing(state: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> str:
    """The first tensor that differs, and how many more do."""
    first, *more = [n for n, tensor in state.items() if not torch.equal(tensor, other[n])] or [""]
    return f"{first} (and {len(more)} tensors more)" if more else first


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
    a_score_is_the_architectures_own,
    search_and_scoring_leave_the_supernet_alone,
    its_notes_are_sentences,
)
