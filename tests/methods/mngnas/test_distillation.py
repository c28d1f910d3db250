"""Distillation from a mixture: its gradient, its zero, and that nothing flows back."""

import torch
from mngnases import make
from torch.nn import functional

from methods.mngnas.distillation import Outputs, mixed_distillation


def outputs(count=4, batch=5, classes=3, seed=0):
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(count, batch, classes, generator=generator, dtype=torch.double)
    stages = [torch.randn(count, batch, 2, s, s, generator=generator).double() for s in (4, 2)]
    return Outputs(logits.softmax(-1), stages)


def test_mixing_outputs_and_weighting_losses_have_the_same_gradient():
    teachers = outputs()
    generator = torch.Generator().manual_seed(9)
    weights = torch.rand(4, generator=generator).double()
    weights /= weights.sum()

    def student():
        g = torch.Generator().manual_seed(3)
        stages = [torch.randn(5, 2, s, s, generator=g).double().requires_grad_() for s in (4, 2)]
        return stages, torch.randn(5, 3, generator=g).double().requires_grad_()

    stages, logits = student()
    mixed_distillation(stages, logits, teachers, weights).backward()
    other_stages, other_logits = student()
    for k, weight in enumerate(weights):
        loss = functional.kl_div(
            other_logits.log_softmax(-1), teachers.probabilities[k], reduction="batchmean"
        )
        for mine, theirs in zip(other_stages, teachers.stages, strict=True):
            loss = loss + (mine - theirs[k]).square().mean()
        (weight * loss).backward()
    torch.testing.assert_close(logits.grad, other_logits.grad)
    for mine, other in zip(stages, other_stages, strict=True):
        torch.testing.assert_close(mine.grad, other.grad)


def test_distillation_is_zero_only_at_the_mixture():
    teachers = outputs()
    weights = torch.tensor([0.5, 0.5, 0, 0]).double()
    target = (teachers.probabilities[0] + teachers.probabilities[1]) / 2
    stages = [(s[0] + s[1]) / 2 for s in teachers.stages]
    assert mixed_distillation(stages, target.log(), teachers, weights).abs() < 1e-12
    assert mixed_distillation(stages, target.log() * 2, teachers, weights) > 1e-3


def test_outputs_carry_no_gradient():
    method = make()
    networks = [method.supernet.subnet((2, 2, 2, 2)), method.supernet.subnet((1, 1, 1, 1))]
    x = torch.randn(4, 12, 3, 3)
    frozen = Outputs.of(networks, x)
    peers = Outputs.stack([network.features(x) for network in networks])
    for made in (frozen, peers, frozen.join(peers)):
        assert not made.probabilities.requires_grad
        assert not any(stage.requires_grad for stage in made.stages)
    assert frozen.join(peers).probabilities.shape == (4, 4, 9)
