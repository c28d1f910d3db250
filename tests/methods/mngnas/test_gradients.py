"""What retraining and perturbation-aware fine-tuning descend, by gradients of the test's own."""

from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
import torch
from mngnases import ARMS, OPTIONS, UNCLIPPED, make
from optimisers import steps_taken
from torch.nn import functional

from methods.mngnas.coefficients import adaptive_coefficients


def kl(first, second):
    """Mean over the images of sum p log(p / q), for logits ``[B, C]``."""
    p, q = first.softmax(1), second.softmax(1)
    return (p * (p.log() - q.log())).sum(1).mean()


def slopes(loss, network):
    return torch.autograd.grad(loss, list(network.parameters()), allow_unused=True)


def assert_slopes(step, network, expected):
    for tensor, slope in zip(network.parameters(), expected, strict=True):
        torch.testing.assert_close(step.gradients[tensor], slope, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("kd", ARMS)
def test_a_retraining_descends_cross_entropy_and_what_its_guides_say(kd):
    """CE + sum_k w_k (KL(guide k | student) + squared differences of the stages)."""
    method = make(replace(OPTIONS, kd=kd, perturbed=0, retrain_steps=1), UNCLIPPED)
    method.search_epoch(0)
    members = [method._member(a) for a in [(0, 1, 2, 1), (2, 2, 1, 2), (1, 0, 0, 0)]]
    with torch.no_grad():
        for scale, member in enumerate(members):
            for tensor in member.network.parameters():
                tensor.mul_(0.6 + 0.3 * scale)
    copies = [deepcopy(member.network).train() for member in members]
    x, y = method._batch(9)
    with steps_taken() as taken:
        method._retrain(members, first_step=9)
    known = {"none": [], "single": method.previous_best}.get(
        kd, method.groups.small + method.groups.large
    )
    outputs = [copy.features(x) for copy in copies]
    with torch.no_grad():
        told = [teacher.network.eval().features(x) for teacher in known]
    told += [([f.detach() for f in stages], z.detach()) for stages, z in outputs]
    for index, (copy, (stages, logits)) in enumerate(zip(copies, outputs, strict=True)):
        own = known if kd == "single" else method.groups.side(members[index].madds)
        taught = [any(t is mine for mine in own) for t in known] + [False] * 3
        peers = [False] * len(known) + [kd == "full" and i != index for i in range(3)]
        weights = torch.tensor(taught) / max(sum(taught), 1)
        if kd in ("searched", "full"):
            probabilities = torch.stack([z.softmax(1).flatten() for _, z in told])
            groups = torch.tensor([[taught, peers]])
            mine = probabilities[[len(known) + index]]
            weights = adaptive_coefficients(mine, probabilities, groups)[0]
        loss = functional.cross_entropy(logits, y, label_smoothing=0.2)
        for weight, (their_stages, their_logits) in zip(weights.tolist(), told, strict=True):
            loss = loss + weight * kl(their_logits, logits)
            for mine, theirs in zip(stages, their_stages, strict=True):
                loss = loss + weight * (mine - theirs).square().mean()
        assert_slopes(taken[index], members[index].network, slopes(loss, copy))


def test_a_perturbation_pulls_the_best_towards_its_neighbour():
    """The gradient of CE + KL(best | neighbour), eq. 23 with a plus; the neighbour is constant."""
    method = make(replace(OPTIONS, perturbed=2, perturb_steps=1), UNCLIPPED)
    method.search_epoch(0)
    best = method.population[0]
    with torch.no_grad():
        for tensor in best.network.parameters():
            tensor.mul_(3.0)  # so that its outputs are far from a neighbour's
    copy, near = best.copy(), method._perturbations(best.arch, np.random.default_rng(3))
    batches, train_batch = [], method.data.train_batch

    def remember(*arguments):
        batches.append(train_batch(*arguments))
        return batches[-1]

    method.data.train_batch = remember
    with steps_taken() as taken:
        method._tune_with_perturbations(best, 1, np.random.default_rng(3))
    assert len(taken) == len(batches) == 2
    (x, y), network = batches[0], copy.network.requires_grad_(True).train()
    neighbour = method._neighbour(copy, near[0]).train()
    logits, other = network(x), neighbour(x).detach()
    for divergence in (kl(other, logits), -kl(logits, other)):
        assert (divergence - kl(logits, other)).abs() > 0.02  # the printed and the reverse differ
    loss = functional.cross_entropy(logits, y) + kl(logits, other)
    assert_slopes(taken[0], best.network, slopes(loss, network))
