"""Both solvers beside CVXPY: the one that stops when it has the answer, and the one of devices."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from launches import Launches
from simplices import PEERS, TEACHERS, assert_feasible, reference, two_groups

from methods.mngnas import two_simplices
from methods.mngnas.two_simplices import two_simplex_qp, two_simplex_qp_on_device
from searchspaces.errors import UsageError

pytestmark = pytest.mark.filterwarnings("ignore:Solution may be inaccurate")
RELIABLE = settings(max_examples=60, deadline=None, derandomize=True)
SOLVERS = two_simplex_qp, two_simplex_qp_on_device


def solve(
    vectors: np.ndarray, target: np.ndarray, member: np.ndarray, solver=two_simplex_qp
) -> np.ndarray:
    gram, linear = vectors @ vectors.T, vectors @ target
    return solver(*(torch.tensor(a)[None] for a in (gram, linear, member)))[0].numpy()


def assert_optimal(vectors: np.ndarray, target: np.ndarray, member: np.ndarray) -> None:
    """As good as cvxpy's answer; equal to it where the optimum is well determined."""
    unit = max(np.abs(vectors).max(), np.abs(target).max()) or 1.0
    scaled = vectors / unit, target / unit
    theirs = reference(*scaled, member)
    curvature = np.linalg.eigvalsh(scaled[0] @ scaled[0].T)
    for solver in SOLVERS:
        ours = solve(vectors, target, member, solver)
        assert_feasible(ours, member)
        loss = [np.sum((scaled[1] - scaled[0].T @ x) ** 2) / 2 for x in (ours, theirs)]
        assert loss[0] == pytest.approx(loss[1], rel=1e-5, abs=1e-6)
        if curvature[0] > 0.05 * curvature[-1]:
            np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5)


def near(one: np.ndarray, other: np.ndarray, gram: np.ndarray) -> None:
    """What the answers make of the vectors is the same, whichever of several optima they are."""
    apart = one - other
    assert apart @ gram @ apart <= 1e-10 * max(np.abs(gram).max(), 1e-300)


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
def test_equal_cvxpy(problem, exponent):
    vectors, target, member = problem
    assert_optimal(vectors * 10.0**exponent, target * 10.0**exponent, member)


@pytest.mark.slow
@RELIABLE
@given(st.lists(st.tuples(*[st.integers(-2, 2)] * 3), min_size=2, max_size=8), st.data())
def test_equal_cvxpy_on_small_integers(rows, data):
    """Ties, parallel vectors and optima on the boundary, which random reals never produce."""
    split = data.draw(st.integers(0, len(rows)))
    target = np.array(data.draw(st.tuples(*[st.integers(-2, 2)] * 3)), dtype=float)
    assert_optimal(np.array(rows, dtype=float), target, two_groups(split, len(rows) - split))


@pytest.mark.slow
@settings(max_examples=150, deadline=None, derandomize=True)
@given(problems(), st.integers(-6, 6))
def test_a_device_finds_what_the_host_does(problem, exponent):
    vectors, target, member = problem
    vectors, target = vectors * 10.0**exponent, target * 10.0**exponent
    host, there = (solve(vectors, target, member, solver) for solver in SOLVERS)
    assert_feasible(there, member)
    gram = vectors @ vectors.T
    near(there, host, gram)
    curvature = np.linalg.eigvalsh(gram)
    if curvature[0] > 1e-3 * curvature[-1]:
        np.testing.assert_allclose(there, host, rtol=0, atol=1e-5)


@pytest.mark.parametrize("dimension", [1, 2, 20, 300])
@pytest.mark.parametrize("kind", ["normal", "identical", "zero", "opposed"])
def test_equal_cvxpy_at_full_size(kind, dimension):
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(TEACHERS + PEERS, dimension))
    if kind == "identical":
        vectors[:TEACHERS], vectors[TEACHERS:] = vectors[0], vectors[-1]
    if kind == "zero":
        vectors[:] = 0
    if kind == "opposed":
        vectors[TEACHERS:] = -vectors[rng.integers(TEACHERS, size=PEERS)]
    assert_optimal(vectors, rng.normal(size=dimension), two_groups())


@pytest.mark.parametrize("solver", SOLVERS)
def test_several_optima_give_the_middle_one(solver):
    weights = solve(np.ones((5, 3)), np.zeros(3), two_groups(2, 3), solver)
    np.testing.assert_allclose(weights, [1 / 2, 1 / 2, 1 / 3, 1 / 3, 1 / 3], atol=1e-9)


def test_empty_and_single_groups():
    vectors, target = np.random.default_rng(0).normal(size=(6, 4)), np.ones(4)
    nobody = np.zeros(6, dtype=bool)
    alone = np.arange(6) == 2
    for solver in SOLVERS:
        for group in (nobody, alone):
            weights = solve(vectors, target, np.stack([group, nobody]), solver)
            np.testing.assert_array_equal(weights, group)
    assert_optimal(vectors, target, np.stack([nobody, ~nobody]))
    assert_optimal(vectors, target, np.stack([~nobody, nobody]))


def test_on_a_device_too_an_answer_does_not_depend_on_the_others():
    """Nor does it change by the steps that others still need, or by those that are broken."""
    given_ = [problem(seed, kind) for seed in range(4) for kind in ("normal", "tied", "zero")]
    broken = [torch.full_like(tensor, torch.nan) for tensor in given_[0][:2]]
    together = [torch.stack(each) for each in zip(*given_, (*broken, given_[0][2]), strict=True)]
    answers = two_simplex_qp_on_device(*together)
    for own, answer in zip(given_, answers, strict=False):
        alone = two_simplex_qp_on_device(*(tensor[None] for tensor in own))[0]
        torch.testing.assert_close(answer, alone, rtol=0, atol=1e-9)
    assert answers[-1].isnan().all()


def problem(seed: int, kind: str) -> tuple[torch.Tensor, ...]:
    """Gram matrix, linear term and groups of six vectors."""
    rng = np.random.default_rng(seed)
    vectors, target = rng.normal(size=(6, 4)), rng.normal(size=4)
    if kind == "tied":
        vectors[1], vectors[4] = vectors[0], -vectors[0]
    given_ = vectors @ vectors.T, vectors @ target, two_groups(2, 4)
    return tuple(torch.tensor(0 * a if kind == "zero" and a.dtype != bool else a) for a in given_)


@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
@pytest.mark.parametrize("which", [0, 1])
def test_what_has_no_answer_is_told_on_the_host_and_not_finite_on_a_device(which, bad):
    given_ = [tensor[None] for tensor in problem(0, "normal")]
    given_[which].view(-1)[0] = bad
    with pytest.raises(UsageError, match="finite"):
        two_simplex_qp(*given_)
    assert two_simplex_qp_on_device(*given_).isnan().all()


def test_what_is_not_solved_in_time_is_no_answer(monkeypatch):
    monkeypatch.setattr(two_simplices, "STEPS", 3)
    gram, linear, member = (tensor[None] for tensor in problem(0, "normal"))
    assert two_simplex_qp_on_device(gram, linear, member).isnan().all()


def test_steps_of_what_is_solved_change_nothing():
    points = two_simplices.InteriorPoints(*(tensor[None] for tensor in problem(0, "normal")))
    while points.running.any():
        points.step(two_simplices.by_lu)
    before = points.point.clone(), points.z.clone()
    points.step(lambda system: lambda right: torch.full_like(right, torch.nan))
    assert torch.equal(points.point, before[0]) and torch.equal(points.z, before[1])


def test_what_is_launched_is_the_same_whatever_the_problems_are():
    counts = []
    for kind in ("normal", "tied", "zero"):
        given_ = [tensor.expand(8, *tensor.shape) for tensor in problem(0, kind)]
        with Launches() as seen:
            two_simplex_qp_on_device(*given_)
        counts.append(seen.counts)
    assert counts[0] == counts[1] == counts[2]
    assert counts[0].total() < 1540


@pytest.mark.parametrize("kind", ["normal", "tied", "zero"])
def test_both_ways_to_solve_a_step_are_the_same(kind):
    """On what a step asks for: a matrix with a diagonal that grows without bounds."""
    given_ = [tensor[None] for tensor in problem(3, kind)]
    points = two_simplices.InteriorPoints(*given_, penalty=1.0)
    points.system.diagonal(dim1=1, dim2=2)[:, :6] += torch.logspace(-2, 8, 6).double()
    right = torch.linspace(-1, 1, 8).double()[None]
    identity = torch.eye(6).double()
    ways = two_simplices.by_lu, lambda system: two_simplices.by_cholesky(identity, system)
    one, other = (way(points.system)(right) for way in ways)
    torch.testing.assert_close(one, other, rtol=1e-8, atol=1e-10)
    torch.testing.assert_close((points.system @ one[:, :, None])[:, :, 0], right)
