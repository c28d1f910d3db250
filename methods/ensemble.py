"""EnNAS's teacher: the combination of subnets with the least cross-entropy on a batch."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch

from searchspaces.errors import UsageError
from searchspaces.registry import nearest

BOUNDS = {"simplex": (0.0, 1.0), "affine": (-10.0, 10.0)}
TOLERANCE = 1e-9
MAX_STEPS = 1000


@dataclass(frozen=True)
class EnsembleWeights:
    """Weights ``[m]`` (float64, sum 1) and how many of them an ``affine`` bound holds back."""

    weights: torch.Tensor
    hits: int


@torch.no_grad()
def ensemble_weights(
    logits: torch.Tensor, labels: torch.Tensor, constraint: str = "simplex"
) -> EnsembleWeights:
    """``argmin_w mean_b CE(sum_i w_i logits[i, b], labels[b])`` subject to ``sum_i w_i = 1``.

    ``logits`` ``[m, B, C]`` of m subnets (treated as constants), integer ``labels`` ``[B]``.
    ``simplex`` adds ``w >= 0``. EnNAS section 3.1 prints the sum alone, under which the loss of
    a batch that some combination separates has no minimiser; ``affine`` therefore bounds
    ``|w_i| <= 10``. Among equally good weights the answer stays near the uniform ones.

    Raises :class:`UsageError` for an unknown constraint and for logits that are not finite.
    """
    if constraint not in BOUNDS:
        raise UsageError(f"unknown ensemble weights '{constraint}'{nearest(constraint, BOUNDS)}")
    low, high = BOUNDS[constraint]
    loss = _CrossEntropy(logits, labels)
    weights = np.full(len(logits), 1 / len(logits))
    value = loss(weights)
    for _ in range(MAX_STEPS):
        slope, curvature = loss.derivatives()
        if not (math.isfinite(value) and np.isfinite(slope).all()):
            raise UsageError("a subnet's logits are not finite; lower the learning rate.")
        step = _newton_step(slope, curvature, low - weights, high - weights)
        descent = -float(slope @ step)
        length, before = 1.0, value
        settled = descent <= TOLERANCE * (1 + value)  # the full step ends a quadratic convergence
        while not settled and (
            (value := loss(weights + length * step)) > before - 1e-4 * length * descent
        ):
            length /= 2
        weights = np.clip(weights + length * step, low, high)
        if settled or value >= before:
            break
    weights = torch.as_tensor(weights / weights.sum(), device=logits.device)
    return EnsembleWeights(weights, int((weights.abs() > high - 1e-9).sum()) * (low < 0))


class _CrossEntropy:
    """The loss as a function of the weights, with derivatives at the point of the last call."""

    def __init__(self, logits: torch.Tensor, labels: torch.Tensor):
        logits = logits.double()
        self.members, self.batch, self.classes = logits.shape
        target = labels.view(1, -1, 1).expand(self.members, -1, 1)
        # Relative to the true class, so that the loss is a log-sum-exp with no linear term.
        self.margins = logits - logits.gather(2, target)
        self.flat = self.margins.reshape(self.members, -1)

    def __call__(self, weights: np.ndarray) -> float:
        mixed = torch.as_tensor(weights, device=self.flat.device) @ self.flat
        mixed = mixed.view(self.batch, self.classes)
        normaliser = mixed.logsumexp(1, keepdim=True)
        self.probabilities = (mixed - normaliser).exp_()
        return float(normaliser.mean())

    def derivatives(self) -> tuple[np.ndarray, np.ndarray]:
        """Gradient ``[m]`` and Hessian ``[m, m]``."""
        expected = (self.margins * self.probabilities).sum(2)
        spread = (self.margins - expected.unsqueeze(2)) * self.probabilities.sqrt()
        spread = spread.view(self.members, -1)
        return expected.mean(1).cpu().numpy(), (spread @ spread.T).cpu().numpy() / self.batch


def _newton_step(
    slope: np.ndarray, curvature: np.ndarray, down: np.ndarray, up: np.ndarray
) -> np.ndarray:
    """``argmin_d slope.d + d.curvature.d / 2`` with ``sum d = 0`` and ``down <= d <= up``.

    Primal active-set method. It runs on the host: with a handful of variables, launching device
    kernels would cost more than the arithmetic.
    """
    size = len(slope)
    scale = np.trace(curvature) + np.abs(slope).max() + 1e-300
    slope, curvature = slope / scale, curvature / scale + 1e-10 * np.eye(size)
    optimality = np.ones((size + 1, size + 1))  # of the free entries, and the sum constraint
    optimality[:-1, :-1], optimality[-1, -1] = curvature, 0
    stay = np.eye(size + 1)
    step, held = np.zeros(size), np.zeros(size + 1)  # held: -1 at the lower bound, 1 at the upper
    for _ in range(10 * size):
        target = np.append(-slope - curvature @ step, 0)
        system = np.where(held[:, None] == 0, optimality, stay)
        solution = np.linalg.solve(system, np.where(held == 0, target, 0))
        move, price = solution[:-1], solution[-1]
        free = held[:-1] == 0
        move[free] -= move[free].mean()  # exact zero for a single free entry, despite rounding
        room = np.where(move < 0, np.minimum(down - step, 0), np.maximum(up - step, 0))
        ratio = np.divide(room, move, out=np.full(size, np.inf), where=move != 0)
        first = ratio.argmin()
        if ratio[first] < 1:
            step += ratio[first] * move
            held[first] = np.sign(move[first])
            continue
        step += move
        pull = (slope + curvature @ step + price) * held[:-1]
        if pull.max() <= 1e-12:
            break
        held[pull.argmax()] = 0
    return step
