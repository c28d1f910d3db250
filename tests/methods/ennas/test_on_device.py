"""EnNAS's weights found on a device: those of the host's solver, in as many operations each time."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from launches import Launches

from methods.ennas.ensemble import BOUNDS, SMOOTH, ensemble_weights
from methods.ennas.on_device import faces, number_of_faces, weights_on_device

STEEP = 1e-4  # curvature from which on the weights are known as well as the loss
constraints = st.sampled_from(sorted(BOUNDS))


def subnets(seed, members=4, images=48, classes=10, skill=1.5, scale=1.0):
    """Logits ``[m, B, C]`` of subnets whose skill grows with their index, and labels."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(classes, size=images)
    signal = skill * np.eye(classes)[labels] * np.linspace(0.5, 1.2, members)[:, None, None]
    logits = scale * (rng.normal(size=(members, images, classes)) + signal)
    return torch.tensor(logits), torch.tensor(labels)


def margins(logits, labels):
    return logits - logits.gather(2, labels[None, :, None].expand(len(logits), -1, 1))


def softened(logits, labels):
    return logits / (margins(logits, labels).abs().max() / SMOOTH).clamp_min(1)


def loss(weights, logits, labels):
    mixed = torch.tensordot(weights, logits, 1)
    return torch.nn.functional.cross_entropy(mixed, labels).item()


def curvature(weights, logits, labels):
    """The least of the loss along directions whose sum is 0."""
    members = len(weights)
    own = margins(logits, labels)
    p = torch.tensordot(weights, logits, 1).softmax(1)
    spread = ((own - (own * p).sum(2, keepdim=True)) * p.sqrt()).flatten(1)
    directions = torch.linalg.svd(torch.ones(1, members).double()).Vh[1:]
    hessian = directions @ spread @ spread.T @ directions.T / logits.shape[1]
    return torch.linalg.eigvalsh(hessian)[0] if members > 1 else torch.inf


def check(logits, labels, constraint):
    """Against the host's: the same loss and, where the loss tells them, the same weights."""
    host = ensemble_weights(softened(logits, labels), labels, constraint)
    here = weights_on_device(logits, labels, constraint)
    low, high = BOUNDS[constraint]
    assert here.weights.dtype == torch.float64
    assert here.weights.sum().item() == pytest.approx(1, abs=1e-12)
    assert low - 1e-9 <= here.weights.min() and here.weights.max() <= high + 1e-9
    given = softened(logits, labels), labels
    losses = [loss(each.weights, *given) for each in (here, host)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-7, abs=1e-7)
    if curvature(host.weights, *given) > STEEP:
        torch.testing.assert_close(here.weights, host.weights, rtol=0, atol=1e-5)
    return here, host


@pytest.mark.parametrize("constraint", BOUNDS)
@pytest.mark.parametrize("scale", [1e-6, 0.1, 1, 5, 1e3, 1e6])
def test_on_ordinary_batches_they_are_the_hosts(constraint, scale):
    here, host = check(*subnets(0, scale=scale), constraint)
    torch.testing.assert_close(here.weights, host.weights, rtol=0, atol=1e-5)


@pytest.mark.parametrize("seed", [0, 1, 4, 39])
def test_steps_that_would_go_too_far_are_shorter(seed):
    check(*subnets(seed, images=24, classes=5, skill=-5.0, scale=9.0), "affine")


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 2**32 - 1),
    members=st.integers(1, 5),
    images=st.sampled_from([1, 3, 8, 24]),
    classes=st.integers(2, 6),
    skill=st.floats(-6, 6),
    exponent=st.floats(-3, 4),
    tied=st.booleans(),
    twins=st.booleans(),
    constraint=constraints,
)
def test_so_they_are_on_any(
    seed, members, images, classes, skill, exponent, tied, twins, constraint
):
    logits, labels = subnets(seed, members, images, classes, skill, 10**exponent)
    logits = logits.round() if tied else logits
    logits[0] = logits[-1] if twins else logits[0]
    check(logits, labels, constraint)


@pytest.mark.parametrize("constraint", BOUNDS)
def test_subnets_alike_share_and_constant_logits_say_nothing(constraint):
    logits, labels = subnets(2, members=1)
    for each in (logits.expand(4, -1, -1), torch.ones(4, 48, 10)):
        weights = weights_on_device(each, labels, constraint).weights
        torch.testing.assert_close(weights, torch.full((4,), 0.25).double())


def test_a_bound_that_holds_weights_is_counted():
    """Two poor subnets whose difference separates the batch: the loss falls for ever."""
    logits, label = torch.tensor([[[-3.35, 0.0]], [[-2.415, 0.0]]]), torch.tensor([0])
    bounded = weights_on_device(logits, label, "affine")
    torch.testing.assert_close(bounded.weights, torch.tensor([-9.0, 10.0]).double())
    convex = weights_on_device(logits, label)
    torch.testing.assert_close(convex.weights, torch.tensor([0.0, 1.0]).double())
    assert (bounded.hits, convex.hits) == (1, 0)


def test_logits_that_are_not_finite_give_weights_that_are_not():
    """The loss of such a step is not finite either, which ends a training."""
    for bad in (torch.nan, torch.inf, -torch.inf):
        logits, labels = subnets(3)
        logits[1, 2, 3] = bad
        assert weights_on_device(logits, labels).weights.isnan().all()


@pytest.mark.parametrize("constraint", BOUNDS)
def test_what_is_launched_is_the_same_for_any_logits(constraint):
    counts = []
    for seed, skill in ((0, 1.5), (1, -5.0)):
        logits, labels = subnets(seed, skill=skill)
        weights_on_device(logits, labels, constraint)
        with Launches() as seen:
            weights_on_device(logits, labels, constraint)
        counts.append(seen.counts)
    assert counts[0] == counts[1]
    assert counts[0].total() < (750 if constraint == "simplex" else 1480)


@pytest.mark.parametrize("constraint", BOUNDS)
@pytest.mark.parametrize("members", [1, 2, 4])
def test_faces_are_counted_before_they_are_made(members, constraint):
    free = faces(members, constraint, torch.device("cpu")).free
    assert len(free) == number_of_faces(members, constraint)
    assert free[0].all() and len(free[:, :-1].unique(dim=0)) == 2**members - 1
