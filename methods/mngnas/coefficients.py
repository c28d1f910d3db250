"""MNGNAS's adaptive coefficients: how much a student listens to each teacher and each peer."""

from __future__ import annotations

import torch

from methods.reference_solvers import SOLVERS, reference_coefficients
from methods.transfer import Reading, to_device
from searchspaces.errors import UsageError
from searchspaces.registry import nearest

MODES = ("printed", "corrected", "gradient")
MAX_ITERATIONS = 60
COMPLEMENTARITY = 1e-14  # x_i * z_i at the answer, for a problem whose largest entry is 1
BACK_OFF = 0.995  # share of the way to the boundary
SMALLEST = torch.finfo(torch.float64).tiny


@torch.no_grad()
def adaptive_coefficients(
    student: torch.Tensor,
    vectors: torch.Tensor,
    member: torch.Tensor,
    mode: str = "printed",
    solver: str = "own",
) -> torch.Tensor:
    """Coefficients ``[S, n]`` of S students: alpha over teachers, beta over peers.

    They are float64 and on the host, where the small problem is solved: the device that has the
    outputs is read once.

    ``student`` ``[S, d]`` are the students' outputs and ``vectors`` ``[n, d]`` those of every
    teacher and peer, flattened over the batch (all treated as constants); ``member``
    ``[S, 2, n]``, on the host, marks the teachers (row 0) and the peers (row 1) of each student,
    without itself. Each marked group gets non-negative coefficients with sum 1; an empty group none.
    They minimise ``1/2 |c p - sum_e alpha_e t_e - sum_c beta_c u_c|^2`` (MNGNAS eqs. 11-20):

    - ``printed``: c = 1, eq. 20 as it stands. With two groups it cannot fit, for the coefficients
      sum to 2: on probability vectors it does not prefer the teachers closest to the student.
    - ``corrected``: c = the number of groups that have members, as eq. 19 put into eq. 12 gives.
    - ``gradient``: eq. 12 itself, the shortest combination of the losses' gradients with respect
      to the student's output. That gradient is ``p - v`` for ``1/2 |p - v|^2``, and for KL on
      logits with p and v the softmax outputs; so it is the same problem as ``corrected``.

    ``solver`` is ``own``, or ``cvxpy`` for the reference (:mod:`methods.reference_solvers`).

    Raises :class:`UsageError` for an unknown mode or solver and for outputs that are not finite.
    """
    for kind, name, known in (("qp", mode, MODES), ("solver", solver, SOLVERS)):
        if name not in known:
            raise UsageError(f"unknown {kind} '{name}'{nearest(name, known)}")
    vectors = vectors.double()
    groups = to_device(member.any(2).sum(1, keepdim=True), vectors.device)
    copies = 1 if mode == "printed" else groups
    # Outputs of trained networks differ little: remove what they share before squaring.
    centre = vectors.mean(0)
    vectors = vectors - centre
    target = copies * student.double() - groups * centre
    if solver == "cvxpy":
        return reference_coefficients(target, vectors, member)
    linear = torch.stack([vectors @ each for each in target])  # to the same bits in any company
    read = torch.from_numpy(Reading(torch.cat([vectors @ vectors.T, linear])).numpy())
    gram, linear = read.split([len(vectors), len(student)])
    return two_simplex_qp(gram.expand(len(student), -1, -1), linear, member)


@torch.no_grad()
def two_simplex_qp(gram: torch.Tensor, linear: torch.Tensor, member: torch.Tensor) -> torch.Tensor:
    """``argmin_x 1/2 x'Gx - b'x`` for each of S problems, ``x >= 0``, each group's sum 1.

    ``gram`` ``[S, n, n]`` positive semidefinite, ``linear`` ``[S, n]``, ``member`` ``[S, 2, n]``
    two disjoint groups; entries in neither are 0, an empty group constrains nothing. Returns
    float64 ``[S, n]``, exactly feasible, optimal to about 1e-12 of the
    problem's largest entry; of several optima the one in the middle (identical vectors share
    equally). A problem's answer does not depend on the others in the batch.

    Primal-dual interior point with Mehrotra's predictor and corrector, all problems at once.

    Raises :class:`UsageError` when it does not converge: entries that are not finite, or a
    matrix that is not positive semidefinite.
    """
    kkt, constant, point, z = _start(gram, linear, member)
    size = z.shape[1]
    system, curvature = kkt.clone(), kkt.diagonal(dim1=1, dim2=2)[:, :size]
    for _ in range(MAX_ITERATIONS):
        x = point[:, :size]
        excess = x * z
        gap = excess.mean(1, keepdim=True)
        running = ~(gap < 2 * COMPLEMENTARITY)
        if not running.any():
            weights = member * x.unsqueeze(1)
            return (weights / weights.sum(2, keepdim=True).clamp_min(SMALLEST)).sum(1)
        system.diagonal(dim1=1, dim2=2)[:, :size] = curvature + z / x
        factors = torch.linalg.lu_factor_ex(system)[:2]
        residual = constant - (kkt @ point.unsqueeze(2)).squeeze(2)
        residual[:, :size] += z
        move, dz, length = _newton(factors, residual, x, z, excess)
        # Mehrotra takes the second-order term whole, and then the iteration can cycle: trust it
        # as far as the first-order step itself could go.
        excess = excess + length**2 * move[:, :size] * dz
        aim = (gap * (1 - length) ** 2).clamp_min(COMPLEMENTARITY)
        move, dz, length = _newton(factors, residual, x, z, excess - aim)
        length = BACK_OFF * length * running
        point, z = point + length * move, z + length * dz
    raise UsageError(
        "the adaptive coefficients do not converge; network outputs must be finite: lower the "
        "learning rate."
    )


def _start(
    gram: torch.Tensor, linear: torch.Tensor, member: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Optimality conditions ``kkt @ (x, y) = constant + (z, 0)``, and a feasible point inside.

    Entries in no group get ``(x - 1)^2 / 2`` to minimise, the multiplier of an empty group is
    tied to 0: the iteration needs no special cases.
    """
    group = member.double()
    used = group.sum(1)
    unused, full = 1 - used, group.amax(2)
    gram = torch.where((used.unsqueeze(1) * used.unsqueeze(2)).bool(), gram.double(), 0)
    linear = torch.where(used.bool(), linear.double(), 0)
    scale = torch.maximum(gram.abs().amax((1, 2)), linear.abs().amax(1)).clamp_min(SMALLEST)
    kkt = torch.cat(
        [
            torch.cat([gram / scale[:, None, None] + torch.diag_embed(unused), -group.mT], 2),
            torch.cat([group, torch.diag_embed(1 - full)], 2),
        ],
        1,
    )
    constant = torch.cat([linear / scale[:, None] + unused, full], 1)
    x = (group / group.sum(2, keepdim=True).clamp_min(1)).sum(1) + unused
    slope = (kkt @ torch.cat([x, 0 * full], 1).unsqueeze(2)).squeeze(2) - constant
    slope = slope[:, : x.shape[1]]
    lift = 3 * slope.abs().amax(1, keepdim=True) + 1e-3
    return kkt, constant, torch.cat([x, -lift * full], 1), slope + lift


def _newton(
    factors: tuple[torch.Tensor, ...],
    residual: torch.Tensor,
    x: torch.Tensor,
    z: torch.Tensor,
    excess: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Steps of (x, y) and z that cancel ``residual`` and, to first order, ``excess`` of ``x * z``.

    The third result ``[S, 1]`` is the largest length, at most 1, that keeps x and z positive.
    """
    size = x.shape[1]
    right = residual.clone()
    right[:, :size] -= excess / x
    move = torch.linalg.lu_solve(*factors, right.unsqueeze(2)).squeeze(2)
    dz = -(excess + z * move[:, :size]) / x
    blocked = torch.maximum(-move[:, :size] / x, -dz / z).amax(1, keepdim=True)
    return move, dz, 1 / blocked.clamp_min(1)
