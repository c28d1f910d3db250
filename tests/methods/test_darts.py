"""DARTS and GDAS: what each half step trains, and that both find a planted best architecture."""

from dataclasses import replace

import numpy as np
import planted
import pytest
import torch
from optimisers import steps_taken
from planted import PlantedData, PlantedSpace
from relaxed import make_setting, with_alphas
from scipy.stats import kendalltau

from harness.conformance.noise import Noise
from harness.tasks import load_task
from methods.base import Setting
from methods.darts import DARTS, DARTSOptions
from methods.gdas import GDAS, GDASOptions
from methods.options import Recipe, Scoring, SearchLimits
from searchspaces.base import ImageSpec
from searchspaces.errors import UsageError
from searchspaces.registry import SPACES

METHODS = {"darts": (DARTS, DARTSOptions), "gdas": (GDAS, GDASOptions)}
WIRED = ("nb101", "nb101-1shot1-1", "nb101-1shot1-2", "nb101-1shot1-3")
NOISE = Noise(ImageSpec(1, 12, 10))


@pytest.fixture(params=METHODS)
def make(request):
    method, options = METHODS[request.param]

    def made(space=None, steps=20, lr=0.05, **changes):
        where = Setting(
            space=space or PlantedSpace(),
            data=PlantedData(1000),
            recipe=Recipe(steps=steps, batch_size=64, lr=lr, weight_decay=0.0),
            scoring=Scoring(calibration_images=500, batch_size=500),
            search=SearchLimits(population=6, generations=2, parents=3),
            seed=0,
            device=torch.device("cpu"),
        )
        return method(where, options(**changes))

    return made


@pytest.mark.slow
def test_the_best_architecture_is_found(make):
    """With gains that stay as they are: trained ones would balance the maps by themselves."""
    method = make(steps=300, lr=0.0, arch_lr=0.02)
    for step in range(300):
        method.train_step(step)
    assert method.found() == (2, 2, 2, 2)
    scores = method.score([(2, 2, 2, 2), (0, 0, 0, 0), (2, 2, 2, 0)])
    assert scores[0] > scores[2] > scores[1]


@pytest.mark.slow
def test_planted_ranking_is_found(make, request, monkeypatch):
    """With strengths whose distances are those of a mixture's weights, or of a sample's chances.

    All sites are alike, so that many truths are equal: tau is that of the pairs which differ.
    """
    squares = {"darts": [0.0, 3.0, 4.0], "gdas": [0.0, 1.0, 4.0]}
    strengths = np.sqrt([squares[request.node.callspec.params["make"]]] * 4)
    monkeypatch.setattr(planted, "STRENGTH", strengths)
    method = make(steps=200, lr=0.0, arch_lr=0.02)
    for step in range(200):
        method.train_step(step)
    archs = [arch for arch in np.ndindex(3, 3, 3, 3) if any(arch)]
    truth = np.round([method.space.truth(arch) for arch in archs], 6)
    scores = method.score(archs)
    pairs = np.triu_indices(len(archs), 1)
    signs = [np.sign(values[pairs[0]] - values[pairs[1]]) for values in (truth, scores)]
    assert (signs[0] * signs[1]).sum() / abs(signs[0]).sum() > 0.9
    assert kendalltau(scores, truth).statistic > 0.85


def test_scores_are_geometric_means_of_probabilities(make):
    method = make()
    with torch.no_grad():
        for site, alpha in enumerate(method.alphas):
            alpha.copy_(torch.tensor([0.0, 1.0, float(site)]))
    probabilities = [alpha.softmax(0).tolist() for alpha in method.alphas]
    arch = (0, 1, 2, 0)
    expected = np.prod([probabilities[site][gene] for site, gene in enumerate(arch)]) ** 0.25
    np.testing.assert_allclose(method.score([arch]), [100 * expected], rtol=1e-6)


def test_each_half_step_moves_its_own_parameters(make):
    method = make(arch_lr=0.1)
    weights = [p.detach().clone() for p in method.supernet.parameters()]
    alphas = [alpha.detach().clone() for alpha in method.alphas]
    method.update = lambda step: None
    method.train_step(0)
    assert all(
        torch.equal(p, w) for p, w in zip(method.supernet.parameters(), weights, strict=True)
    )
    assert not any(torch.equal(a, b) for a, b in zip(method.alphas, alphas, strict=True))
    method = make(arch_lr=0.0, arch_weight_decay=0.0)
    method.train_step(0)
    assert all(torch.equal(a, b) for a, b in zip(method.alphas, alphas, strict=True))
    moved = zip(method.supernet.parameters(), weights, strict=True)
    assert any(not torch.equal(p, w) for p, w in moved)


def test_certain_parameters_run_one_path():
    space = SPACES["nb201"]("compact")
    task = load_task("digits")
    where = Setting(
        space=space,
        data=task,
        recipe=Recipe(steps=4, batch_size=8),
        scoring=Scoring(),
        search=SearchLimits(),
        seed=0,
        device=torch.device("cpu"),
    )
    method, path = DARTS(where, DARTSOptions()), (3, 1, 2, 4, 1, 3)
    with torch.no_grad():
        for alpha, gene in zip(method.alphas, path, strict=True):
            alpha[gene] = 200.0
    x, _ = task.train_batch(0, 8, 0)
    mixed = method.supernet.features(x, path, method.mixture(0))[1]
    torch.testing.assert_close(mixed, method.supernet(x, path), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("name", METHODS)
def test_each_half_step_reads_its_own_half(name):
    """Of the training images: those that the weights learn from never move the architecture."""
    method, options = METHODS[name]
    data = Noise(ImageSpec(12, 3, 9))
    made = method(make_setting(data=data), options())
    read = {torch.optim.Adam: set(), torch.optim.SGD: set()}
    loss, last = made.mixture_loss, []

    def spy(batch, step):
        last.append({image.numpy().tobytes() for image in batch[0]})
        return loss(batch, step)

    made.mixture_loss = spy
    with steps_taken() as taken:
        for step in range(4):
            made.train_step(step)
    for step, images in zip(taken, last, strict=True):
        read[type(step.optimizer)] |= images
    halves = [{image.numpy().tobytes() for image in half.train.images} for half in data.apart(2)]
    assert read[torch.optim.SGD] <= halves[0] and read[torch.optim.Adam] <= halves[1]
    assert min(map(len, read.values())) > 20
    assert made.weight_data.asked == made.arch_data.asked == [(step, 64, 0) for step in range(4)]


def test_a_mixture_is_the_sum_by_the_softmax():
    method = with_alphas(DARTS(make_setting(), DARTSOptions()), (0.0, 1.0, -1.0))
    out = method.mixture(0)(2, [lambda x: x, lambda x: 10 * x, lambda x: 100 * x], torch.ones(()))
    weights = np.exp([0.0, 1.0, -1.0]) / np.exp([0.0, 1.0, -1.0]).sum()
    assert out.item() == pytest.approx(float(weights @ [1, 10, 100]), rel=1e-6)


@pytest.mark.parametrize("name", METHODS)
def test_each_half_step_follows_the_gradient_of_its_own_batch(name):
    """Both at the weights before, the second by the new architecture parameters."""
    method, options = METHODS[name]
    where = replace(make_setting(), recipe=Recipe(steps=4, batch_size=64, clip=0.0))
    made, twin = (method(where, options(arch_lr=0.5)) for _ in range(2))
    with steps_taken() as taken:
        told = made.train_step(0)
    arch, weights = taken
    for step, half, mine, other in (
        (arch, twin.arch_data, made.alphas, twin.alphas),
        (weights, twin.weight_data, list(made.supernet.parameters()), twin.parameters),
    ):
        loss = twin.mixture_loss(half.train_batch(0, 64, 0), 0)
        torch.testing.assert_close(told["arch_loss" if step is arch else "loss"], loss.detach())
        slopes = torch.autograd.grad(loss, other, allow_unused=True)
        for tensor, slope in zip(mine, slopes, strict=True):
            torch.testing.assert_close(step.gradients[tensor], slope)
        if step is arch:
            for alpha, slope in zip(twin.alphas, slopes, strict=True):
                alpha.grad = slope
            twin.arch_optimizer.step()


@pytest.mark.parametrize("name", METHODS)
def test_labels_are_smoothed_as_the_recipe_says(name):
    method, options = METHODS[name]
    where = replace(make_setting(), recipe=Recipe(steps=4, label_smoothing=0.2))
    made, twin = (method(where, options()) for _ in range(2))
    x, y = made.weight_data.train_batch(0, 8, 0)
    logits = twin.relaxation.logits(twin.supernet, x, twin.mixture(0))
    logs = logits.log_softmax(1)
    expected = -(0.8 * logs[range(8), y] + 0.2 * logs.mean(1)).mean()
    torch.testing.assert_close(made.mixture_loss((x, y), 0), expected)


@pytest.mark.parametrize("name", WIRED)
def test_a_wiring_that_no_supernet_mixes_is_refused(make, name):
    with pytest.raises(UsageError, match=f"{name} also choose a wiring.*use another method"):
        make(SPACES[name]("compact"))


@pytest.mark.parametrize("name", [name for name in SPACES if name not in WIRED])
@pytest.mark.parametrize("seed", [0, 2])
def test_a_pass_visits_every_site(name, seed):
    method = DARTS(make_setting(SPACES[name]("compact"), NOISE, seed), DARTSOptions())
    seen = {}

    def hook(site, operators, x):
        seen[site] = len(operators)
        return operators[-1](x)

    method.relaxation.logits(method.supernet, NOISE.train.images[:2], hook)
    assert seen == {site: len(alpha) for site, alpha in enumerate(method.alphas)}


# DARTS' own space ---------------------------------------------------------------------------


@pytest.fixture
def on_darts():
    """With random architecture parameters."""
    method = DARTS(make_setting(SPACES["darts"]("compact", width=4), NOISE), DARTSOptions())
    rng = np.random.default_rng(0)
    with torch.no_grad():
        for alpha in method.alphas:
            alpha.copy_(torch.tensor(rng.normal(size=len(alpha))))
    return method


@pytest.mark.slow
def test_gradient_of_the_architecture_is_its_finite_difference(on_darts):
    method, rng, width = on_darts, np.random.default_rng(1), 1e-5
    method.supernet.double()
    method.alphas = [alpha.detach().double().requires_grad_() for alpha in method.alphas]
    x = torch.randn(4, 1, 12, 12, dtype=torch.double, generator=torch.manual_seed(0))
    batch = x, torch.tensor([1, 2, 3, 4])
    method.mixture_loss(batch, 0).backward()
    for site in rng.choice(len(method.alphas), 6, replace=False):
        direction = torch.tensor(rng.normal(size=len(method.alphas[site])))
        losses = []
        for sign in (1, -1):
            with torch.no_grad():
                method.alphas[site] += sign * width * direction
                losses.append(method.mixture_loss(batch, 0).item())
                method.alphas[site] -= sign * width * direction
        expected = (losses[0] - losses[1]) / (2 * width)
        found = float(method.alphas[site].grad @ direction)
        assert found == pytest.approx(expected, rel=1e-4, abs=1e-9)


def test_the_architecture_derived_scores_best(on_darts):
    method, rng = on_darts, np.random.default_rng(2)
    others = [method.space.sample(rng) for _ in range(200)]
    derived = method.found()
    others += [method.space.neighbour(derived, rng) for _ in range(200)]
    scores = method.score([derived, *others])
    assert scores[0] > scores[1:].max()


def test_a_score_is_of_the_edges_kept(on_darts):
    arch = on_darts.space.sample(np.random.default_rng(3))
    probabilities = [alpha.detach().softmax(0) for alpha in on_darts.alphas]
    kept = [float(probabilities[site][op]) for site, op in on_darts.relaxation.chosen(arch)]
    assert len(kept) == 16
    np.testing.assert_allclose(on_darts.score([arch]), 100 * np.prod(kept) ** (1 / 16), rtol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(("method", "operators"), [(DARTS, 98), (GDAS, 14)])
def test_a_step_costs_the_operators_of_all_edges(on_darts, method, operators):
    """Twice those of a cell, of which a path has eight; ``none`` costs nothing."""
    made = method(on_darts.setting, GDASOptions())
    paths = 2 * operators / 8
    assert method.paths_per_step(None, made.space) == {"forwards": paths, "backwards": paths}
    for step in range(4):
        made.train_step(step)
    assert made.costs["path_forwards"] == made.costs["path_backwards"] == 4 * paths
    assert made.costs["image_passes"] == 4 * paths * made.setting.recipe.batch_size


@pytest.mark.parametrize("name", METHODS)
def test_what_is_derived_is_found_where_it_is_feasible(name):
    """Else the best of an evolution; the planted cost is one and the sum of the genes."""
    method, options = METHODS[name]
    free = with_alphas(method(make_setting(), options()), (0.0, 1.0, 3.0))
    assert free.found() == (2, 2, 2, 2)  # without any search
    limits = SearchLimits(population=6, generations=1, max_madds=4.0)
    made = method(replace(make_setting(), search=limits), options())
    scored = dict(with_alphas(made, (0.0, 1.0, 3.0)).search_epoch(0))
    assert made.found() == max(scored, key=scored.get) and sum(made.found()) <= 3


def test_impossible_options_are_refused():
    for wrong in ({"arch_lr": -1.0}, {"arch_weight_decay": -1e-9}):
        with pytest.raises(UsageError, match=f"--options.{min(wrong).replace('_', '-')} must be"):
            DARTSOptions(**wrong)
    assert DARTSOptions(arch_lr=0.0, arch_weight_decay=0.0)
    for wrong in ({"temperature": 0.0}, {"last_temperature": 0.0}):
        with pytest.raises(UsageError, match="temperature"):
            GDASOptions(**wrong)
