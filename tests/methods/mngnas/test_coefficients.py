import cvxpy as cp
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from methods.mngnas.coefficients import MODES, adaptive_coefficients, two_simplex_qp
from searchspaces.errors import UsageError

pytestmark = pytest.mark.filterwarnings("ignore:Solution may be inaccurate")
TEACHERS, PEERS = 5, 29
RELIABLE = settings(max_examples=60, deadline=None, derandomize=True)


def reference(vectors: np.ndarray, target: np.ndarray, member: np.ndarray) -> np.ndarray:
    """cvxpy's ``argmin_x |target - vectors' x|^2`` over the simplices of ``member`` [2, n]."""
    x = cp.Variable(len(vectors))
    simplices = [cp.sum(x[np.flatnonzero(group)]) == 1 for group in member if group.any()]
    outside = x[np.flatnonzero(~member.any(0))] == 0
    distance = cp.sum_squares(target - vectors.T @ x)
    tight = {"tol_gap_abs": 1e-11, "tol_gap_rel": 1e-11, "tol_feas": 1e-11}
    cp.Problem(cp.Minimize(distance), [x >= 0, outside, *simplices]).solve("CLARABEL", **tight)
    return x.value


def solve(vectors: np.ndarray, target: np.ndarray, member: np.ndarray) -> np.ndarray:
    gram, linear = vectors @ vectors.T, vectors @ target
    return two_simplex_qp(*(torch.tensor(a)[None] for a in (gram, linear, member)))[0].numpy()


def assert_feasible(weights: np.ndarray, member: np.ndarray) -> None:
    assert (weights >= 0).all()
    sums = (weights[..., None, :] * member).sum(-1)
    np.testing.assert_allclose(sums, member.any(-1), rtol=0, atol=1e-12)
    assert (weights[~member.any(-2)] == 0).all()


def assert_optimal(vectors: np.ndarray, target: np.ndarray, member: np.ndarray) -> None:
    """As good as cvxpy's answer; equal to it where the optimum is well determined."""
    ours = solve(vectors, target, member)
    assert_feasible(ours, member)
    unit = max(np.abs(vectors).max(), np.abs(target).max()) or 1.0
    vectors, target = vectors / unit, target / unit
    theirs = reference(vectors, target, member)
    loss = [np.sum((target - vectors.T @ x) ** 2) / 2 for x in (ours, theirs)]
    assert loss[0] == pytest.approx(loss[1], rel=1e-5, abs=1e-6)
    curvature = np.linalg.eigvalsh(vectors @ vectors.T)
    if curvature[0] > 0.05 * curvature[-1]:
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5)


def two_groups(teachers: int = TEACHERS, peers: int = PEERS) -> np.ndarray:
    first = np.arange(teachers + peers) < teachers
    return np.stack([first, ~first])


@st.composite
def problems(draw):
    """Random vectors and groups of every size, some vectors repeated, zero or in no group."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    size, dimension = draw(st.integers(1, 34)), draw(st.integers(1, 60))
    vectors = draw(st.sampled_from([rng.normal, rng.exponential]))(size=(size, dimension))
    if draw(st.booleans()):
        vectors = vectors[rng.integers(size, size=size)]
    if draw(st.booleans()):
        vectors[rng.random(size) < 0.3] = 0
    target = vectors[0] if draw(st.booleans()) else rng.normal(size=dimension)
    group = rng.integers(draw(st.integers(2, 3)), size=size)
    return vectors, 2 * target, np.stack([group == 0, group == 1])


@pytest.mark.slow
@RELIABLE
@given(problems(), st.integers(-6, 6))
def test_equals_cvxpy(problem, exponent):
    vectors, target, member = problem
    assert_optimal(vectors * 10.0**exponent, target * 10.0**exponent, member)


@pytest.mark.slow
@RELIABLE
@given(st.lists(st.tuples(*[st.integers(-2, 2)] * 3), min_size=2, max_size=8), st.data())
def test_equals_cvxpy_on_small_integers(rows, data):
    """Ties, parallel vectors and optima on the boundary, which random reals never produce."""
    split = data.draw(st.integers(0, len(rows)))
    target = np.array(data.draw(st.tuples(*[st.integers(-2, 2)] * 3)), dtype=float)
    assert_optimal(np.array(rows, dtype=float), target, two_groups(split, len(rows) - split))


@pytest.mark.parametrize("dimension", [1, 2, 20, 300])
@pytest.mark.parametrize("kind", ["normal", "identical", "zero", "opposed"])
def test_equals_cvxpy_at_full_size(kind, dimension):
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(TEACHERS + PEERS, dimension))
    if kind == "identical":
        vectors[:TEACHERS], vectors[TEACHERS:] = vectors[0], vectors[-1]
    if kind == "zero":
        vectors[:] = 0
    if kind == "opposed":
        vectors[TEACHERS:] = -vectors[rng.integers(TEACHERS, size=PEERS)]
    assert_optimal(vectors, rng.normal(size=dimension), two_groups())


def test_several_optima_give_the_middle_one():
    weights = solve(np.ones((5, 3)), np.zeros(3), two_groups(2, 3))
    np.testing.assert_allclose(weights, [1 / 2, 1 / 2, 1 / 3, 1 / 3, 1 / 3], atol=1e-9)


def test_empty_and_single_groups():
    vectors, target = np.random.default_rng(0).normal(size=(6, 4)), np.ones(4)
    nobody = np.zeros(6, dtype=bool)
    alone = np.arange(6) == 2
    np.testing.assert_array_equal(solve(vectors, target, np.stack([nobody, nobody])), nobody)
    np.testing.assert_array_equal(solve(vectors, target, np.stack([alone, nobody])), alone)
    assert_optimal(vectors, target, np.stack([nobody, ~nobody]))
    assert_optimal(vectors, target, np.stack([~nobody, nobody]))


def outputs(rng: np.random.Generator, noise: list[float], samples: int = 32) -> torch.Tensor:
    """Softmax outputs [len(noise), samples * 10] that stray from a common truth by ``noise``."""
    truth = 2 * rng.normal(size=(samples, 10))
    logits = [truth + level * rng.normal(size=truth.shape) for level in noise]
    return torch.tensor(np.stack(logits)).softmax(-1).flatten(1)


def population(students: int = 6) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Students' outputs, all outputs (five teachers first), and membership without oneself."""
    vectors = outputs(np.random.default_rng(3), [0.3] * TEACHERS + [0.8] * students)
    member = torch.tensor(two_groups(TEACHERS, students)).expand(students, -1, -1).clone()
    member[torch.arange(students), 1, TEACHERS + torch.arange(students)] = False
    return vectors[TEACHERS:], vectors, member


@pytest.mark.parametrize("mode", MODES)
def test_batch_equals_one_by_one(mode):
    student, vectors, member = population()
    member[1, 0], member[2, 1], member[3] = False, False, False
    together = adaptive_coefficients(student, vectors, member, mode)
    assert_feasible(together.numpy(), member.numpy())
    for i in range(len(student)):
        alone = adaptive_coefficients(student[i : i + 1], vectors, member[i : i + 1], mode)
        torch.testing.assert_close(alone[0], together[i], rtol=0, atol=1e-8)


@pytest.mark.parametrize("mode", MODES)
def test_order_of_the_vectors_does_not_matter(mode):
    student, vectors, member = population()
    order = torch.randperm(len(vectors), generator=torch.Generator().manual_seed(0))
    direct = adaptive_coefficients(student, vectors, member, mode)
    permuted = adaptive_coefficients(student, vectors[order], member[:, :, order], mode)
    torch.testing.assert_close(permuted, direct[:, order], rtol=0, atol=1e-8)


@pytest.mark.parametrize("teachers", [TEACHERS, 0])
@pytest.mark.parametrize("mode", MODES)
def test_coefficients_minimise_the_stated_distance(mode, teachers):
    student, vectors, member = population()
    member[:, 0] &= teachers > 0
    ours = adaptive_coefficients(student, vectors, member, mode).numpy()
    copies = 2 if teachers and mode != "printed" else 1
    for weights, p, groups in zip(ours, student.numpy(), member.numpy(), strict=True):
        theirs = reference(vectors.numpy(), copies * p, groups)
        np.testing.assert_allclose(weights, theirs, rtol=0, atol=1e-5)


def test_gradient_mode_is_the_shortest_combination_of_the_kl_gradients():
    generator = torch.Generator().manual_seed(5)
    logits = torch.randn(7, 8, 10, generator=generator, dtype=torch.float64)
    own = logits[6].clone().requires_grad_()
    gradients = [
        torch.autograd.grad(
            torch.nn.functional.kl_div(own.log_softmax(1), other.softmax(1), reduction="sum"), own
        )[0].flatten()
        for other in logits
    ]
    member = np.append(two_groups(3, 3), np.zeros((2, 1), dtype=bool), axis=1)
    theirs = reference(torch.stack(gradients).numpy(), np.zeros(80), member)
    probabilities = logits.softmax(2).flatten(1)
    ours = adaptive_coefficients(
        probabilities[6:], probabilities, torch.tensor(member)[None], "gradient"
    )
    np.testing.assert_allclose(ours[0], theirs, rtol=0, atol=1e-5)


def test_nearly_equal_outputs_keep_their_digits():
    rng = np.random.default_rng(0)
    vectors, member = rng.normal(size=(8, 40)), torch.tensor(two_groups(4, 4))[None]
    student = rng.normal(size=(1, 40))
    exact, shrunk = (
        adaptive_coefficients(
            torch.tensor(1 + scale * student), torch.tensor(1 + scale * vectors), member, "gradient"
        )
        for scale in (1, 1e-6)
    )
    torch.testing.assert_close(shrunk, exact, rtol=0, atol=1e-6)


def test_printed_form_does_not_prefer_close_teachers_and_the_corrected_form_does():
    member = np.append(two_groups(5, 5), np.zeros((2, 1), dtype=bool), axis=1)
    mean = dict.fromkeys(MODES, 0.0)
    for seed in range(20):
        noise = [0.2, 0.6, 1.0, 1.5, 2.0] + [0.4] * 5 + [0.2]  # teachers, peers, the student
        vectors = outputs(np.random.default_rng(seed), noise)
        for mode in MODES:
            answer = adaptive_coefficients(vectors[-1:], vectors, torch.tensor(member)[None], mode)
            mean[mode] = mean[mode] + answer[0, :5].numpy() / 20
    assert mean["printed"][0] < 0.2 and mean["printed"][2:].sum() > 0.6
    assert mean["corrected"][0] > 0.7 and mean["corrected"][2:].sum() < 0.1
    np.testing.assert_allclose(mean["gradient"], mean["corrected"])


def test_outputs_are_constants_and_precision_is_internal():
    student, vectors, member = population()
    exact = adaptive_coefficients(student, vectors, member)
    single = adaptive_coefficients(student.float().requires_grad_(), vectors.float(), member)
    assert not single.requires_grad and single.dtype == torch.float64
    torch.testing.assert_close(single, exact, rtol=0, atol=1e-4)


def test_mistakes_are_named():
    student, vectors, member = population()
    with pytest.raises(UsageError, match="did you mean 'printed'"):
        adaptive_coefficients(student, vectors, member, "print")
    vectors[0, 0] = float("nan")
    with pytest.raises(UsageError, match="finite"):
        adaptive_coefficients(student, vectors, member)
