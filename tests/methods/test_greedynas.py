"""GreedyNAS: which paths are trained, what the pool keeps, when it is drawn from."""

import numpy as np
import pytest
import torch
from blobs import IMAGE, Blobs, setting
from torch.nn import functional

from methods.greedynas import GreedyNAS, GreedyNASOptions
from methods.options import Recipe, SearchLimits
from searchspaces.errors import UsageError


def make(steps=20, where=None, **options):
    where = where or setting(recipe=Recipe(steps=steps, batch_size=16))
    return GreedyNAS(where, GreedyNASOptions(**({"warmup": 0.0} | options)))


def loss_of(path):
    """Some order of the paths, without ties."""
    return float(np.dot(path, 5 ** np.arange(6))) / 5**6


def test_the_best_of_what_is_proposed_are_trained_best_first():
    method, ranked = make(proposed=6, trained=2), []

    def losses(paths, step):
        ranked.append((step, paths))
        return [loss_of(path) for path in paths]

    method.losses, trained = losses, []
    loss = method.path_loss
    method.path_loss = lambda path, batch: (trained.append(path), loss(path, batch))[1]
    for step in range(6):
        method.train_step(step)
    assert [step for step, _ in ranked] == [0, 2, 4]
    expected = [path for _, paths in ranked for path in sorted(paths, key=loss_of)[:2]]
    assert trained == expected and all(len(paths) == 6 for _, paths in ranked)


def test_the_pool_has_the_best_ever_with_their_last_losses():
    method, seen = make(proposed=5, trained=1, pool=7), {}

    def losses(paths, step):
        found = [loss_of(path) - step / 1000 for path in paths]  # what comes again has another loss
        kept = dict(sorted(seen.items(), key=lambda item: item[1])[:7])
        seen.clear()
        seen.update(kept | dict(zip(paths, found, strict=True)))
        return found

    method.losses = losses
    for step in range(12):
        method.train_step(step)
    assert list(method.pool.items()) == sorted(seen.items(), key=lambda item: item[1])[:7]


def test_losses_are_of_held_out_images_by_their_own_statistics_and_teach_nothing():
    method = make()
    method.train_step(0)
    before = {name: value.clone() for name, value in method.supernet.state_dict().items()}
    paths = [method.space.sample(np.random.default_rng(seed)) for seed in range(3)]
    found = method.losses(paths, 5)
    after = method.supernet.state_dict()
    assert all(torch.equal(after[name], value) for name, value in before.items())
    x, y = method.held_out.train_batch(5, 3, 0)  # of 64 images three are held out
    expected = [functional.cross_entropy(method.supernet(x, path), y).item() for path in paths]
    assert found == pytest.approx(expected, rel=1e-5)


def test_no_image_both_teaches_and_ranks():
    method = make(where=setting(data=Blobs(IMAGE, size=100)))
    kept, held = method.data.train.images, method.held_out.train.images
    assert (len(kept), len(held)) == (95, 5)
    assert len({image.numpy().tobytes() for image in [*kept, *held]}) == 100


def test_exploitation_grows_from_nothing_to_its_last_value():
    method = make(steps=101, exploit=0.6, warmup=0.01)
    assert method.greedy_from == 1
    chances = [method.exploitation(step) for step in range(1, 101)]
    assert chances == pytest.approx(np.linspace(0, 0.6, 100))
    method.pool = {(1, 1, 1, 1, 1, 1): 0.1}
    method.exploitation = lambda step: 0.6
    drawn = [method.propose(step).count((1,) * 6) for step in range(200)]
    assert abs(np.mean(drawn) - 6) < 5 * np.sqrt(10 * 0.6 * 0.4 / 200)
    del method.exploitation
    assert method.propose(1).count((1,) * 6) == 0


def test_the_first_steps_train_uniform_paths_unranked():
    method = make(steps=12, warmup=0.25)
    for step in range(12):
        method.train_step(step)
        assert bool(method.pool) == (step >= 3)
    rankings = 2  # at steps 3 and 8, and the last path is of the second
    assert method.costs["path_forwards"] == 12 + rankings * 10
    assert method.costs["path_backwards"] == 12
    assert method.costs["compute"] == 12 * 16 * 3 + rankings * 10 * 3
    said = method.compute_per_step(method.options, method.space, method.setting.recipe, 64)
    assert said == pytest.approx(3 + 0.75 * 2 * 3 / 16)


def test_the_search_begins_with_the_best_of_the_pool():
    where = setting(search=SearchLimits(population=4, generations=1))
    method = make(where=where)
    method.pool = {(3, 3, 3, 3, 3, 3): 0.1, (0,) * 6: 0.2, (2, 2, 2, 2, 2, 2): 0.3}
    archs = [arch for arch, _ in method.search_epoch(0)]
    assert archs[:2] == [(3,) * 6, (2,) * 6]  # the second joins nothing
    assert len(set(archs)) == 4


@pytest.mark.parametrize(
    "options", [{"trained": 11}, {"proposed": 0}, {"exploit": 1.1}, {"warmup": -0.1}, {"pool": 0}]
)
def test_options_out_of_bounds_are_refused(options):
    with pytest.raises(UsageError, match="takes"):
        GreedyNASOptions(**options)
