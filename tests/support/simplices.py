"""Convex problems over two simplices as CVXPY solves them, and what any answer must keep to."""

import cvxpy as cp
import numpy as np

TEACHERS, PEERS = 5, 29


def reference(vectors: np.ndarray, target: np.ndarray, member: np.ndarray) -> np.ndarray:
    """cvxpy's ``argmin_x |target - vectors' x|^2`` over the simplices of ``member`` [2, n]."""
    x = cp.Variable(len(vectors))
    simplices = [cp.sum(x[np.flatnonzero(group)]) == 1 for group in member if group.any()]
    outside = x[np.flatnonzero(~member.any(0))] == 0
    distance = cp.sum_squares(target - vectors.T @ x)
    tight = {"tol_gap_abs": 1e-11, "tol_gap_rel": 1e-11, "tol_feas": 1e-11}
    cp.Problem(cp.Minimize(distance), [x >= 0, outside, *simplices]).solve("CLARABEL", **tight)
    return x.value


def assert_feasible(weights: np.ndarray, member: np.ndarray) -> None:
    assert (weights >= 0).all()
    sums = (weights[..., None, :] * member).sum(-1)
    np.testing.assert_allclose(sums, member.any(-1), rtol=0, atol=1e-12)
    assert (weights[~member.any(-2)] == 0).all()


def two_groups(teachers: int = TEACHERS, peers: int = PEERS) -> np.ndarray:
    first = np.arange(teachers + peers) < teachers
    return np.stack([first, ~first])
