"""EnNAS's teacher found where the logits are, so that no host waits for them.

The Newton method of :mod:`methods.ennas.ensemble` with a fixed number of steps in the place of
loops: the quadratic problem of a step is solved on all faces of the bounds at once, and the best
answer within them is taken; all lengths of a step are tried at once, none among them. Steps
behind the last that is needed change nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import product

import torch

from methods.ennas.ensemble import (
    BOUNDS,
    ENOUGH,
    RIDGE,
    SMOOTH,
    TOLERANCE,
    EnsembleWeights,
    held_back,
)
from methods.transfer import to_device

STEPS = {"simplex": 16, "affine": 32}
MOST_FACES = 256
LENGTHS = (*(0.5**halvings for halvings in range(15)), 0.0)
ROUNDING = 1e-12  # by which the answer on a face may be out of bounds
SMALLEST = torch.finfo(torch.float64).tiny


@dataclass(frozen=True)
class Faces:
    """Those of the weights' bounds on which one weight at least is free; on the first, all are.

    Of S faces of m weights and, always free, the multiplier of their sum. ``free``
    ``[S, m + 1]``; ``bounds`` ``[S + 2, m + 1]`` is where each face holds weights, then the ends
    between which all are; ``frame`` ``[S, m + 1, m + 1]`` the optimality conditions less the
    curvature; ``lengths`` ``[L, 1]`` are those of a step.
    """

    free: torch.Tensor
    bounds: torch.Tensor
    frame: torch.Tensor
    lengths: torch.Tensor


def number_of_faces(members: int, constraint: str) -> int:
    """As of :class:`Faces`: at the upper bound of ``simplex`` a weight is held by all the others."""
    ends = 1 if constraint == "simplex" else 2
    return int((1 + ends) ** members - ends**members)


@lru_cache(maxsize=16)
def faces(members: int, constraint: str, device: torch.device) -> Faces:
    low, high = BOUNDS[constraint]
    ends = (low,) if constraint == "simplex" else (low, high)
    rows = [row for row in product((None, *ends), repeat=members) if None in row]
    free = torch.tensor([[held is None for held in row] + [True] for row in rows])
    at = torch.tensor([[held or 0.0 for held in row] + [0.0] for row in rows])
    between = torch.tensor([[low] * members + [-torch.inf], [high] * members + [torch.inf]])
    optimal = RIDGE * torch.eye(members + 1, dtype=torch.float64)
    optimal[-1], optimal[:, -1], optimal[-1, -1] = 1, 1, 0
    frame = torch.where(free[:, :, None], optimal, torch.eye(members + 1).double())
    bounds, lengths = torch.cat([at, between]).double(), torch.tensor(LENGTHS).double()[:, None]
    return Faces(*(to_device(each, device) for each in (free, bounds, frame, lengths)))


@torch.no_grad()
def weights_on_device(
    logits: torch.Tensor, labels: torch.Tensor, constraint: str = "simplex"
) -> EnsembleWeights:
    """What :func:`methods.ennas.ensemble.ensemble_weights` gives, without reading the device.

    Where differences of logits go beyond ``SMOOTH`` it is the answer for logits that are softened
    to that. Logits that are not finite give weights that are not. ``STEPS`` were enough wherever
    it was looked; with fewer than are needed the weights are feasible, and no worse than uniform.
    """
    members, images, classes = logits.shape
    on, (low, high) = faces(members, constraint, logits.device), BOUNDS[constraint]
    margins = logits.double()
    margins = margins - margins.gather(2, labels[None, :, None].expand(members, -1, 1))
    margins = margins / (margins.abs().amax() / SMOOTH).clamp_min(1)
    margins = torch.cat([margins, torch.zeros_like(margins[:1])])  # in the multiplier's place
    flat, true = margins.flatten(1), labels[:, None].expand(len(LENGTHS), -1, 1)
    weights = torch.full_like(flat[:, 0], 1 / members)[None]
    going = torch.ones_like(weights[0, :1], dtype=torch.bool)
    logs = (weights @ flat).view(images, classes).log_softmax(1)
    for _ in range(STEPS[constraint]):
        slope, curvature = _derivatives(margins, logs.exp())
        back = _newton_step(slope, curvature, weights, on)
        descent = back @ slope
        points = torch.addcmul(weights, on.lengths, back, value=-1)
        tried = (points @ flat).view(-1, images, classes).log_softmax(2)
        gains = tried.gather(2, true).sum((1, 2))  # the last is that of the weights as they are
        enough = gains >= torch.addcmul(gains[-1], on.lengths[:, 0], descent, value=ENOUGH)
        longest = enough.to(torch.int8).argmax(0, keepdim=True)
        taken = points.index_select(0, longest).clamp(low, high)
        weights, logs = torch.where(going, taken, weights), tried.index_select(0, longest)[0]
        going = going & (descent > TOLERANCE * (images - gains[-1]))
    found = weights[0, :-1] / weights[0, :-1].sum()
    return EnsembleWeights(found, held_back(found, constraint))


def _derivatives(
    margins: torch.Tensor, probabilities: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Gradient ``[m + 1]`` and Hessian ``[m + 1, m + 1]`` of the loss, summed over the images."""
    weighted = margins * probabilities
    expected = weighted.sum(2)
    squares = weighted.flatten(1) @ margins.flatten(1).T
    return expected.sum(1), torch.addmm(squares, expected, expected.T, alpha=-1)


def _newton_step(
    slope: torch.Tensor, curvature: torch.Tensor, weights: torch.Tensor, on: Faces
) -> torch.Tensor:
    """What to take from ``weights`` for the least of the loss's quadratic model: ``[1, m + 1]``."""
    scale = torch.linalg.vector_norm(curvature) + torch.linalg.vector_norm(slope) + SMALLEST
    slope = slope / scale
    system = on.frame + on.free[:, :, None] * (curvature / scale)
    away = weights - on.bounds
    right = torch.where(on.free, slope, away[:-2])
    answers = torch.linalg.solve_ex(system, right[:, :, None]).result[:, :, 0]
    inside = answers.clamp(away[-1], away[-2])
    outside = torch.linalg.vector_norm(inside - answers, torch.inf, 1) > ROUNDING
    costs = (torch.addmm(slope, inside, system[0], beta=-1, alpha=0.5) * inside).sum(1)
    best = costs.masked_fill(outside, torch.inf).argmin(0, keepdim=True)
    return inside.index_select(0, best)
