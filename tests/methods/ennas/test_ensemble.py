import cvxpy as cp
import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from methods.ennas.ensemble import BOUNDS, ensemble_weights
from searchspaces.errors import UsageError

pytestmark = pytest.mark.filterwarnings("ignore:Solution may be inaccurate")
RELIABLE = settings(max_examples=60, deadline=None, derandomize=True)


def reference(logits: np.ndarray, labels: np.ndarray, constraint: str) -> np.ndarray:
    """cvxpy's answer with ECOS, an exponential-cone solver."""
    w = cp.Variable(len(logits))
    mixed = sum(w[i] * z for i, z in enumerate(logits))
    true = logits[:, np.arange(len(labels)), labels].mean(1) @ w
    low, high = BOUNDS[constraint]
    loss = cp.sum(cp.log_sum_exp(mixed, axis=1)) / len(labels) - true
    problem = cp.Problem(cp.Minimize(loss), [cp.sum(w) == 1, w >= low, w <= high])
    problem.solve("ECOS", abstol=1e-9, reltol=1e-9, feastol=1e-9)
    return w.value


def cross_entropy(weights: np.ndarray, logits: np.ndarray, labels: np.ndarray) -> float:
    mixed = torch.tensor(np.tensordot(weights, logits, 1))
    return float(torch.nn.functional.cross_entropy(mixed, torch.tensor(labels)))


def solve(logits: np.ndarray, labels: np.ndarray, constraint: str = "simplex") -> np.ndarray:
    answer = ensemble_weights(torch.tensor(logits), torch.tensor(labels), constraint)
    low, high = BOUNDS[constraint]
    weights = answer.weights.numpy()
    assert weights.sum() == pytest.approx(1, abs=1e-12)
    assert (weights >= low - 1e-12).all() and (weights <= high + 1e-12).all()
    return weights


def subnets(rng: np.random.Generator, members=4, batch=96, classes=10, skill=1.5):
    """Logits [m, B, C] of subnets whose skill grows with their index, and labels [B]."""
    labels = rng.integers(classes, size=batch)
    signal = skill * np.eye(classes)[labels] * np.linspace(0.5, 1.2, members)[:, None, None]
    return rng.normal(size=(members, batch, classes)) + signal, labels


@pytest.mark.parametrize("constraint", BOUNDS)
@pytest.mark.parametrize("scale", [0.1, 1, 5, 30])
def test_equals_ecos_on_an_ordinary_batch(constraint, scale):
    logits, labels = subnets(np.random.default_rng(0))
    logits *= scale
    ours, theirs = solve(logits, labels, constraint), reference(logits, labels, constraint)
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-4)


@pytest.mark.slow
@RELIABLE
@given(
    seed=st.integers(0, 2**32 - 1),
    members=st.integers(1, 5),
    batch=st.integers(1, 24),
    classes=st.integers(2, 6),
    skill=st.floats(-2, 6),
    tied=st.booleans(),
    constraint=st.sampled_from(sorted(BOUNDS)),
)
def test_as_good_as_ecos(seed, members, batch, classes, skill, tied, constraint):
    logits, labels = subnets(np.random.default_rng(seed), members, batch, classes, skill)
    logits = logits.round() if tied else logits
    ours, theirs = solve(logits, labels, constraint), reference(logits, labels, constraint)
    loss = [cross_entropy(weights, logits, labels) for weights in (ours, theirs)]
    assert loss[0] == pytest.approx(loss[1], rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("constraint", BOUNDS)
@pytest.mark.parametrize("scale", [1e-6, 1e3, 1e6, 1e9])
@pytest.mark.parametrize("tied", [False, True])
def test_extreme_logits_reach_the_best_weights_of_the_limit(constraint, scale, tied):
    """Huge logits make the loss piecewise linear (a linear programme), tiny ones linear."""
    logits, labels = subnets(np.random.default_rng(1), batch=40)
    logits = logits.round() if tied else logits
    loss = cross_entropy(solve(logits * scale, labels, constraint), logits * scale, labels)
    margins = logits - logits[:, np.arange(40), labels][:, :, None]
    low, high = BOUNDS[constraint]
    if scale < 1:
        average = margins.mean((1, 2))
        best = linprog(average, A_eq=np.ones((1, 4)), b_eq=[1], bounds=(low, high)).fun
        assert loss == pytest.approx(np.log(10) + scale * best, rel=0, abs=1e-9)
    else:
        worst = np.repeat(np.eye(40), 10, axis=0)
        best = linprog(
            np.append(np.zeros(4), np.full(40, 1 / 40)),
            A_ub=np.hstack([margins.reshape(4, -1).T, -worst]),
            b_ub=np.zeros(400),
            A_eq=np.append(np.ones(4), np.zeros(40))[None],
            b_eq=[1],
            bounds=[(low, high)] * 4 + [(None, None)] * 40,
        ).fun
        assert -1e-9 <= loss / scale - best <= np.log(10) / scale + 1e-9


@pytest.mark.slow
@RELIABLE
@example(seed=21, exponent=2, skill=2, constraint="simplex")  # separable, by a narrow margin
@given(
    seed=st.integers(0, 2**32 - 1),
    exponent=st.floats(-3, 6),
    skill=st.floats(-3, 6),
    constraint=st.sampled_from(sorted(BOUNDS)),
)
def test_no_worse_than_uniform_or_softened_weights(seed, exponent, skill, constraint):
    logits, labels = subnets(np.random.default_rng(seed), 6, 75, 10, skill)
    logits *= 10.0**exponent
    loss = cross_entropy(solve(logits, labels, constraint), logits, labels)
    for other in (np.full(6, 1 / 6), solve(logits / 8, labels, constraint)):
        assert loss <= cross_entropy(other, logits, labels) * (1 + 1e-7) + 1e-7


@pytest.mark.parametrize("constraint", BOUNDS)
def test_identical_subnets_share_equally(constraint):
    logits, labels = subnets(np.random.default_rng(2), members=1)
    np.testing.assert_allclose(solve(logits.repeat(4, 0), labels, constraint), 0.25)
    pair = np.concatenate([logits, logits, subnets(np.random.default_rng(3))[0][:1]])
    weights = solve(pair, labels, constraint)
    assert weights[0] == pytest.approx(weights[1], abs=1e-5)


def test_constant_logits_leave_the_weights_uniform():
    weights = solve(np.ones((3, 5, 4)), np.zeros(5, dtype=int))
    np.testing.assert_allclose(weights, 1 / 3)


@pytest.mark.parametrize("constraint", BOUNDS)
@pytest.mark.parametrize("margin", [15.0, 1e3, 1e6])
def test_a_perfect_subnet_is_not_drowned_by_bad_ones(constraint, margin):
    logits, labels = subnets(np.random.default_rng(4), skill=-5)
    logits[2] = margin * np.eye(10)[labels]
    loss = cross_entropy(solve(logits, labels, constraint), logits, labels)
    assert loss <= cross_entropy(np.eye(4)[2], logits, labels) + 1e-8


def test_a_single_subnet_has_all_the_weight():
    logits, labels = subnets(np.random.default_rng(5), members=1)
    np.testing.assert_array_equal(solve(logits, labels), [1.0])


def test_affine_weights_run_to_the_bound_where_the_loss_has_no_minimum():
    """Two poor subnets whose difference separates the batch: the loss falls for ever."""
    logits = np.array([[[-3.35, 0.0]], [[-2.415, 0.0]]])
    label = torch.tensor([0])
    ends = ([0, 1], [-9, 10], [-99, 100])
    losses = [cross_entropy(np.array(w, dtype=float), logits, label.numpy()) for w in ends]
    np.testing.assert_allclose(losses, [2.5, 0.0025, 0.0], atol=5e-3)
    bounded = ensemble_weights(torch.tensor(logits), label, "affine")
    np.testing.assert_allclose(bounded.weights, [-9, 10], atol=1e-9)
    assert bounded.hits == 1
    convex = ensemble_weights(torch.tensor(logits), label)
    np.testing.assert_allclose(convex.weights, [0, 1], atol=1e-9)
    assert convex.hits == 0


def test_logits_are_constants_and_precision_is_internal():
    logits, labels = (torch.tensor(a) for a in subnets(np.random.default_rng(6)))
    exact = ensemble_weights(logits, labels).weights
    single = ensemble_weights(logits.float().requires_grad_(), labels).weights
    assert not single.requires_grad and single.dtype == torch.float64
    torch.testing.assert_close(single, exact, rtol=0, atol=1e-5)


def test_order_of_the_subnets_does_not_matter():
    logits, labels = subnets(np.random.default_rng(7))
    order = [2, 0, 3, 1]
    np.testing.assert_allclose(
        solve(logits[order], labels), solve(logits, labels)[order], rtol=0, atol=1e-7
    )


def test_mistakes_are_named():
    logits, labels = (torch.tensor(a) for a in subnets(np.random.default_rng(8)))
    with pytest.raises(UsageError, match="did you mean 'simplex'"):
        ensemble_weights(logits, labels, "simplx")
    for bad in (float("nan"), float("inf"), float("-inf")):
        logits[1, 2, 3] = bad
        with pytest.raises(UsageError, match="finite"):
            ensemble_weights(logits, labels)
