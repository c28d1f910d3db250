"""Scores of architectures evaluated together are those of one after another, by every method."""

import json

import numpy as np
import pytest
import scored
from scored import make

from harness.running.ranking import rank
from methods import base
from methods.base import TOGETHER, Method

BN = ("recalibrate", "batchstat", "running")


def draw(method, number, seed=0):
    rng = np.random.default_rng(seed)
    return [method.space.sample(rng) for _ in range(number)]


def alone(method, archs):
    return [method.validation_accuracy(method.supernet.subnet(arch)) for arch in archs]


@pytest.mark.parametrize("bn", BN)
@pytest.mark.parametrize("space", ["macro", "ennas-s1", "shufflenet", "mobilenet"])
def test_scores_are_those_of_the_subnets(space, bn):
    method = make(space=space, bn=bn)
    archs = draw(method, 16)
    np.testing.assert_allclose(method.score(archs), alone(method, archs), rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", ["fairnas", "mixpath", "ennas"])
def test_methods_that_inherit_the_score(name):
    method = make(name)
    assert type(method).score is Method.score
    archs = draw(method, 8)
    assert method.score(archs).tolist() == alone(method, archs)


def test_repeated_architectures_get_one_score_and_count_each():
    method = make()
    first, second = draw(method, 2)
    scores = method.score([first, second, first, first])
    assert scores[0] == scores[2] == scores[3]
    assert method.costs["scoring_image_passes"] == 4 * scored.PASSES


def test_more_than_fit_together(monkeypatch):
    monkeypatch.setattr(base, "TOGETHER", 5)
    method = make(bn="running")
    archs = draw(method, 12)
    assert method.score(archs).tolist() == alone(method, archs)


def test_chunks_are_neighbours_and_depend_on_the_architectures_alone():
    method = make()
    archs = draw(method, 400)
    chunks = method.chunks(archs)
    assert {len(chunk) for chunk in chunks} == {25}
    assert [archs[i] for chunk in chunks for i in chunk] == sorted(archs)
    assert chunks == make(bn="running").chunks(archs)
    assert max(map(len, method.chunks(archs * 10))) == TOGETHER
    peers = make("mngnas").chunks(archs)  # each other's teachers: as they come
    assert [i for chunk in peers for i in chunk] == list(range(len(archs)))


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
