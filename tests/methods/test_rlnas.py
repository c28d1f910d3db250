"""RLNAS: labels that say nothing, and angles by a reference in NumPy."""

import math

import numpy as np
import pytest
import torch
from blobs import IMAGE, Blobs, setting

from harness.conformance.noise import Noise
from harness.conformance.subjects import through_a_file
from methods.options import Recipe, Scoring
from methods.rlnas import RLNAS, RLNASOptions
from searchspaces.base import ImageSpec
from searchspaces.chain.macro import NASBenchMacro
from searchspaces.errors import UsageError
from searchspaces.nb201.space import NASBench201


def make(where=None, **options):
    return RLNAS(where or setting(recipe=Recipe(steps=6, batch_size=8)), RLNASOptions(**options))


def test_labels_are_uniform_fixed_and_independent_of_the_true_ones():
    data = Blobs(IMAGE, size=4000)
    first, again = (make(setting(data=data)).data.train.labels for _ in range(2))
    other = make(setting(data=data, seed=1)).data.train.labels
    assert torch.equal(first, again) and not torch.equal(first, other)
    table = torch.zeros(4, 4)
    table.index_put_((data.train.labels, first), torch.ones(()), accumulate=True)
    expected = table.sum(1, keepdim=True) * table.sum(0) / 4000
    assert ((table - expected) ** 2 / expected).sum() < 28  # χ² of 9 degrees: 0.999 at 27.9
    assert (first.bincount(minlength=4) - 1000).abs().max() < 5 * math.sqrt(4000 * 3 / 16)


def test_a_batch_has_the_label_of_each_image_whenever_it_comes():
    method, seen = make(), {}
    for step in range(12):
        for image, label in zip(*method.data.train_batch(step, 16, 0), strict=True):
            assert seen.setdefault(image.numpy().tobytes(), int(label)) == int(label)
    assert len(seen) > 40


# The ways of a cell of NAS-Bench-201 as edges, and what each edge's operator is.
WAYS = [(3,), (1, 5), (0, 4), (0, 2, 5)]
NONE, SKIP, CONV1, CONV3, POOL = range(5)


def vector(supernet, arch, matrix):
    """What ABS's algorithm 1 concatenates: way by way, cell by cell, then what is fixed."""
    known = supernet.named_parameters()
    weights = {name: p.detach().numpy() for name, p in known if p.dim() > 1}
    parts = [value.ravel() for name, value in weights.items() if ".edges." not in name]
    for stage, channels in enumerate((4, 8)):
        for way in WAYS:
            if NONE in [arch[edge] for edge in way]:
                continue
            for edge in way:
                start = f"stages.{stage}.0.edges.{edge}.{arch[edge]}."
                parts += [value.ravel() for n, value in weights.items() if n.startswith(start)]
                if arch[edge] == POOL:
                    parts.append(np.full(channels * 9, 1 / 9))
                if arch[edge] == SKIP and matrix:
                    parts.append(np.eye(channels).ravel())
    return np.concatenate(parts).astype(float)


ARCHS = [
    (CONV3, CONV1, POOL, SKIP, CONV3, POOL),
    (CONV3, CONV3, CONV3, CONV3, CONV3, CONV3),
    (CONV1, NONE, NONE, POOL, NONE, CONV3),  # only one way is whole
    (SKIP, NONE, CONV1, NONE, SKIP, CONV3),
]


@pytest.mark.parametrize("matrix", [False, True])
def test_an_angle_is_that_of_the_vectors_of_weights(matrix):
    method = make(identity="matrix" if matrix else "empty")
    untrained = make()
    for step in range(6):
        method.train_step(step)
    for arch, score in zip(ARCHS, method.score(ARCHS), strict=True):
        after, before = (vector(m.supernet, arch, matrix) for m in (method, untrained))
        cosine = before @ after / (np.linalg.norm(before) * np.linalg.norm(after))
        assert score == pytest.approx(math.acos(cosine), rel=1e-5)
    assert len(set(method.score(ARCHS))) == len(ARCHS) and method.score(ARCHS).min() > 0.01


def test_elsewhere_every_weight_counts_once():
    where = setting(NASBenchMacro("compact"), Noise(ImageSpec(1, 12, 10)), recipe=Recipe(6, 8))
    method, untrained = make(where), make(where)
    for step in range(3):
        method.train_step(step)
    arch = (0, 1, 2, 0, 1, 2, 1, 0)
    before, after = (
        torch.cat([p.detach().double().flatten() for p in own.parameters() if p.dim() > 1])
        for own in (m.supernet.subnet(arch) for m in (untrained, method))
    )
    cosine = torch.nn.functional.cosine_similarity(before, after, dim=0).item()
    assert method.angle(arch) == pytest.approx(math.acos(cosine), rel=1e-5)


def test_what_joins_nothing_or_has_not_moved_has_no_angle():
    method = make()
    assert method.angle(ARCHS[1]) == pytest.approx(0, abs=1e-7)
    method.train_step(0)
    assert method.angle((NONE,) * 6) == 0 < method.angle(ARCHS[1])


def test_angles_follow_the_training():
    method = make()
    angles = []
    for step in range(3):
        method.train_step(step)
        angles.append(method.score_in_training(ARCHS[:2], step)[1])
    assert angles[0] < angles[1] < angles[2]


def test_what_weights_began_with_is_kept_with_them():
    method, other = make(), make()
    for step in range(3):
        method.train_step(step)
    for tensor in other.initial.values():
        tensor.add_(1.0)
    before = other.score(ARCHS)
    other.load_trained_state(through_a_file(method.trained_state()))
    assert other.score(ARCHS) == pytest.approx(method.score(ARCHS), rel=1e-6)
    assert np.abs(other.score(ARCHS) - before).min() > 0.01


def test_there_are_no_classified_images_to_score_otherwise():
    with pytest.raises(UsageError, match="leave --score.by loss out"):
        make(setting(scoring=Scoring(by="loss")))


def test_routes():
    space = NASBench201("compact")
    assert space.routes((CONV3,) * 6) == (2, 1, 1, 1, 1, 2)
    assert space.routes((SKIP, NONE, CONV1, NONE, SKIP, CONV3)) == (2, 0, 1, 0, 1, 1)
    assert list(NASBenchMacro("compact").routes((0,) * 8)) == [1] * 8
