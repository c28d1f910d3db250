"""EnNAS's teacher: the combination of subnets with the least cross-entropy on a batch."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch

from methods.reference_solvers import reference_weights
from methods.solvers import SOLVERS
from methods.transfer import Reading, to_device
from searchspaces.errors import UsageError
from searchspaces.registry import nearest

BOUNDS = {"simplex": (0.0, 1.0), "affine": (-10.0, 10.0)}
TOLERANCE = 1e-9
MAX_STEPS = 1000
SMOOTH = 64.0  # logit range up to which Newton's method converges directly
SHARPEN = 8.0
ENOUGH = 1e-4  # of what a step promises, if it keeps so much it is short enough
RIDGE = 1e-10  # beside the largest curvature: of equal answers the shortest step
AT_BOUND = 1e-7  # a weight so near to a bound is held back by it


@dataclass(frozen=True)
class EnsembleWeights:
    """Weights ``[m]`` (float64, sum 1) and how many of them an ``affine`` bound holds back.

    That number is a float32 scalar on the same device.
    """

    weights: torch.Tensor
    hits: torch.Tensor


def held_back(weights: torch.Tensor, constraint: str) -> torch.Tensor:
    """How many of ``weights`` are at a bound of ``affine``; of ``simplex`` none is told."""
    _, high = BOUNDS[constraint]
    at_bound = weights.abs() > (high - AT_BOUND if constraint == "affine" else math.inf)
    return at_bound.sum().float()


@torch.no_grad()
def ensemble_weights(
    logits: torch.Tensor, labels: torch.Tensor, constraint: str = "simplex", solver: str = "own"
) -> EnsembleWeights:
    """``argmin_w mean_b CE(sum_i w_i logits[i, b], labels[b])`` subject to ``sum_i w_i = 1``.

    ``logits`` ``[m, B, C]`` of m subnets (treated as constants), integer ``labels`` ``[B]``.
    ``simplex`` adds ``w >= 0``. EnNAS eq. 1 prints the sum alone, under which the loss of a
    batch that some combination separates has no minimiser; ``affine`` therefore bounds
    ``|w_i| <= 10``. Among equally good weights the answer stays near the uniform ones.

    ``solver`` is ``own`` or ``host``, which are one, or ``cvxpy`` for the reference
    (:mod:`methods.reference_solvers`).

    Raises :class:`UsageError` for an unknown constraint or solver and for logits that are not
    finite.
    """
    for kind, name, known in (
        ("ensemble weights", constraint, BOUNDS),
        ("solver", solver, SOLVERS),
    ):
        if name not in known:
            raise UsageError(f"unknown {kind} '{name}'{nearest(name, known)}")
    low, high = BOUNDS[constraint]
    # On the host: the problem is small, and a device is read once, not at each step.
    flat = Reading(torch.cat([logits.double().flatten(), labels.double()])).numpy()
    host, index = flat[: logits.numel()].reshape(logits.shape), flat[logits.numel() :].astype(int)
    # Relative to the true class: nothing is left to cancel where the batch is fitted well.
    margins = host - host[:, np.arange(len(index)), index][:, :, None]
    margins = np.ascontiguousarray(margins.swapaxes(1, 2))  # sums over classes: whole rows
    reach = float(np.abs(margins).max())
    if not math.isfinite(reach):
        raise UsageError("a subnet's logits are not finite; lower the learning rate.")
    if solver == "cvxpy":
        weights = reference_weights(margins, low, high)
    else:
        weights = _from_softened(margins, reach, low, high)
    weights /= weights.sum()
    found = to_device(weights, logits.device)
    return EnsembleWeights(found, held_back(found, constraint))


def _from_softened(margins: np.ndarray, reach: float, low: float, high: float) -> np.ndarray:
    """The weights for ``margins`` up to ``reach``.

    Huge logits make the loss almost piecewise linear: it is approached through softened ones.
    """
    softest = max(reach / SMOOTH, 1.0)
    stages = math.ceil(math.log(softest, SHARPEN))
    weights = np.full(len(margins), 1 / len(margins))
    for stage in range(stages, -1, -1):
        softness = softest ** (stage / max(stages, 1))
        weights = _minimise(_CrossEntropy(margins / softness), weights, low, high)
    return weights


def _minimise(loss: _CrossEntropy, weights: np.ndarray, low: float, high: float) -> np.ndarray:
    """Newton's method with backtracking from ``weights``, within the bounds, the sum unchanged."""
    value = loss(weights)
    for _ in range(MAX_STEPS):
        slope, curvature = loss.derivatives()
        step = _newton_step(slope, curvature, low - weights, high - weights)
        descent = -float(slope @ step)
        before, value = value, loss(weights + step)
        if descent <= TOLERANCE * (1 + before):
            return np.clip(weights + step, low, high) if value < before else weights
        length = 1.0
        while value > before - ENOUGH * length * descent:
            length /= 2
            value = loss(weights + length * step)
        weights = np.clip(weights + length * step, low, high)
        if value >= before:  # below the resolution of float64
            break
    return weights


class _CrossEntropy:
    """The loss as a function of the weights, with derivatives at the point of the last call.

    ``margins`` float64 ``[m, C, B]``: logits less that of the true class.
    """

    def __init__(self, margins: np.ndarray):
        self.margins, self.flat = margins, margins.reshape(len(margins), -1)

    def __call__(self, weights: np.ndarray) -> float:
        mixed = (weights @ self.flat).reshape(self.margins.shape[1:])
        top = mixed.max(0)
        self.probabilities = np.exp(mixed - top)
        total = self.probabilities.sum(0)
        self.probabilities /= total
        return float((np.log(total) + top).mean())

    def derivatives(self) -> tuple[np.ndarray, np.ndarray]:
        """Gradient ``[m]`` and Hessian ``[m, m]``."""
        expected = np.einsum("icb,cb->ib", self.margins, self.probabilities)
        spread = (self.margins - expected[:, None]) * np.sqrt(self.probabilities)
        spread = spread.reshape(self.flat.shape)
        return expected.mean(1), spread @ spread.T / expected.shape[1]


def _newton_step(
    slope: np.ndarray, curvature: np.ndarray, down: np.ndarray, up: np.ndarray
) -> np.ndarray:
    """``argmin_d slope.d + d.curvature.d / 2`` with ``sum d = 0`` and ``down <= d <= up``.

    Primal active-set method, which begins with everything held that is at a bound.
    """
    size = len(slope)
    scale = curvature.trace() + np.abs(slope).max() + 1e-300
    # Optimality of the free entries, then the sum; the last unknown is the multiplier of the sum.
    system, right = np.ones((size + 1, size + 1)), np.zeros(size + 1)
    system[:-1, :-1] = curvature / scale + RIDGE * np.eye(size)
    system[-1, -1], right[:-1] = 0, -slope / scale
    identity, point = np.eye(size + 1), np.zeros(size + 1)
    held = np.zeros(size + 1)  # -1 at the lower bound, 1 at the upper
    held[:-1] = (up <= 0) * 1.0 - (down >= 0)
    if held[:-1].all():
        held[down.argmin()] = 0
    for _ in range(10 * size):
        if held.any():
            free = held == 0
            target = np.linalg.solve(
                np.where(free[:, None], system, identity), np.where(free, right, point)
            )
            move = np.where(free, target - point, 0)[:-1]
            move[free[:-1]] -= move.sum() / (free.sum() - 1)  # a single free entry stays, exactly
        else:
            target = np.linalg.solve(system, right)
            move = (target - point)[:-1]
            move -= move.sum() / size
        room = np.where(move < 0, down, up) - point[:-1]
        ratio = np.divide(room, move, out=np.full(size, np.inf), where=np.abs(move) > 1e-300)
        first = ratio.argmin()
        if ratio[first] < 1:
            point[:-1] += max(ratio[first], 0.0) * move  # below 0: past its bound by rounding
            held[first] = 1.0 if move[first] > 0 else -1.0
            continue
        point[:-1] += move
        if not held.any():
            break
        pull = (system @ target - right)[:-1] * held[:-1]
        if pull.max() <= 1e-12:
            break
        held[pull.argmax()] = 0
    return point[:-1]
