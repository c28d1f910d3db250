"""The optimisation problems of EnNAS and MNGNAS as one writes them down for CVXPY.

With ``--options.solver cvxpy`` its answers take the place of those of the methods' own solvers, so
that nobody has to trust these. CVXPY and its solvers are in the extra ``bench``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from searchspaces.errors import UsageError

if TYPE_CHECKING:
    import cvxpy

# Solver and tolerances with which weights agree to about 1e-7 where they are well determined.
EXPONENTIAL = {"solver": "ECOS"} | dict.fromkeys(("abstol", "reltol", "feastol"), 1e-9)
QUADRATIC = {"solver": "CLARABEL"} | dict.fromkeys(
    ("tol_gap_abs", "tol_gap_rel", "tol_feas"), 1e-12
)


def load_cvxpy() -> Any:
    """The module. Raises :class:`UsageError` where it or a solver is not installed."""
    try:
        import cvxpy
    except ImportError:
        missing = "CVXPY"
    else:
        solvers = cvxpy.installed_solvers()
        absent = [name for name in ("ECOS", "CLARABEL") if name not in solvers]
        if not absent:
            return cvxpy
        missing = f"CVXPY's solver {absent[0]}"
    raise UsageError(
        f"{missing} is not installed; run pip install 'nas-evaluation-harness[bench]'."
    ) from None


def ensemble_problem(
    margins: Any, images: int, low: float, high: float
) -> tuple[cvxpy.Problem, cvxpy.Variable]:
    """The weights ``[m]`` with the least cross-entropy, between ``low`` and ``high``, sum 1.

    ``margins`` ``[B * C, m]``, an array or a parameter: the logits of each image, class and subnet,
    less that of the image's true class.
    """
    cp = load_cvxpy()
    rows, members = margins.shape
    w = cp.Variable(members)
    mixed = cp.reshape(margins @ w, (images, rows // images), order="C")
    loss = cp.sum(cp.log_sum_exp(mixed, axis=1)) / images
    return cp.Problem(cp.Minimize(loss), [w >= low, w <= high, cp.sum(w) == 1]), w


def coefficients_problem(
    vectors: Any, target: Any, groups: Sequence[np.ndarray]
) -> tuple[cvxpy.Problem, cvxpy.Variable]:
    """The coefficients ``[n]`` at least 0 with which ``vectors`` ``[d, n]`` make up ``target``.

    ``vectors`` and ``target`` ``[d]`` are arrays or parameters; ``groups`` are positions of vectors
    whose coefficients have the sum 1.
    """
    cp = load_cvxpy()
    x = cp.Variable(vectors.shape[1])
    sums = [cp.sum(x[group]) == 1 for group in groups if len(group)]
    distance = cp.sum_squares(target - vectors @ x) / 2
    return cp.Problem(cp.Minimize(distance), [x >= 0, *sums]), x


def reference_weights(margins: np.ndarray, low: float, high: float) -> np.ndarray:
    """The weights of :func:`ensemble_problem` for ``margins`` ``[m, C, B]``.

    Raises :class:`UsageError` where CVXPY finds none.
    """
    members, _, images = margins.shape
    rows = margins.transpose(2, 1, 0).reshape(-1, members)
    answer = _solved(*ensemble_problem(rows, images, low, high), EXPONENTIAL)
    return np.clip(answer, low, high)


def reference_coefficients(
    target: torch.Tensor, vectors: torch.Tensor, member: torch.Tensor
) -> torch.Tensor:
    """The coefficients ``[S, n]`` of :func:`coefficients_problem` for each of S students.

    ``target`` ``[S, d]``, ``vectors`` ``[n, d]``, ``member`` ``[S, 2, n]``: the two groups of each
    student; who is in neither gets 0. Raises :class:`UsageError` where CVXPY finds none and for
    entries that are not finite.
    """
    targets, columns = target.cpu().numpy(), vectors.cpu().numpy().T
    unit = max(np.abs(targets).max(), np.abs(columns).max()) or 1.0
    if not np.isfinite(unit):
        raise UsageError("network outputs must be finite: lower the learning rate.")
    coefficients = np.zeros((len(targets), columns.shape[1]))
    for row, goal, groups in zip(coefficients, targets, member.numpy(), strict=True):
        inside = np.flatnonzero(groups.any(0))
        if not len(inside):
            continue
        places = [np.flatnonzero(group[inside]) for group in groups]
        problem = coefficients_problem(columns[:, inside] / unit, goal / unit, places)
        row[inside] = np.clip(_solved(*problem, QUADRATIC), 0, None)
        for group in filter(np.any, groups):
            row[group] /= row[group].sum()
    return torch.from_numpy(coefficients)


def _solved(problem: cvxpy.Problem, variable: cvxpy.Variable, how: dict[str, Any]) -> np.ndarray:
    try:
        problem.solve(**how)
    except load_cvxpy().error.SolverError:
        pass
    if variable.value is None:
        raise UsageError(
            f"CVXPY with {how['solver']} finds no answer ({problem.status}); "
            "leave --options.solver cvxpy out."
        )
    return variable.value
