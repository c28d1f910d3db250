"""SUMNAS: paths as tasks from common weights, and the step of Reptile behind them."""

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


def make(steps=20, lr=0.1, momentum=0.9, **options):
    recipe = Recipe(
        steps=steps, batch_size=16, lr=lr, momentum=momentum, weight_decay=0.0, clip=0.0
    )
    return SUMNAS(setting(recipe=recipe), SUMNASOptions(**options))


def weights(method):
    return [parameter.detach().clone() for parameter in method.supernet.parameters()]


def test_each_operator_is_in_one_path_of_a_step():
    method, paths = make(inner_steps=2), []
    loss = method.path_loss
    method.path_loss = lambda path, batch: (paths.append(path), loss(path, batch))[1]
    for step in range(2):
        method.train_step(step)
    first, second = np.array(paths[:10:2]), np.array(paths[10::2])
    assert (np.array(paths[1:10:2]) == first).all()  # two steps each
    for genes in (*first.T, *second.T):
        assert sorted(genes) == [0, 1, 2, 3, 4]
    assert (first != second).any()


@pytest.mark.parametrize("step", [0, 7])
def test_weights_go_to_the_mean_of_what_the_paths_find_from_them(step):
    """By hand: two steps each of one SGD with momentum, at a constant rate, from the same weights."""
    method, other = make(meta_lr=0.6), make(meta_lr=0.6)
    start = weights(other)
    x, y = other.data.train_batch(step, 16, 0)
    ways, speeds = [], [torch.zeros_like(weight) for weight in start]
    for path in fair_paths(other.space, 5, other.rng(11, step), ""):
        with torch.no_grad():
            for parameter, weight in zip(other.supernet.parameters(), start, strict=True):
                parameter.copy_(weight)
        for _ in range(2):
            other.supernet.zero_grad()
            functional.cross_entropy(other.supernet(x, path), y).backward()
            with torch.no_grad():
                for parameter, speed in zip(other.supernet.parameters(), speeds, strict=True):
                    if parameter.grad is not None:
                        speed.mul_(0.9).add_(parameter.grad)
                        parameter -= 0.1 * speed
        ways.append([a - b for a, b in zip(weights(other), start, strict=True)])
    method.train_step(step)
    share = 0.6 * 0.5 * (1 + np.cos(np.pi * step / 20))
    for mine, before, *of in zip(weights(method), start, *ways, strict=True):
        expected = before + share * torch.stack(of).mean(0)
        torch.testing.assert_close(mine, expected, rtol=1e-4, atol=1e-6)
    assert all(any(way.abs().max() > 1e-3 for way in of) for of in ways)


def test_without_a_meta_learner_nothing_is_learned():
    method = make(meta_lr=0.0)
    start = weights(method)
    told = method.train_step(0)
    assert all(map(torch.equal, start, weights(method))) and told["loss"] > 0


def test_a_step_costs_what_all_paths_take():
    method = make(inner_steps=3)
    for step in range(2):
        method.train_step(step)
    assert method.costs["steps"] == 2
    assert method.costs["path_forwards"] == method.costs["path_backwards"] == 2 * 3 * 5
    assert method.costs["image_passes"] == 2 * 3 * 5 * 16
    assert method.paths_per_step(method.options, method.space)["forwards"] == 15


def test_a_continued_training_is_the_same():
    method, other = make(), make()
    for step in range(3):
        method.train_step(step)
    other.load_state_dict(through_a_file(method.state_dict()))
    for step in range(3, 5):
        method.train_step(step)
        other.train_step(step)
    assert all(map(torch.equal, weights(method), weights(other)))


def test_options_out_of_bounds_are_refused():
    for options in ({"meta_lr": 1.2}, {"meta_lr": -0.1}, {"inner_steps": 0}):
        with pytest.raises(UsageError, match="takes|at least"):
            SUMNASOptions(**options)


def test_a_space_without_fair_rounds_is_refused_with_a_way_out(monkeypatch):
    method = make()
    monkeypatch.setattr(type(method.space), "size", 15)
    monkeypatch.setattr(method.space, "is_valid", lambda arch: False)
    with pytest.raises(UsageError, match="no 5 architectures of .*; choose another method there"):
        method.train_step(0)
