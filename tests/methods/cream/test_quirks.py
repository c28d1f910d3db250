"""The six defects of the released code, each on its own."""

from dataclasses import replace

import numpy as np
import torch
from creams import (
    EVERY,
    OPENS,
    OPTIONS,
    batch_of,
    equal,
    path_of,
    scores_of,
    setting,
    state_of,
    trained,
)
from torch.nn import functional

from methods.cream.matching import distillation_weight
from methods.cream.method import Cream
from methods.cream.options import Quirks


def test_official_quirks_are_all_or_none():
    assert Cream(setting(), OPTIONS).quirks == Quirks()
    method = Cream(setting(), replace(OPTIONS, official_quirks=True))
    assert all(vars(method.quirks).values())
    assert len(vars(method.quirks)) == 6


def test_last_score_weighs_by_the_last_entry_and_keeps_the_teacher():
    method = trained(OPENS + 4)
    paths = [path for path in np.ndindex(3, 3, 3, 3) if scores_of(method, path).argmax() != 2]
    path = paths[0]
    scores = scores_of(method, path)
    teacher, rho = method.choose_teacher(path)
    torch.testing.assert_close(rho.detach(), distillation_weight(scores.max()))
    method.quirks = Quirks(last_score=True)
    same, last = method.choose_teacher(path)
    torch.testing.assert_close(last.detach(), distillation_weight(scores[-1]))
    assert last > rho
    assert same is teacher is method.board.entries[scores.argmax()]


def test_borrowed_outputs_are_the_teachers_unless_the_board_was_empty():
    method = trained(OPENS + 1, quirks=Quirks(borrowed_outputs=True))
    own = trained(OPENS + 1)
    first, same = method.board.entries[0], own.board.entries[0]
    assert torch.equal(first.probabilities, same.probabilities)
    step = OPENS + 1
    with method._beside_training():
        target, _ = method.guide(method.consider(path_of(method, step)), batch_of(method, step))
    method.train_step(step)
    own.train_step(step)
    (new,) = (entry for entry in method.board.entries if entry is not first)
    (expected,) = (entry for entry in own.board.entries if entry is not same)
    torch.testing.assert_close(new.probabilities, target[: OPTIONS.slice])
    assert not torch.allclose(new.probabilities, expected.probabilities)
    assert new.rank == expected.rank
    assert equal(state_of(method.supernet), state_of(own.supernet))


def test_first_tensor_only_changes_what_the_matching_network_learns():
    step = OPENS + EVERY
    method, quirky = trained(step), trained(step, quirks=Quirks(first_tensor_only=True))
    before = state_of(method.matching)
    for one in (method, quirky):
        one.meta_update(path_of(one, step), batch_of(one, step))
    assert equal(state_of(method.supernet), state_of(quirky.supernet))
    states = [before, state_of(method.matching), state_of(quirky.matching)]
    assert not any(equal(a, b) for a, b in [states[:2], states[1:], states[::2]])


def test_live_statistics_contaminate_with_every_pass():
    step = OPENS + 4
    method = trained(step, quirks=Quirks(live_statistics=True))
    passes = sum(1 + min(step - OPENS, 3) + 1 for step in range(OPENS + 1, step)) + OPENS + 1
    assert method.supernet.norm.num_batches_tracked == passes
    passes_of, student = [], path_of(method, step)
    method.supernet.register_forward_pre_hook(lambda _, args: passes_of.append(args))
    method.train_step(step)
    assert [len(x) for x, _ in passes_of] == [4, 4, 4, 32, 32]  # each entry by itself, and both:
    assert passes_of[3][1] != student == passes_of[4][1]  # teacher, student
    assert method.costs["path_forwards"] == passes + 5


def test_matching_that_trains_with_every_step(monkeypatch):
    """The sixth quirk: ρ passes the gradient of the loss on, to matching and to the student."""
    monkeypatch.setattr(Quirks, "all", classmethod(lambda cls, on: cls(live_matching=True)))
    step = OPENS + 3  # no meta update
    method = trained(step)
    twin = trained(step)
    twin.optimizer.zero_grad()
    x, y = batch_of(twin, step)
    path = path_of(twin, step)
    stored = torch.stack([entry.probabilities for entry in twin.board.entries])
    images = torch.cat([entry.images for entry in twin.board.entries])
    student = twin.supernet(images, path).softmax(1).view_as(stored)
    score = twin.matching(student, stored).max()
    teacher = twin.board.entries[int(twin.matching(student, stored).argmax())]
    target = twin.supernet(x, teacher.path).softmax(1).detach()
    logits = twin.supernet(x, path)
    ce = functional.cross_entropy(logits, y, label_smoothing=0.1)
    kd = functional.cross_entropy(logits, target)
    rho = torch.sigmoid(-score)
    (((2 - rho) * ce + rho * kd) / 2).backward()
    watched = {}

    def watch(*_):
        tensors = [*method.supernet.named_parameters(), *method.matching.named_parameters()]
        watched.update(
            {name: tensor.grad.clone() for name, tensor in tensors if tensor.grad is not None}
        )

    monkeypatch.setattr(method, "update", watch)
    method.train_step(step)
    expected = [*twin.supernet.named_parameters(), *twin.matching.named_parameters()]
    expected = {name: tensor.grad for name, tensor in expected if tensor.grad is not None}
    assert watched.keys() == expected.keys() and "linear.weight" in expected
    assert expected["linear.weight"].abs().max() > 0
    for name, gradient in expected.items():
        torch.testing.assert_close(watched[name], gradient, rtol=1e-4, atol=1e-7)


def test_a_step_moves_the_matching_network_only_by_the_quirk(monkeypatch):
    for live in (False, True):
        monkeypatch.setattr(
            Quirks, "all", classmethod(lambda cls, on, live=live: cls(live_matching=live))
        )
        method = trained(OPENS + 3)
        before = state_of(method.matching)
        method.train_step(OPENS + 3)
        assert equal(before, state_of(method.matching)) != live
