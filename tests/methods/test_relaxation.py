"""DARTS and GDAS: what each half step trains, and that both find a planted best architecture."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from planted import PlantedData, PlantedSpace

from harness.tasks import load_task
from methods.base import Setting
from methods.darts import DARTS
from methods.gdas import GDAS
from methods.options import Recipe, Scoring, SearchLimits
from methods.relaxation_options import DARTSOptions, GDASOptions
from searchspaces.errors import UsageError
from searchspaces.registry import SPACES

METHODS = {"darts": (DARTS, DARTSOptions), "gdas": (GDAS, GDASOptions)}


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


def test_the_best_architecture_is_found(make):
    """With gains that stay as they are: trained ones would balance the maps by themselves."""
    method = make(steps=300, lr=0.0, arch_lr=0.02)
    for step in range(300):
        method.train_step(step)
    assert method.found() == (2, 2, 2, 2)
    scores = method.score([(2, 2, 2, 2), (0, 0, 0, 0), (2, 2, 2, 0)])
    assert scores[0] > scores[2] > scores[1]


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


def test_a_sample_of_gdas_is_one_path_whose_gradient_reaches_all_parameters():
    method = GDAS(replace(make_setting(), recipe=Recipe(steps=4, batch_size=64)), GDASOptions())
    seen = []

    def run(site, op, part, run=method.supernet.run):
        seen.append((site, op))
        return run(site, op, part)

    method.supernet.run = run
    loss = method.mixture_loss(method.arch_data.train_batch(0, 64, 0), 0)
    loss.backward()
    assert sorted(site for site, _ in seen) == [0, 1, 2, 3]
    assert all((alpha.grad != 0).all() for alpha in method.alphas)


def make_setting():
    return Setting(
        space=PlantedSpace(),
        data=PlantedData(500),
        recipe=Recipe(steps=4, batch_size=64),
        scoring=Scoring(),
        search=SearchLimits(),
        seed=0,
        device=torch.device("cpu"),
    )


def test_the_temperature_of_gdas_falls_to_its_last_value():
    method = GDAS(make_setting(), GDASOptions(temperature=5.0, last_temperature=0.5))
    assert [method.temperature(step) for step in (0, 3)] == [5.0, 0.5]
    assert 0.5 < method.temperature(1) < 5.0


def test_weights_and_architecture_see_different_images():
    first, second = load_task("digits").halves()
    assert len(first.train) + len(second.train) == 3000
    images = {image.numpy().tobytes() for image in first.train.images}
    assert not images & {image.numpy().tobytes() for image in second.train.images}


@pytest.mark.parametrize("name", ["nb101", "darts", "nb101-1shot1-1"])
def test_a_wiring_cannot_be_mixed(make, name):
    with pytest.raises(UsageError, match="also choose a wiring"):
        make(SPACES[name]("compact"))


def test_impossible_options_are_refused():
    with pytest.raises(UsageError, match="arch-lr"):
        DARTSOptions(arch_lr=-1.0)
    with pytest.raises(UsageError, match="temperature"):
        GDASOptions(last_temperature=0.0)
