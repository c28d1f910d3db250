"""SETN: what the template and what the evaluator learn from, and what the search makes of both."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from relaxed import make_setting, with_alphas
from torch.nn import functional

from methods.base import PATHS, Method
from methods.darts import DARTS, DARTSOptions
from methods.options import Scoring, SearchLimits
from methods.setn import SETN, SETNOptions

VALUES = (0.0, 1.0, 3.0)


def made(**search):
    scoring = Scoring(calibration_images=50, images=100, batch_size=100)
    where = replace(make_setting(), scoring=scoring, search=SearchLimits(**search))
    return SETN(where, SETNOptions())


def test_the_template_learns_on_uniform_paths_and_the_evaluator_on_the_mixture():
    method, plain = made(), DARTS(make_setting(), DARTSOptions())
    for step in range(3):
        x, y = method.weight_data.train_batch(step, 16, 0)
        path = method.space.sample(np.random.default_rng([PATHS, 0, step]))
        expected = functional.cross_entropy(method.supernet(x, path), y)
        torch.testing.assert_close(method.mixture_loss((x, y), step), expected)
    losses = [m.arch_loss(m.arch_data.train_batch(0, 16, 0), 0) for m in (method, plain)]
    torch.testing.assert_close(*losses)


def test_candidates_are_drawn_by_the_evaluator():
    method, rng = with_alphas(made(), VALUES), np.random.default_rng(0)
    drawn = np.array([method.draw(rng) for _ in range(4000)])
    shares = np.exp(VALUES) / np.exp(VALUES).sum()
    counts = np.array([np.bincount(site, minlength=3) / 4000 for site in drawn.T])
    np.testing.assert_allclose(counts, [shares] * 4, atol=6 * np.sqrt(0.25 / 4000))
    of_all = 5 * np.sqrt(shares * (1 - shares) / 16000)  # normal noise would be beyond
    assert (abs(counts.mean(0) - shares) < of_all).all()


def test_the_best_candidate_by_the_template_is_found():
    method = with_alphas(made(population=6, generations=2), (-9.0, 0.0, 0.0))
    scored = [pair for epoch in range(2) for pair in method.search_epoch(epoch)]
    assert len({arch for arch, _ in scored}) == 12
    assert all(0 not in arch for arch, _ in scored)  # of which the evaluator thinks nothing
    assert method.found() == max(scored, key=lambda pair: pair[1])[0]
    archs = [arch for arch, _ in scored[:3]]
    own = [method.validation_score(method.supernet.subnet(arch)) for arch in archs]
    assert Method.score(method, archs).tolist() == own == [score for _, score in scored[:3]]


def test_a_step_costs_a_path_and_all_operators():
    method = made()
    for step in range(4):
        method.train_step(step)
    assert method.costs["path_forwards"] == method.costs["path_backwards"] == 4 * (1 + 3)
    assert method.costs["image_passes"] == 4 * 4 * 64
    paths = method.paths_per_step(method.options, method.space)
    assert paths == {"forwards": pytest.approx(4), "backwards": pytest.approx(4)}
