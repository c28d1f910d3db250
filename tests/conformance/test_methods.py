"""Every registered method on every registered space: trains, resumes, scores, searches."""

import io
from inspect import signature

import numpy as np
import pytest
import torch
from noise import Noise

from methods.base import Setting
from methods.options import Recipe, Scoring, SearchLimits
from methods.registry import METHODS, options_class
from searchspaces.base import SearchSpace
from searchspaces.errors import UsageError

QUICK = {
    "cream": {"slice": 2, "update_share": 0, "warmup": 0.25},
    "ennas": {"probe_images": 8, "report_images": 8, "warmup": 0.25},
    "dna": {"teacher": ""},
    "mngnas": {
        "search_epochs": 1,
        "population": 3,
        "removed": 1,
        "teachers": 1,
        "retrain_steps": 1,
        "perturbed": 1,
        "perturb_steps": 1,
    },
}


@pytest.fixture(params=list(METHODS))
def make_method(request, space, image, limit):
    """What makes the method with a tiny budget on the space."""
    own = type(space).relaxation is not SearchSpace.relaxation
    wired = hasattr(space, "topology") and not own
    options = options_class(request.param)(**QUICK.get(request.param, {}))
    setting = Setting(
        space=space,
        data=Noise(image),
        recipe=Recipe(steps=4, batch_size=8),
        scoring=Scoring(calibration_images=16, images=16, batch_size=16),
        search=SearchLimits(population=3, generations=1, parents=2, max_madds=limit / 1e6),
        seed=0,
        device=torch.device("cpu"),
    )
    shadows = "shadow" in signature(space.supernet).parameters
    refused = {"darts": wired, "gdas": wired, "mixpath": not shadows}
    if refused.get(request.param):
        with pytest.raises(UsageError, match=space.name):
            METHODS[request.param](setting, options)
        pytest.skip("the method says that it cannot work on the space")
    return lambda: METHODS[request.param](setting, options)


@pytest.fixture(scope="session")
def limit(space, image):
    """Multiply-adds that about half of the architectures stay within."""
    rng = np.random.default_rng(1)
    drawn = filter(space.is_valid, (space.sample(rng) for _ in range(60)))
    return float(np.median([space.cost(arch, image).madds for arch in drawn]))


def state_of(method):
    buffer = io.BytesIO()
    torch.save(method.state_dict(), buffer)
    buffer.seek(0)
    return torch.load(buffer, weights_only=True)


def test_a_method_trains_resumes_scores_and_searches(make_method, archs, limit):
    method = make_method()
    for step in range(2):
        assert all(torch.isfinite(value) for value in method.train_step(step).values())
    resumed = make_method()
    resumed.load_state_dict(state_of(method))
    for step in (2, 3):
        for each in (method, resumed):
            each.train_step(step)
    trained = method.supernet.state_dict()
    for name, tensor in resumed.supernet.state_dict().items():
        assert torch.equal(tensor, trained[name]), name
    before = {name: tensor.clone() for name, tensor in trained.items()}
    for epoch in range(method.search_epochs):
        scored = method.search_epoch(epoch)
        assert all(score <= 100 for _, score in scored)
    found, cost = method.found(), method.space.cost
    assert method.space.is_valid(found)
    assert cost(found, method.data.image).madds <= limit
    scores = method.score(archs)
    assert scores.shape == (len(archs),)
    assert np.isfinite(scores).all()
    # a score is the architecture's own: no matter who else is scored, in which order, in how many
    # calls
    order = np.random.default_rng(0).permutation(len(archs))
    shuffled = method.score([archs[i] for i in order])
    alone = [method.score([arch]).item() for arch in archs[:3]]
    assert shuffled.tolist() == scores[order].tolist()
    assert alone == scores[:3].tolist()
    assert all(torch.equal(t, before[n]) for n, t in method.supernet.state_dict().items())
    assert all(isinstance(note, str) for note in method.notes())
