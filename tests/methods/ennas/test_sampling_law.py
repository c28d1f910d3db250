"""The law of operators that are diverse, each draw uniform for itself."""

from collections import defaultdict
from itertools import permutations

import cvxpy as cp
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from methods.ennas.sampling_law import FLOOR, SamplingLaw

# Without replacement the third draw has hardly any freedom: plain iterative fitting never ends.
TIGHT = np.array([[0, 0, 2, 0], [0, 0, 0, 0.01], [2, 0, 0, 0.01], [0, 0.01, 0.01, 0]])

FEW = settings(max_examples=20)


def symmetric(values):
    upper = np.triu(values, 1)
    return upper + upper.T


def tables(least=1, most=6):
    entries = st.one_of(st.sampled_from([0.0, 1e-9, 1e-6, 1e-3, 1.0, 2.0]), st.floats(0, 2))
    sizes = st.integers(least, most)
    return sizes.flatmap(lambda t: arrays(float, (t, t), elements=entries)).map(symmetric)


def random_table(operators, seed=0):
    return symmetric(np.random.default_rng(seed).random((operators, operators)))


def margins(law):
    """The exact law of each draw, by following all that may have been drawn before."""
    before = {(): 1.0}
    for number in range(law.draws):
        if not law.replacement and number % law.operators == 0:
            before = {(): 1.0}
        after, margin = defaultdict(float), np.zeros(law.operators)
        for drawn, probability in before.items():
            for operator, share in enumerate(law.conditional[drawn]):
                margin[operator] += probability * share
                if share:
                    after[tuple(sorted((*drawn, operator)))] += probability * share
        yield margin
        before = after


@settings(max_examples=40)
@given(tables(), st.integers(1, 5), st.booleans())
@example(TIGHT, 4, False)
@example(TIGHT, 4, True)
@example(np.zeros((4, 4)), 5, False)
@example(np.zeros((1, 1)), 3, True)
def test_every_draw_is_exactly_uniform(zeta, draws, replacement):
    law = SamplingLaw.diverse(zeta, draws, replacement)
    for margin in margins(law):
        np.testing.assert_allclose(margin, 1 / len(zeta), rtol=0, atol=1e-9)
    for drawn, probabilities in law.conditional.items():
        assert (probabilities >= 0).all()
        assert probabilities.sum() == pytest.approx(1, abs=1e-9)
        if not replacement:
            assert not probabilities[list(drawn)].any()


@FEW
@given(tables(3, 3), st.booleans())
def test_of_three_operators_the_second_is_either_other(zeta, replacement):
    law = SamplingLaw.diverse(zeta, 2, replacement)
    for operator in range(3):
        expected = np.where(np.arange(3) == operator, 0, 0.5)
        np.testing.assert_allclose(law.conditional[operator,], expected, atol=1e-9)


@pytest.mark.parametrize("replacement", [True, False])
def test_laws_are_the_closest_ones_of_their_margins(replacement):
    zeta, operators = random_table(4, seed=3) + 0.05 * (1 - np.eye(4)), 4
    law = SamplingLaw.diverse(zeta, 3, replacement)
    drawn = dict.fromkeys([(o,) for o in range(operators)], 1 / operators)
    for _ in range(2):
        columns = list(drawn)
        kernel = np.array([zeta[:, list(c)].mean(axis=1) * drawn[c] for c in columns]).T
        if not replacement:
            for index, column in enumerate(columns):
                kernel[list(column), index] = 0
        joint = cp.Variable(kernel.shape, nonneg=True)
        allowed = kernel > 0
        problem = cp.Problem(
            cp.Minimize(cp.sum(cp.kl_div(joint[allowed], kernel[allowed]))),
            [
                joint[~allowed] == 0,
                cp.sum(joint, axis=1) == 1 / operators,
                cp.sum(joint, axis=0) == np.array(list(drawn.values())),
            ],
        )
        problem.solve("CLARABEL")
        longer = defaultdict(float)
        for index, column in enumerate(columns):
            expected = joint.value[:, index] / drawn[column]
            np.testing.assert_allclose(law.conditional[column], expected, atol=1e-4)
            for operator in np.flatnonzero(law.conditional[column]).tolist():
                chance = drawn[column] * law.conditional[column][operator]
                longer[tuple(sorted((*column, operator)))] += chance
        drawn = longer


@FEW
@given(tables(2, 5), st.booleans(), st.randoms(use_true_random=False))
def test_renaming_operators_renames_the_law(zeta, replacement, random):
    order = list(range(len(zeta)))
    random.shuffle(order)
    law = SamplingLaw.diverse(zeta, 3, replacement)
    renamed = SamplingLaw.diverse(zeta[np.ix_(order, order)], 3, replacement)
    for drawn, probabilities in renamed.conditional.items():
        original = law.conditional[tuple(sorted(order[operator] for operator in drawn))]
        if len(drawn) < 2:  # later ones may condition on what has next to no probability
            np.testing.assert_allclose(probabilities, original[order], atol=1e-6)
    for first, second in zip(margins(law), margins(renamed), strict=True):
        np.testing.assert_allclose(first[order], second, atol=1e-9)


@FEW
@given(tables(4, 6))
def test_pairs_are_more_diverse_than_without_a_table(zeta):
    """Among laws with these margins, the closest to ζ has at least the mean log ζ of any other."""
    size = len(zeta)
    law = SamplingLaw.diverse(zeta, 2, replacement=True)
    logarithms = np.log(np.maximum(zeta, FLOOR))
    mean = np.mean([law.conditional[o,] @ logarithms[o] for o in range(size)])
    others = ~np.eye(size, dtype=bool)
    assert mean >= logarithms[others].mean() - 1e-6


def test_identical_operators_are_told_apart_from_nothing():
    zeta = np.zeros((4, 4))
    for replacement in (True, False):
        law = SamplingLaw.diverse(zeta, 2, replacement)
        for operator in range(4):
            expected = np.where(np.arange(4) == operator, 0, 1 / 3)
            np.testing.assert_allclose(law.conditional[operator,], expected, atol=1e-12)


def test_a_zero_row_still_has_its_share():
    zeta = np.ones((4, 4)) - np.eye(4)
    zeta[1] = zeta[:, 1] = 0
    law = SamplingLaw.diverse(zeta, 4, replacement=True)
    for margin in margins(law):
        np.testing.assert_allclose(margin, 0.25, atol=1e-9)


def test_uniform_laws():
    independent = SamplingLaw.uniform(5, 4, replacement=True)
    for probabilities in independent.conditional.values():
        np.testing.assert_allclose(probabilities, 0.2, atol=1e-12)
    order = SamplingLaw.uniform(5, 4, replacement=False)
    for drawn, probabilities in order.conditional.items():
        expected = np.full(5, 1 / (5 - len(drawn)))
        expected[list(drawn)] = 0
        np.testing.assert_allclose(probabilities, expected, atol=1e-12)


@pytest.mark.parametrize("diverse", [True, False])
def test_without_replacement_operators_repeat_only_after_all_were_drawn(diverse):
    make = SamplingLaw.diverse if diverse else lambda zeta, *more: SamplingLaw.uniform(3, *more)
    law = make(random_table(3), 8, False)
    rng = np.random.default_rng(0)
    orders = set()
    for _ in range(200):
        drawn = law.draw(rng)
        assert len(drawn) == 8
        assert sorted(drawn[:3]) == sorted(drawn[3:6]) == [0, 1, 2]
        assert drawn[6] != drawn[7]
        orders.add(tuple(drawn[3:6]))
    assert orders == set(permutations(range(3)))


@pytest.mark.parametrize("replacement", [True, False])
def test_draws_follow_the_law(replacement):
    law = SamplingLaw.diverse(random_table(4, seed=1), 3, replacement)
    rng, count = np.random.default_rng(0), 6000
    drawn = np.array([law.draw(rng) for _ in range(count)])
    for number in range(3):
        shares = np.bincount(drawn[:, number], minlength=4) / count
        np.testing.assert_allclose(shares, 0.25, atol=0.03)
    for before, probabilities in law.conditional.items():
        if len(before) == 2:
            now = drawn[(np.sort(drawn[:, :2], axis=1) == before).all(axis=1), 2]
            error = 5 * np.sqrt(0.25 / max(len(now), 1))
            shares = np.bincount(now, minlength=4) / max(len(now), 1)
            assert np.abs(shares - probabilities).max() < error or len(now) < 20


def test_draws_are_a_function_of_the_generator():
    law = SamplingLaw.diverse(random_table(5), 4, replacement=True)
    first, second = ([law.draw(np.random.default_rng(s)) for s in range(9)] for _ in range(2))
    assert first == second
