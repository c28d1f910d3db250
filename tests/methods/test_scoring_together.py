"""Scores of architectures evaluated together are those of one after another, by every method."""

import json

import numpy as np
import pytest
import scored
import torch
from params import slow_but
from scored import make

from harness.conformance.noise import Part
from harness.running.ranking import rank
from methods import base
from methods.base import TOGETHER, Method
from searchspaces.errors import UsageError

BN = ("recalibrate", "batchstat", "running")
# Each kind of space as it is scored by default, one besides with all sources of BN statistics.
SCORED = [
    ("nb201", BN[0]),
    *(pytest.param("nb201", bn, marks=pytest.mark.slow) for bn in BN[1:]),
    *(
        pytest.param(name, BN[0], marks=pytest.mark.slow)
        for name in ("macro", "mobilenet", "nb101")
    ),
]


def draw(method, number, seed=0):
    rng = np.random.default_rng(seed)
    return [method.space.sample(rng) for _ in range(number)]


def alone(method, archs):
    return [method.validation_score(method.supernet.subnet(arch)) for arch in archs]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("space", "bn"),
    [
        *(("macro", bn) for bn in BN),
        ("ennas-s1", BN[0]),
        ("shufflenet", BN[0]),
        ("mobilenet", BN[0]),
    ],
)
def test_scores_are_those_of_the_subnets(space, bn):
    method = make(space=space, bn=bn)
    archs = draw(method, 16)
    np.testing.assert_allclose(method.score(archs), alone(method, archs), rtol=0, atol=1e-9)


@pytest.mark.parametrize("space", slow_but(["nb201"], ["macro", "nb201", "nb101"]))
def test_losses_are_those_of_the_subnets_and_of_the_test_itself(space):
    """Together, one by one, and from the logits of each subnet."""
    method = make(space=space, by="loss")
    archs = draw(method, 16)
    scores = method.score(archs)
    np.testing.assert_allclose(scores, alone(method, archs), rtol=0, atol=1e-6)
    losses = [loss_by_hand(method, arch) for arch in archs]
    np.testing.assert_allclose(scores, [-loss for loss in losses], rtol=1e-4)
    assert len(set(scores.round(6))) > 8 and scores.max() < 0


@pytest.mark.parametrize("space", slow_but(["nb201"], ["macro", "nb201", "mobilenet", "nb101"]))
@pytest.mark.parametrize("batch", [20, 15])
def test_calibration_in_batches_is_that_of_each_subnet(space, batch):
    """40 images in equal parts, and in 14, 14 and 12."""
    method = make(space=space, by="loss", calibration_batch=batch)
    archs = draw(method, 16)
    scores = method.score(archs)
    np.testing.assert_allclose(scores, alone(method, archs), rtol=0, atol=1e-6)
    np.testing.assert_allclose(method.score(archs[:3]), scores[:3], rtol=0, atol=1e-6)
    assert abs(scores - make(space=space, by="loss").score(archs)).max() > 1e-4


def loss_by_hand(method, arch):
    """The mean cross-entropy of 44 validation images."""
    network = method.supernet.subnet(arch)
    for norm in network.modules():
        if isinstance(norm, torch.nn.BatchNorm2d):
            norm.momentum = 1.0
    with torch.no_grad():
        network.train()(method.data.train.images[:40])
        logits = network.eval()(method.data.val.images[:44])
    return torch.nn.functional.cross_entropy(logits, method.data.val.labels[:44]).item()


@pytest.mark.parametrize("name", ["darts", "gdas", "dna"])
def test_methods_whose_scores_are_not_of_images_refuse_to_score_them_otherwise(name):
    for option, value in (("by", "loss"), ("precision", "bfloat16")):
        left_out = f"not of classified images; leave --score.{option} {value} out"
        with pytest.raises(UsageError, match=left_out):
            make(name, space="nb201", **{option: value})


@pytest.mark.slow
@pytest.mark.parametrize("name", ["fairnas", "mixpath", "ennas", "cream", "mngnas"])
def test_other_methods_score_and_search_by_the_loss(name):
    quick = {"search_epochs": 1, "population": 4, "removed": 1, "retrain_steps": 1,
             "perturb_steps": 1, "perturbed": 1, "teachers": 1}  # fmt: skip
    method = make(name, space="nb201", by="loss", options=quick if name == "mngnas" else {})
    scored = method.search_epoch(0)
    assert scored and all(score < 0 for _, score in scored)
    assert (method.score(draw(method, 4)) < 0).all()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["fairnas", "mixpath", "ennas"])
def test_methods_that_inherit_the_score(name):
    method = make(name)
    assert type(method).score is Method.score
    archs = draw(method, 8)
    assert method.score(archs).tolist() == alone(method, archs)


def by_hand(method, archs, bn, part="val"):
    """Percent right of 44 images of ``part``, each subnet run by the test itself."""
    data, found = method.data, []
    chosen = getattr(data, part)
    for arch in archs:
        network = method.supernet.subnet(arch)
        with torch.no_grad():
            if bn == "recalibrate":
                for norm in network.modules():
                    if isinstance(norm, torch.nn.BatchNorm2d):
                        norm.momentum = 1.0  # one batch replaces all there was
                network.train()(data.train.images[:40])
            network.train(bn == "batchstat")
            guess = torch.cat([network(x) for x in chosen.images[:44].split(24)]).argmax(1)
        found.append(100 * (guess == chosen.labels[:44]).double().mean().item())
    return found


@pytest.mark.parametrize(("space", "bn"), SCORED)
def test_scores_are_accuracies_on_validation_images(space, bn):
    method = make(space=space, bn=bn)
    archs = draw(method, 12)
    one = 100 / 44 + 1e-6  # an image, which another rounding may turn
    np.testing.assert_allclose(method.score(archs), by_hand(method, archs, bn), rtol=0, atol=one)
    other = by_hand(method, archs, bn, "train")
    assert np.abs(method.score(archs) - other).max() > 4 * one


@pytest.mark.slow
@pytest.mark.parametrize("space", slow_but(["macro"], ["macro", "nb201", "mobilenet", "nb101"]))
def test_other_training_images_leave_a_score_and_other_validation_images_do_not(space):
    """Where BN asks for none."""
    method = make(space=space, bn="running")
    archs = draw(method, 12)
    before = method.score(archs).tolist()
    train, val = method.data.train, method.data.val
    method.data.train = Part(-train.images, train.labels.flip(0))
    assert method.score(archs).tolist() == before
    method.data._val = Part(val.images, (val.labels + 1) % 5)
    assert method.score(archs).tolist() != before


def test_repeated_architectures_get_one_score_and_count_each():
    method = make()
    first, second = draw(method, 2)
    scores = method.score([first, second, first, first])
    assert scores[0] == scores[2] == scores[3]
    assert method.costs["scoring_image_passes"] == 4 * scored.PASSES


@pytest.mark.parametrize(
    ("bn", "passes"), [("recalibrate", 84), ("batchstat", 44), ("running", 44)]
)
def test_a_score_costs_the_images_that_it_takes(bn, passes):
    method = make(space="nb101", bn=bn)
    method.costs.clear()
    method.score(draw(method, 3))
    assert method.costs == {"scoring_image_passes": 3 * passes}


@pytest.mark.slow
def test_more_than_fit_together(monkeypatch):
    monkeypatch.setattr(base, "TOGETHER", 5)
    method = make(bn="running")
    archs = draw(method, 12)
    assert method.score(archs).tolist() == alone(method, archs)


@pytest.mark.slow
def test_chunks_are_neighbours_and_depend_on_the_architectures_alone():
    method = make()
    archs = draw(method, 400)
    chunks = method.chunks(archs)
    assert {len(chunk) for chunk in chunks} == {25}
    assert [archs[i] for chunk in chunks for i in chunk] == sorted(archs)
    assert chunks == make(bn="running").chunks(archs)
    assert max(map(len, method.chunks(archs * 10))) == TOGETHER
    assert [len(chunk) for chunk in method.chunks(archs[:20])] == [8, 8, 4]
    peers = make("mngnas").chunks(archs)  # retrained one by one: as they come
    assert [i for chunk in peers for i in chunk] == list(range(len(archs)))


@pytest.mark.slow
def test_ranking_depends_on_neither_processes_nor_interruptions(tmp_path):
    method = make()
    archs = draw(method, 20)
    expected = alone(method, archs)
    method.costs.clear()
    streams = [tmp_path / name for name in ("one", "two", "cut")]
    one = rank(method, archs, streams[0], 1, scored.make)
    costs = dict(method.costs)
    assert one.tolist() == expected
    assert rank(method, archs, streams[1], 2, scored.make).tolist() == expected
    lines = streams[0].read_text().splitlines(keepends=True)
    assert len(lines) == 3
    streams[2].write_text(lines[1] + lines[0][:40])
    method.costs.clear()
    assert rank(method, archs, streams[2], 1, scored.make).tolist() == expected
    assert dict(method.costs) == costs == {"scoring_image_passes": 20 * scored.PASSES}
    rows = [sorted(map(json.loads, s.read_text().splitlines()), key=str) for s in streams]
    assert rows[0] == rows[1] == rows[2]
