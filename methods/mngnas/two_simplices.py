"""Convex quadratic problems over two simplices, many at once: MNGNAS's coefficients.

Each is ``argmin_x 1/2 x'Gx - b'x`` with ``x >= 0`` and the sum 1 in each of two disjoint groups of
entries; entries in neither are 0, an empty group constrains nothing. A primal-dual interior point
goes to the optimum with Mehrotra's predictor and corrector. On the host it stops where all
problems are solved; on a device, which nobody may ask, it takes a fixed number of steps.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch

from searchspaces.errors import UsageError

MAX_STEPS = 60
STEPS = 20  # on a device
COMPLEMENTARITY = 1e-14  # x_i * z_i at the answer, for a problem whose largest entry is 1
BACK_OFF = 0.995  # share of the way to the boundary
SMALLEST = torch.finfo(torch.float64).tiny
RIDGE = 1e-12  # of the matrix that a device factorises, and may not find singular
SOLVED = 1e-8  # what of the optimality conditions may be left on a device

Solve = Callable[[torch.Tensor], torch.Tensor]  # right-hand sides to solutions, ``[S, n + 2]``


@torch.no_grad()
def two_simplex_qp(gram: torch.Tensor, linear: torch.Tensor, member: torch.Tensor) -> torch.Tensor:
    """The optima of S problems, all on the host: float64 ``[S, n]``.

    ``gram`` ``[S, n, n]`` positive semidefinite, ``linear`` ``[S, n]``, ``member`` ``[S, 2, n]``
    the groups. The answers are exactly feasible, optimal to about 1e-12 of the
    problem's largest entry; of several optima the one in the middle (identical vectors share
    equally). A problem's answer does not depend on the others in the batch.

    Raises :class:`UsageError` when it does not converge: entries that are not finite, or a
    matrix that is not positive semidefinite.
    """
    problems = InteriorPoints(gram, linear, member)
    for _ in range(MAX_STEPS):
        if not problems.running.any():
            return problems.answers()
        problems.step(by_lu)
    raise UsageError(
        "the adaptive coefficients do not converge; network outputs must be finite: lower the "
        "learning rate."
    )


@torch.no_grad()
def two_simplex_qp_on_device(
    gram: torch.Tensor, linear: torch.Tensor, member: torch.Tensor
) -> torch.Tensor:
    """The same where the problems are, in as many operations whatever they are, reading nothing.

    What is not solved, as problems with entries that are not finite, has answers that are not.
    """
    problems = InteriorPoints(gram, linear, member, penalty=1.0, ridge=RIDGE)
    identity = torch.eye(linear.shape[1], dtype=torch.float64, device=linear.device)
    for _ in range(STEPS):
        problems.step(partial(by_cholesky, identity))
    left = torch.maximum(problems.residual().abs().amax(1, keepdim=True), problems.gap)
    return problems.answers().masked_fill(~(left < SOLVED), torch.nan)


class InteriorPoints:
    """Of S problems a point each inside the bounds, which :meth:`step` takes nearer to the optimum.

    At the optimum ``kkt @ point = constant + (z, 0)`` and ``x * z = 0``: ``point`` ``[S, n + 2]``
    are x and the multipliers of the groups' sums, ``z`` ``[S, n]`` those of the bounds. Entries in
    no group get ``(x - 1)^2 / 2`` to minimise, the multiplier of an empty group is tied to 0: the
    steps need no special cases. ``gap`` ``[S, 1]`` is the mean of ``x * z``; ``running`` are those
    for which it is not small enough. The largest entry of a problem is scaled to 1.

    ``penalty`` is on half the squared errors of the groups' sums, which are 0 at any answer; with
    it a matrix is regular in directions that change a sum. ``ridge`` makes it so in all others: it
    is added to the matrix that steps are solved with, and what that leaves is left to the next.
    """

    def __init__(
        self,
        gram: torch.Tensor,
        linear: torch.Tensor,
        member: torch.Tensor,
        penalty: float = 0.0,
        ridge: float = 0.0,
    ):
        self.member, self.size = member, linear.shape[1]
        group = member.double()
        used = group.sum(1)
        unused, full = 1 - used, group.amax(2)
        gram = torch.where((used.unsqueeze(1) * used.unsqueeze(2)).bool(), gram.double(), 0)
        linear = torch.where(used.bool(), linear.double(), 0)
        scale = torch.maximum(gram.abs().amax((1, 2)), linear.abs().amax(1)).clamp_min(SMALLEST)
        gram, linear = gram / scale[:, None, None], linear / scale[:, None]
        if penalty:
            gram, linear = gram + penalty * group.mT @ group, linear + penalty * used
        self.kkt = torch.cat(
            [
                torch.cat([gram + torch.diag_embed(unused), -group.mT], 2),
                torch.cat([group, torch.diag_embed(1 - full)], 2),
            ],
            1,
        )
        self.constant = torch.cat([linear + unused, full], 1)
        x = (group / group.sum(2, keepdim=True).clamp_min(1)).sum(1) + unused
        slope = (self.kkt @ torch.cat([x, 0 * full], 1).unsqueeze(2)).squeeze(2) - self.constant
        slope = slope[:, : self.size]
        lift = 3 * slope.abs().amax(1, keepdim=True) + 1e-3
        self.point, self.z = torch.cat([x, -lift * full], 1), slope + lift
        self.system = self.kkt.clone()
        self.curvature = self.kkt.diagonal(dim1=1, dim2=2)[:, : self.size] + ridge
        self._measure()

    @property
    def x(self) -> torch.Tensor:
        return self.point[:, : self.size]

    def _measure(self) -> None:
        self.excess = self.x * self.z
        self.gap = self.excess.mean(1, keepdim=True)
        self.running = ~(self.gap < 2 * COMPLEMENTARITY)

    def step(self, factorise: Callable[[torch.Tensor], Solve]) -> None:
        """One step of those that are running; ``factorise`` gets matrices ``[S, n + 2, n + 2]``."""
        x, z = self.x, self.z
        self.system.diagonal(dim1=1, dim2=2)[:, : self.size] = self.curvature + z / x
        solve, residual = factorise(self.system), self.residual()
        move, dz, length = _newton(solve, residual, x, z, self.excess)
        # Mehrotra takes the second-order term whole, and then the iteration can cycle: trust it
        # as far as the first-order step itself could go.
        excess = self.excess + length**2 * move[:, : self.size] * dz
        aim = (self.gap * (1 - length) ** 2).clamp_min(COMPLEMENTARITY)
        move, dz, length = _newton(solve, residual, x, z, excess - aim)
        length = BACK_OFF * length
        self.point = torch.where(self.running, self.point + length * move, self.point)
        self.z = torch.where(self.running, z + length * dz, z)
        self._measure()

    def residual(self) -> torch.Tensor:
        """What is missing from the linear conditions, ``[S, n + 2]``."""
        missing = self.constant - torch.bmm(self.kkt, self.point.unsqueeze(2)).squeeze(2)
        missing[:, : self.size].add_(self.z)
        return missing

    def answers(self) -> torch.Tensor:
        """The points as they are, with sums that are exact: ``[S, n]``."""
        weights = self.member * self.x.unsqueeze(1)
        return (weights / weights.sum(2, keepdim=True).clamp_min(SMALLEST)).sum(1)


def _newton(
    solve: Solve,
    residual: torch.Tensor,
    x: torch.Tensor,
    z: torch.Tensor,
    excess: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Steps of point and z that cancel ``residual`` and, to first order, ``excess`` of ``x * z``.

    The third result ``[S, 1]`` is the largest length, at most 1, that keeps x and z positive.
    """
    size = x.shape[1]
    right = residual.clone()
    right[:, :size].sub_(excess / x)
    move = solve(right)
    dz = -(excess + z * move[:, :size]) / x
    blocked = -torch.minimum(move[:, :size] / x, dz / z).amin(1, keepdim=True)
    return move, dz, 1 / blocked.clamp_min(1)


def by_lu(system: torch.Tensor) -> Solve:
    factors = torch.linalg.lu_factor_ex(system)[:2]
    return lambda right: torch.linalg.lu_solve(*factors, right.unsqueeze(2)).squeeze(2)


def by_cholesky(identity: torch.Tensor, system: torch.Tensor) -> Solve:
    """By what PyTorch hands to a GPU without waiting for it, as it does not LU of larger matrices.

    The x of a system are eliminated, with ``identity`` ``[n, n]``, and two multipliers are left.
    """
    sums, ties = system[:, -2:, :-2], system[:, -2:, -2:]
    lower = torch.linalg.cholesky_ex(system[:, :-2, :-2]).L
    inverse = torch.linalg.solve_triangular(lower, identity, upper=False)
    sides = torch.bmm(inverse, sums.mT)
    small = torch.linalg.inv_ex(torch.baddbmm(ties, sides.mT, sides)).inverse

    def solve(right: torch.Tensor) -> torch.Tensor:
        first, second = right.unsqueeze(2).split([len(identity), 2], 1)
        halfway = torch.bmm(inverse, first)
        multipliers = torch.bmm(small, torch.baddbmm(second, sides.mT, halfway, alpha=-1))
        found = torch.bmm(inverse.mT, torch.baddbmm(halfway, sides, multipliers))
        return torch.cat([found, multipliers], 1).squeeze(2)

    return solve
