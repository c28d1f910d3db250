"""Cells alike: the convolutions of one can take the places of those of the other."""

import itertools

import numpy as np
import pytest

from searchspaces.nb201.alike import alike_key, representative
from searchspaces.nb201.cell import CONV1, CONV3, EDGES, NONE, POOL, SKIP, function_key, live_edges

ALL = list(itertools.product(range(5), repeat=6))
CONVOLUTIONS = (CONV1, CONV3)


def output(arch, weights):
    """Of a number for the image: convolutions are curves with ``weights`` by edge, pooling a share."""
    value = [0.83]
    for node in range(1, 4):
        total = 0.0
        for edge, (op, (target, source)) in enumerate(zip(arch, EDGES, strict=True)):
            if target != node or op == NONE:
                continue
            given = value[source]
            if op == POOL:
                given = 0.61 * given
            elif op != SKIP:
                given = np.sin(weights.get(edge, 0.3) * given) + (op == CONV3) * np.expm1(given)
            total += given
        value.append(total)
    return value[3]


def convolutions(arch):
    return [edge for edge in live_edges(arch) if arch[edge] in CONVOLUTIONS]


def can_be(arch, other):
    """Whether some order of the convolutions of ``other`` makes it give what ``arch`` does."""
    mine, theirs = convolutions(arch), convolutions(other)
    if sorted(arch[edge] for edge in mine) != sorted(other[edge] for edge in theirs):
        return False
    values = np.linspace(0.5, 1.9, 6)
    expected = output(arch, dict(zip(mine, values, strict=False)))
    for order in itertools.permutations(theirs):
        if all(arch[a] == other[b] for a, b in zip(mine, order, strict=True)):
            found = output(other, dict(zip(order, values, strict=False)))
            if found == pytest.approx(expected, rel=1e-9, abs=1e-12):
                return True
    return False


@pytest.fixture(scope="module")
def standing():
    return {arch: representative(arch) for arch in ALL}


def test_representatives_stand_for_themselves_and_have_nothing_idle(standing):
    assert len({*standing.values()}) == 5_044
    for arch, first in standing.items():
        assert standing[first] == first == function_key(first)
        assert first.count(POOL) <= function_key(arch).count(POOL)
        assert len(live_edges(first)) == 6 - first.count(NONE)


def test_a_cell_and_its_representative_compute_the_same(standing):
    rng = np.random.default_rng(0)
    moved = [arch for arch in ALL if standing[arch] != function_key(arch)]
    assert len(moved) > 5_000
    for place in rng.choice(len(moved), 300, replace=False):
        assert can_be(moved[place], standing[moved[place]])


def test_cells_of_different_representatives_do_not(standing):
    """Those that could, by their operators."""
    firsts, rng = sorted({*standing.values()}), np.random.default_rng(1)
    for _ in range(60):
        arch = firsts[rng.integers(len(firsts))]
        kinds = sorted(arch[edge] for edge in convolutions(arch))
        others = [o for o in firsts if sorted(o[e] for e in convolutions(o)) == kinds and o != arch]
        for place in rng.choice(len(others), min(len(others), 10), replace=False):
            assert not can_be(arch, others[place])


def test_a_convolution_that_is_used_twice_is_not_two():
    once = (CONV3, SKIP, POOL, NONE, SKIP, SKIP)  # x, a convolution, and the same pooled
    twice = (SKIP, NONE, CONV3, SKIP, CONV3, POOL)  # x, one, and another pooled
    assert alike_key(once) != alike_key(twice)


def test_it_does_not_matter_which_convolution_stands_where():
    first = (CONV3, CONV1, NONE, NONE, CONV3, CONV3)
    mirrored = (CONV1, CONV3, NONE, NONE, CONV3, CONV3)
    through = (SKIP, CONV3, CONV1, NONE, NONE, CONV3)
    assert representative(first) == representative(mirrored)
    assert alike_key(through) != alike_key(first)
    assert representative((CONV3, CONV1, NONE, SKIP, NONE, NONE)) == (
        NONE,
        NONE,
        NONE,
        SKIP,
        NONE,
        NONE,
    )
