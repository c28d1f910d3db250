"""NSAS: the loss of a path and of its constraints, and which paths these are."""

import numpy as np
import pytest
import torch
from relaxed import make_setting

from methods.nsas import NSAS, NSASOptions, distance, novelty
from methods.options import Recipe
from searchspaces.errors import UsageError


def made(**options):
    return NSAS(make_setting(), NSASOptions(**options))


def test_a_step_descends_the_path_s_loss_and_the_mean_of_its_constraints():
    method, twin = made(constraints=3, weight=0.4), made()
    for instance in (method, twin):
        instance.archive = [(0, 1, 2, 0), (1, 1, 1, 1), (2, 0, 0, 2)]
        instance.recent = [(0, 0, 0, 1)]
    method.update = lambda step: None
    told = method.train_step(2)
    path = method.recent[-1]
    batch = twin.data.train_batch(2, 64, 0)
    losses = [super(NSAS, twin).path_loss(p, batch) for p in (path, *method.archive)]
    expected = 0.6 * losses[0] + 0.4 * sum(losses[1:]) / 3
    torch.testing.assert_close(told["loss"], expected.detach())
    expected.backward()
    for own, other in zip(method.supernet.parameters(), twin.supernet.parameters(), strict=True):
        if other.grad is not None:
            torch.testing.assert_close(own.grad, other.grad)
    assert method.costs["compute"] == 4 * 3 * 64


def test_distances_and_novelty():
    assert distance((0, 1, 2, 0), (0, 2, 2, 1)) == 0.5
    others = [(0, 0, 0, 0)] * 10 + [(1, 1, 1, 1)] * 10
    assert novelty((0, 0, 0, 1), others) == 0.25  # of its ten nearest
    assert novelty((0, 0, 0, 1), others[8:11]) == pytest.approx((0.25 + 0.25 + 0.75) / 3)
    assert novelty((0, 0, 0, 1), []) == 0


def test_the_constraint_most_like_the_path_makes_room_for_the_most_novel():
    method = made(constraints=3)
    method.archive = [(0, 0, 0, 0), (0, 0, 0, 1), (2, 2, 2, 2)]
    method.recent = [(0, 0, 1, 1), (1, 1, 1, 1), (0, 0, 0, 1)]
    method.replace((0, 0, 0, 1))
    assert method.archive == [(0, 0, 0, 0), (1, 1, 1, 1), (2, 2, 2, 2)]
    method.replace((2, 2, 2, 1))  # nothing recent is further from the others
    assert method.archive == [(0, 0, 0, 0), (1, 1, 1, 1), (2, 2, 2, 2)]
    method.archive[2], method.recent = (2, 2, 0, 0), [(0, 0, 1, 1)]
    method.replace((2, 2, 0, 0))  # what is recent is far from none but the one it would replace
    assert method.archive == [(0, 0, 0, 0), (1, 1, 1, 1), (2, 2, 0, 0)]


def test_constraints_fill_up_and_get_less_alike():
    method, rng = made(constraints=4), np.random.default_rng(0)
    sizes = []
    for _ in range(60):
        path, *constraints = method.sample_paths(rng)
        sizes.append(1 + len(constraints))
        assert method.recent[-1] == path
        assert method.shares == [0.5, *[0.5 / len(constraints)] * len(constraints)]
    assert sizes == [2, 3, 4, *[5] * 57]
    apart = [distance(a, b) for i, a in enumerate(method.archive) for b in method.archive[:i]]
    assert np.mean(apart) > 0.75 and len(method.recent) == 50  # 2/3 among random ones
    counted = NSAS.compute_per_step(method.options, method.space, Recipe(steps=6), 100)
    assert counted == pytest.approx(3 * (sum(sizes[:6])) / 6)


def test_while_constraints_fill_up_the_most_novel_of_ten_joins_them():
    method = made(constraints=5)
    for step in range(5):
        before = list(method.archive)
        path, *_, joined = method.sample_paths(np.random.default_rng(step))
        rng = np.random.default_rng(step)
        own, *drawn = [method.space.sample(rng) for _ in range(11)]
        assert path == own and joined in drawn and len(method.archive) == step + 1
        assert novelty(joined, before) == max(novelty(arch, before) for arch in drawn)


def test_each_step_behind_these_replaces_a_constraint_by_its_path():
    method, replaced = made(constraints=2), []
    replace = method.replace
    method.replace = lambda path: replaced.append(path) or replace(path)
    for step in range(4):
        method.train_step(step)
        assert replaced == method.recent[2:]


@pytest.mark.parametrize("wrong", [{"constraints": 1}, {"weight": 1.0}])
def test_impossible_options_are_refused(wrong):
    with pytest.raises(UsageError, match="constraints is at least 2"):
        NSASOptions(**wrong)
