"""MNGNAS's adaptive coefficients: how much a student listens to each teacher and each peer."""

from __future__ import annotations

import torch

from methods.mngnas.two_simplices import two_simplex_qp, two_simplex_qp_on_device
from methods.reference_solvers import reference_coefficients
from methods.solvers import SOLVERS, on_device
from methods.transfer import Reading, to_device
from searchspaces.errors import UsageError
from searchspaces.registry import nearest

MODES = ("printed", "corrected", "gradient")


@torch.no_grad()
def adaptive_coefficients(
    student: torch.Tensor,
    vectors: torch.Tensor,
    member: torch.Tensor,
    mode: str = "printed",
    solver: str = "own",
) -> torch.Tensor:
    """Coefficients ``[S, n]`` of S students: alpha over teachers, beta over peers.

    They are float64, on the device that has the outputs.

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

    ``solver`` is ``own``, which on a device works there and reads nothing; ``host``, which reads
    the device once; or ``cvxpy`` for the reference (:mod:`methods.reference_solvers`).

    Raises :class:`UsageError` for an unknown mode or solver and for outputs that are not finite;
    of these, coefficients that are found on a device are not finite either.
    """
    for kind, name, known in (("qp", mode, MODES), ("solver", solver, SOLVERS)):
        if name not in known:
            raise UsageError(f"unknown {kind} '{name}'{nearest(name, known)}")
    vectors = vectors.double()
    mask = to_device(member, vectors.device)
    groups = mask.any(2).sum(1, keepdim=True)
    copies = 1 if mode == "printed" else groups
    # Outputs of trained networks differ little: remove what they share before squaring.
    centre = vectors.mean(0)
    vectors = vectors - centre
    target = copies * student.double() - groups * centre
    if solver == "cvxpy":
        return to_device(reference_coefficients(target, vectors, member), vectors.device)
    gram = vectors @ vectors.T
    linear = torch.stack([vectors @ each for each in target])  # to the same bits in any company
    if on_device(solver, vectors.device):
        return two_simplex_qp_on_device(gram.expand(len(student), -1, -1), linear, mask)
    read = torch.from_numpy(Reading(torch.cat([gram, linear])).numpy())
    gram, linear = read.split([len(vectors), len(student)])
    found = two_simplex_qp(gram.expand(len(student), -1, -1), linear, member)
    return to_device(found, vectors.device)
