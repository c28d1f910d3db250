"""What every method's supernet training must and must not do."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from blobs import IMAGE, Blobs, setting
from params import EVALUATED, slow_but
from planted import PlantedData, PlantedSpace
from scipy.stats import kendalltau

from methods.base import PATHS, RETRAIN, SEARCH, Method
from methods.cream.options import CreamOptions
from methods.dna.options import DNAOptions
from methods.fairnas import FairNASOptions
from methods.mngnas.options import MNGNASOptions
from methods.options import Recipe, Scoring, SearchLimits
from methods.registry import METHODS, options_class
from methods.spos import SPOSOptions
from searchspaces.base import Cost
from searchspaces.errors import UsageError

TINY_MNGNAS = MNGNASOptions(
    search_epochs=3, population=6, removed=2, retrain_steps=3, perturb_steps=2, teachers=2
)


QUICK = {"mngnas": TINY_MNGNAS, "dna": DNAOptions(teacher="")}


def make(name, where=None, options=None):
    options = options or QUICK.get(name) or options_class(name)()
    return METHODS[name](where or setting(), options)


@pytest.mark.parametrize("name", slow_but(["spos", "few-shot"], METHODS))
def test_every_method_has_a_network_of_one_architecture_alone(name):
    method = make(name)
    arch, (x, _) = (3, 1, 2, 4, 0, 3), method.data.train_batch(0, 8, 0)
    if name == "mngnas":
        method.search_epoch(0)
    network = method.network_of(arch).eval()
    logits = network(x)
    assert logits.shape == (8, 4) and logits.isfinite().all()
    if type(method).network_of is Method.network_of:
        torch.testing.assert_close(logits, method.supernet.eval()(x, arch))
    with torch.no_grad():
        next(network.parameters()).add_(1)  # its own, as no other network's
    assert not torch.equal(network(x), logits)
    assert torch.equal(method.network_of(arch).eval()(x), logits)


@pytest.mark.parametrize("name", slow_but(["spos", "mixpath"], EVALUATED))
def test_parameters_outside_the_paths_stay_bit_identical(name):
    method = make(name)
    for step in range(5):  # builds up momentum that must not move unsampled operators later
        method.train_step(step)
    before = {n: p.detach().clone() for n, p in method.supernet.named_parameters()}
    method.train_step(5)
    used = {n for n, p in method.supernet.named_parameters() if p.grad is not None}
    for parameter_name, parameter in method.supernet.named_parameters():
        moved = not torch.equal(parameter, before[parameter_name])
        assert not moved or parameter_name in used, parameter_name
        # a bias before a BN has a gradient of rounding errors, too small to move it
        if parameter_name in used:
            step = 0.01 * parameter.grad.abs()  # a tenth of the learning rate
            assert moved or not (step > parameter.abs() * 2**-22).any(), parameter_name
    assert 0 < len(used) <= len(before)


def test_streams_steps_and_seeds_draw_apart():
    both = [make("spos"), make("spos", setting(seed=1))]

    def drawn():
        streams = (PATHS, SEARCH, RETRAIN)
        return [m.rng(s, step).random() for m in both for s in streams for step in range(5)]

    assert len(set(drawn())) == 2 * 3 * 5
    assert drawn() == drawn()


def test_first_weights_are_those_of_the_seed():
    torch.manual_seed(99)
    first, same, other = make("spos"), make("spos"), make("spos", setting(seed=1))
    weights = [
        torch.cat([w.detach().flatten() for w in m.parameters]) for m in (first, same, other)
    ]
    assert torch.equal(weights[0], weights[1])
    assert (weights[0] != weights[2]).float().mean() > 0.9


def test_a_sixteenth_of_what_is_ranked_is_a_chunk_from_eight_to_128_architectures(monkeypatch):
    """In the order in which the supernet is quickest with them."""
    method = make("spos")
    monkeypatch.setattr(method.supernet, "order", lambda archs: list(range(len(archs)))[::-1])
    for number, sizes in ((20, [8, 8, 4]), (160, [10] * 16), (3000, [128] * 23 + [56])):
        chunks = method.chunks([(0, 1, 2, 3, 4, 0)] * number)
        assert [len(chunk) for chunk in chunks] == sizes
        assert [place for chunk in chunks for place in chunk] == list(range(number))[::-1]


def test_every_generation_of_a_search_draws_for_itself(monkeypatch):
    spos = make("spos", setting(seed=1))
    mngnas = make("mngnas", setting(seed=1), replace(TINY_MNGNAS, kd="none"))
    monkeypatch.setattr(spos, "score", lambda archs: np.zeros(len(archs)))
    monkeypatch.setattr(mngnas, "_scores", lambda members: [0.0] * len(members))
    monkeypatch.setattr(mngnas, "_retrain", lambda *_, **__: None)
    for method in (spos, mngnas):
        asked, rng = [], method.rng
        monkeypatch.setattr(method, "rng", lambda *of, r=rng, a=asked: a.append(of) or r(*of))
        for epoch in range(2):
            method.search_epoch(epoch)
        assert asked == [(SEARCH, 0), (SEARCH, 1)]


def test_what_is_found_keeps_to_every_limit():
    where = setting()
    rng = np.random.default_rng(0)
    costs = [where.space.cost(where.space.sample(rng), IMAGE) for _ in range(300)]
    madds = np.quantile([cost.madds for cost in costs], [0.3, 0.8]) / 1e6
    params = np.quantile([cost.params for cost in costs], [0.2, 0.7]) / 1e6
    limits = replace(
        where.search,
        min_madds=madds[0],
        max_madds=madds[1],
        min_params=params[0],
        max_params=params[1],
    )
    method = make("spos", replace(where, search=limits))
    assert method.search_epochs == 2  # generations
    for epoch in range(method.search_epochs):
        for arch, _ in method.search_epoch(epoch):
            cost = where.space.cost(arch, IMAGE)
            assert madds[0] * 1e6 <= cost.madds <= madds[1] * 1e6
            assert params[0] * 1e6 <= cost.params <= params[1] * 1e6
    for arch in (where.space.sample(rng) for _ in range(200)):
        cost = where.space.cost(arch, IMAGE)
        within = madds[0] <= cost.madds / 1e6 <= madds[1]
        within = within and params[0] <= cost.params / 1e6 <= params[1]
        assert method.feasible(arch) == (within and where.space.is_valid(arch))


class Inverted(PlantedSpace):
    """Costs least where the other costs most."""

    def cost(self, arch, image):
        return Cost(10 * image.size, 2_000_000 * (9 - sum(arch)))


@pytest.mark.parametrize("name", [*EVALUATED, "params", "flops"])
def test_costs_are_those_of_the_networks_that_stand_alone(name):
    """Whatever the supernet's scale: for limits, for what a method orders by, and for scores."""
    planted = setting(PlantedSpace(), PlantedData(60), recipe=Recipe(steps=4, batch_size=16))
    where = replace(planted, sized=(Inverted(), replace(PlantedData.image, size=7)))
    options = {
        "spos": SPOSOptions("flops_bins"),
        "fairnas": FairNASOptions(search="nsga2"),
        "cream": CreamOptions(warmup=0.0),
    }
    method, arch = make(name, where, options.get(name)), (2, 0, 1, 2)
    assert method.cost_of(arch) == Cost(70, 8_000_000)
    if name == "spos":
        assert method.madds_range == (2_000_000, 18_000_000)
        edges = np.linspace(*method.madds_range, 8)
        for step in range(12):
            drawn = int(method.rng(PATHS, step).integers(7))  # the bin
            (path,) = method.sample_paths(method.rng(PATHS, step))
            assert edges[drawn] <= 2_000_000 * (9 - sum(path)) <= edges[drawn + 1]
    if name == "fairnas":
        assert method.evolution.cost(arch) == Cost(70, 8_000_000)
    if name == "cream":
        method.train_step(0)
        (entry,) = method.board.entries
        assert entry.madds == 2_000_000 * (9 - sum(entry.path))
    if name == "mngnas":
        assert method._member(arch).madds == 8_000_000
    if name == "dna":
        assert sum(method.teacher_arch) == 1  # of a hundred valid ones the costliest
    if name in ("params", "flops"):
        assert method.score([arch]).tolist() == [70 if name == "params" else 8_000_000]


def test_supernets_of_other_methods_and_options_are_others():
    spos = METHODS["spos"].training_identity(SPOSOptions(reject_dead=True))
    assert spos == {"method": "SPOS", "options": {"sampler": "uniform", "reject_dead": True}}
    trained = {name: METHODS[name].training_identity(options_class(name)()) for name in METHODS}
    assert trained.pop("mngnas") == trained.pop("rsps") == trained["spos"]
    assert len({str(identity) for identity in trained.values()}) == len(trained)


def test_impossible_limits_are_named():
    where = setting()
    limits = replace(where.search, max_params=1e-9, min_madds=5.0)
    with pytest.raises(
        UsageError, match="at least 5 million multiply-adds and at most 1e-09 million parameters"
    ):
        make("spos", replace(where, search=limits)).search_epoch(0)


@pytest.mark.parametrize("name", slow_but(["spos"], EVALUATED))
def test_training_is_a_function_of_configuration_and_seed(name):
    first, second, other = make(name), make(name), make(name, setting(seed=1))
    for step in range(4):
        for method in (first, second, other):
            method.train_step(step)
    state, same, different = (m.supernet.state_dict() for m in (first, second, other))
    assert all(torch.equal(state[k], same[k]) for k in state)
    assert not all(torch.equal(state[k], different[k]) for k in state)


@pytest.mark.slow
@pytest.mark.parametrize("name", EVALUATED)
def test_interrupted_training_and_search_end_with_the_same_bits(name):
    whole, part = make(name), make(name)
    for step in range(6):
        whole.train_step(step)
    for step in range(3):
        part.train_step(step)
    resumed = make(name)
    resumed.load_state_dict(through_disk(part.state_dict()))
    for step in range(3, 6):
        resumed.train_step(step)
    epochs = whole.search_epochs
    expected = [whole.search_epoch(epoch) for epoch in range(epochs)]
    got = [resumed.search_epoch(0)]
    again = make(name)
    again.load_state_dict(through_disk(resumed.state_dict()))
    got += [again.search_epoch(epoch) for epoch in range(1, epochs)]
    assert got == expected
    assert again.found() == whole.found()
    archs = [whole.space.sample(np.random.default_rng(i)) for i in range(6)]
    assert again.score(archs).tolist() == whole.score(archs).tolist()
    assert again.costs == whole.costs
    assert_equal(again.state_dict(), whole.state_dict())


def through_disk(state):
    import io

    buffer = io.BytesIO()
    torch.save(state, buffer)
    buffer.seek(0)
    return torch.load(buffer, weights_only=True)


def assert_equal(first, second):
    assert type(first) is type(second)
    if isinstance(first, torch.Tensor):
        assert torch.equal(first, second)
    elif isinstance(first, dict):
        assert first.keys() == second.keys()
        for key in first:
            assert_equal(first[key], second[key])
    elif isinstance(first, list):
        assert len(first) == len(second)
        for a, b in zip(first, second, strict=True):
            assert_equal(a, b)
    else:
        assert first == second


@pytest.mark.parametrize("bn", ["recalibrate", "batchstat", "running"])
@pytest.mark.parametrize("name", slow_but(["spos", "dna"], EVALUATED))
def test_scoring_leaves_the_supernet_as_it_was(name, bn):
    where = setting(scoring=Scoring(bn=bn, calibration_images=32, batch_size=64))
    method = make(name, where)
    method.train_step(0)
    before = {k: v.clone() for k, v in method.supernet.state_dict().items()}
    training = method.supernet.training
    rng = np.random.default_rng(0)
    scores = method.score([method.space.sample(rng) for _ in range(6)])
    assert scores.shape == (6,)
    assert np.isfinite(scores).all()
    assert all(torch.equal(v, before[k]) for k, v in method.supernet.state_dict().items())
    assert method.supernet.training is training


@pytest.mark.parametrize(
    ("bn", "calibration", "images", "passes"),
    [("recalibrate", 32, 0, 32 + 48), ("recalibrate", 32, 24, 32 + 24), ("running", 32, 0, 48),
     ("batchstat", 32, 999, 48), ("recalibrate", 999, 8, 40 + 8)],
)  # fmt: skip
def test_scoring_counts_the_images_of_each_architecture(bn, calibration, images, passes):
    """Those that there are: 40 of training, 48 of validation."""
    scoring = Scoring(bn=bn, images=images, calibration_images=calibration, batch_size=64)
    data = Blobs(IMAGE, 64).selected(slice(0, 40))
    method = make("spos", setting(data=data, scoring=scoring))
    method.count_scoring(3)
    assert method.costs == {"scoring_image_passes": 3 * passes}


# The other methods have tests of their own.
@pytest.mark.slow
@pytest.mark.parametrize("name", ["spos", "mngnas"])
def test_planted_ranking_is_found(name):
    space, data = PlantedSpace(), PlantedData()
    where = setting(
        space,
        data,
        recipe=Recipe(steps=400, batch_size=64, lr=0.05, weight_decay=0.0),
        scoring=Scoring(calibration_images=2000, batch_size=1000),
        search=SearchLimits(population=10, generations=4, parents=4),
    )
    method = make(name, where, replace(TINY_MNGNAS, kd="full") if name == "mngnas" else None)
    for step in range(400):
        method.train_step(step)
    for epoch in range(method.search_epochs):
        method.search_epoch(epoch)
    archs = [a for a in np.ndindex(3, 3, 3, 3) if space.is_valid(a)]
    scores = np.concatenate([method.score(archs[i : i + 8]) for i in range(0, len(archs), 8)])
    truth = [space.truth(arch) for arch in archs]
    assert kendalltau(scores, truth).statistic > 0.9
    if name == "spos":  # 40 of 80 architectures seen by an evolution: among the very best
        assert space.truth(method.found()) >= sorted(truth)[-3]
