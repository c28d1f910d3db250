"""SUMNAS: a round of fair paths, and the step of Reptile behind it."""

import numpy as np
import pytest
import torch
from blobs import setting
from torch.nn import functional

from harness.conformance.subjects import through_a_file
from methods.fairnas import fair_paths
from methods.options import Recipe
from methods.sumnas import SUMNAS, SUMNASOptions
from searchspaces.errors import UsageError


def make(steps=20, lr=0.1, **options):
    recipe = Recipe(steps=steps, batch_size=16, lr=lr, momentum=0.0, weight_decay=0.0, clip=0.0)
    return SUMNAS(setting(recipe=recipe), SUMNASOptions(**options))


def weights(method):
    return [parameter.detach().clone() for parameter in method.supernet.parameters()]


def test_each_operator_is_trained_once_in_a_round():
    method, paths = make(), []
    loss = method.path_loss
    method.path_loss = lambda path, batch: (paths.append(path), loss(path, batch))[1]
    for step in range(10):
        method.train_step(step)
    first, second = np.array(paths[:5]), np.array(paths[5:])
    for genes in (*first.T, *second.T):
        assert sorted(genes) == [0, 1, 2, 3, 4]
    assert (first != second).any()


def test_weights_go_a_part_of_the_way_that_plain_steps_lead():
    """The steps by hand: gradient descent on each path in turn, from what the one before left."""
    method, other = make(meta_lr=0.3), make(meta_lr=0.3)
    start = weights(other)
    paths = fair_paths(other.space, 5, other.rng(11, 0), "")
    for step, path in enumerate(paths):
        x, y = other.data.train_batch(step, 16, 0)
        other.supernet.zero_grad()
        functional.cross_entropy(other.supernet(x, path), y).backward()
        lr = 0.1 * 0.5 * (1 + np.cos(np.pi * step / 20))
        with torch.no_grad():
            for parameter in other.supernet.parameters():
                if parameter.grad is not None:
                    parameter -= lr * parameter.grad
    for step in range(4):
        method.train_step(step)
    method.train_step(4)
    for mine, before, after in zip(weights(method), start, weights(other), strict=True):
        torch.testing.assert_close(mine, before + 0.3 * (after - before), rtol=1e-4, atol=1e-6)
    assert any((a - b).abs().max() > 1e-3 for a, b in zip(start, weights(other), strict=True))


def test_the_whole_way_is_plain_training_and_none_is_none():
    whole, none = make(meta_lr=1.0), make(meta_lr=0.0)
    start = weights(none)
    for step in range(4):
        whole.train_step(step)
        none.train_step(step)
    before = weights(whole)
    assert any(not torch.equal(a, b) for a, b in zip(start, weights(none), strict=True))
    none.train_step(4)
    assert all(map(torch.equal, start, weights(none)))
    whole.train_step(4)
    assert any(not torch.equal(a, b) for a, b in zip(before, weights(whole), strict=True))


def test_the_last_round_counts_where_the_training_ends():
    method = make(steps=7, meta_lr=0.0)
    start = weights(method)
    for step in range(7):
        method.train_step(step)
    assert all(map(torch.equal, start, weights(method)))


def test_a_round_is_kept():
    method, other = make(), make()
    for step in range(3):
        method.train_step(step)
    other.load_state_dict(through_a_file(method.state_dict()))
    for step in range(3, 6):
        method.train_step(step)
        other.train_step(step)
    assert all(map(torch.equal, weights(method), weights(other)))


def test_options_out_of_bounds_are_refused():
    for options in ({"meta_lr": 1.2}, {"meta_lr": -0.1}, {"paths": -1}):
        with pytest.raises(UsageError, match="takes|at least"):
            SUMNASOptions(**options)


def test_a_space_without_fair_rounds_is_refused_with_a_way_out(monkeypatch):
    method = make()
    monkeypatch.setattr(type(method.space), "size", 15)
    monkeypatch.setattr(method.space, "is_valid", lambda arch: False)
    with pytest.raises(UsageError, match="no 5 architectures of .*; choose another method there"):
        method.train_step(0)
