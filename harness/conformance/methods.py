"""What a method promises: to train, to resume, to search, and to score each architecture alike."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from harness.conformance.findings import nearly_overridden
from harness.conformance.returns import declared_paths
from harness.conformance.subjects import MethodSubject, search, through_a_file
from methods.base import Method
from methods.scorers.scorer import NOTHING_TRAINED, Scorer

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
                return
    resumed = subject.build()
    resumed.load_state_dict(state)
    for step in range(subject.steps // 2, subject.steps):
        resumed.train_step(step)
    if others := _differing(resumed.supernet.state_dict(), method.supernet.state_dict()):
        yield (
            f"resumed from its state_dict halfway, training ends with another {others}: what it draws "
            "has to come from self.rng(stream, step), and what it remembers to be in state_dict."
        )


def weights_learn_from_training_images(subject: MethodSubject) -> Iterator[str]:
    if subject.refusal:
        return
    _ = subject.halfway
    if subject.looks:
        yield (
            "its train_step looks at validation images; scores are of these, so that weights learn "
            "from training images alone: take self.data.train_batch(step, batch_size, seed)."
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
    if subject.passed > ROUGHLY * max(subject.spent, 1):
        yield (
            f"its steps pass images through the supernet for {subject.passed:,.0f} of compute (1 a "
            f"forward, 2 a backward) and count {subject.spent:,.0f}; a train_step calls "
            "self.count(forwards, backwards, images) for what it passes."
        )
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
        elif method.trains and method.scores_images and score > 100:
            yield (
                f"its search gives {arch} the score {score}, and accuracies in percent end at 100; "
                "where scores are of another kind, its class has scores_images = False."
            )
    if not space.is_valid(found):
        yield f"it finds {found}, which is not valid."
    elif space.cost(found, method.data.image).madds > subject.of.limit:
        yield f"it finds {space.encode(found)}, which has more multiply-adds than --search.max-madds."


def search_and_scores_need_only_what_is_kept(subject: MethodSubject) -> Iterator[str]:
    """Runs share a trained supernet, and processes rank from a checkpoint."""
    if subject.refusal:
        return
    method, scored, _ = subject.searched
    if not subject.steady or any(not np.isfinite(score) for _, score in scored):
        return  # which is told elsewhere
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


def scores_are_of_validation_images(subject: MethodSubject) -> Iterator[str]:
    """Labels of training images are nothing to a trained method; scorers that train none use them.

    What a method learns from them as it scores, as MNGNAS retrains, is among its path-backwards.
    """
    if subject.refusal or not subject.kind.trains:
        return
    _ = subject.halfway
    scores = []
    for data in (None, subject.setting.data.relabelled()):
        trained = subject.build(data)
        trained.load_trained_state(subject.kept)
        before = trained.costs["path_backwards"]
        scores.append(np.asarray(trained.score(subject.of.archs), dtype=float))
        if trained.costs["path_backwards"] > before:
            return
    if not np.array_equal(*scores, equal_nan=True):
        yield (
            "its scores are others where training images have other labels; score on "
            "self.data.val, which weights have not learned by heart."
        )


def what_trains_nothing_says_so(subject: MethodSubject) -> Iterator[str]:
    """Signs of weights are left out: SynFlow takes them away."""
    if subject.refusal or not issubclass(subject.kind, Scorer):
        return
    method = subject.build()
    measure, changed = method.measure, list[bool]()

    def watched(network: torch.nn.Module, *batch: torch.Tensor) -> float:
        before = [parameter.detach().abs() for parameter in network.parameters()]
        value: float = measure(network, *batch)
        after = (parameter.detach().abs() for parameter in network.parameters())
        changed.append(not all(map(torch.equal, before, after)))
        return value

    method.measure = watched
    method.score(subject.of.archs[:1])
    if any(changed) and NOTHING_TRAINED in method.notes():
        yield (
            "it changes the weights of the network that it scores, and its notes say that nothing "
            "was trained: score the network as it is, or say in notes() what is trained."
        )


def what_trains_nothing_ranks(subject: MethodSubject) -> Iterator[str]:
    """Few architectures, but the smallest and the largest among them."""
    if subject.refusal or subject.kind.trains or subject.parts:
        return
    space, image = subject.of.space, subject.setting.data.image
    method, archs = subject.build(), [*subject.of.archs, *space.extremes(image)]
    scores = np.asarray(method.score(archs), dtype=float)
    if method.costs["scores_not_finite"] == len(archs):
        yield f"its score is NaN or infinite for each of {len(archs)} architectures."
    elif scores.min() == scores.max():
        yield f"it gives {len(archs)} architectures, small and large, the same score {scores[0]:g}."


def a_score_depends_on_its_architecture_alone(subject: MethodSubject) -> Iterator[str]:
    """No matter who else is scored, in which order, in how many calls."""
    if subject.refusal:
        return
    method, archs, scores = subject.searched[0], subject.of.archs, subject.scores
    if not np.isfinite(scores).all():
        yield f"scores of {len(archs)} architectures are {scores}; finite ones are due."
        return
    if not subject.steady:
        yield (
            "scored a second time architectures get other scores: what is random in them comes from "
            "the seed, by self.rng(stream, step) or, in a scorer, from PyTorch's generator, and "
            "nothing is kept from call to call."
        )
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
            return


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


def what_it_means_to_override_it_does(subject: MethodSubject) -> Iterator[str]:
    yield from nearly_overridden(subject.kind)


METHOD_CHECKS = (
    what_it_cannot_do_it_says,
    what_it_means_to_override_it_does,
    training_resumes_where_it_stopped,
    weights_learn_from_training_images,
    training_costs_what_it_declares,
    what_trains_nothing_says_so,
    what_trains_nothing_ranks,
    search_ends_with_a_valid_architecture,
    a_score_depends_on_its_architecture_alone,
    scores_are_of_validation_images,
    search_and_scores_need_only_what_is_kept,
    search_and_scoring_leave_the_supernet_alone,
    its_notes_are_sentences,
)
