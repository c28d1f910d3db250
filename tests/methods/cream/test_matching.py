"""The matching network and its gradient through the virtual step."""

import pytest
import torch
from torch import nn
from torch.func import functional_call
from torch.nn import functional

from methods.cream.matching import (
    MatchingNetwork,
    MetaTask,
    clipped_step,
    distillation_weight,
    meta_gradients,
)

IMAGES, CLASSES, LR = 3, 4, 0.7


class TinyNet(nn.Module):
    """Two linear operators to choose from, then a common linear layer."""

    def __init__(self):
        super().__init__()
        self.operators = nn.ModuleList(nn.Linear(5, 6) for _ in range(2))
        self.head = nn.Linear(6, CLASSES)

    def forward(self, x, path):
        return self.head(self.operators[path[0]](x.flatten(1)))


class Problem:
    """A meta update in double precision; ``rho`` is that of the current matching network."""

    def __init__(self, seed=0):
        torch.manual_seed(seed)
        self.network = TinyNet().double()
        self.matching = MatchingNetwork(IMAGES, CLASSES).double()
        self.student = torch.rand(1, IMAGES, CLASSES).double().softmax(-1)
        self.stored = torch.rand(1, IMAGES, CLASSES).double().softmax(-1)
        self.task = MetaTask(
            path=(1,),
            probabilities=(3 * torch.randn(IMAGES, CLASSES)).double().softmax(-1),
            x=torch.randn(2 * IMAGES, 5, 1, 1).double(),
            y=torch.randint(CLASSES, (2 * IMAGES,)),
            label_smoothing=0.1,
        )

    @property
    def rho(self):
        return distillation_weight(self.matching(self.student, self.stored)[0])

    def gradients(self, **kwargs):
        return meta_gradients(self.network, self.matching, self.rho, self.task, LR, **kwargs)

    def moved(self, create_graph=False):
        """w' for the current matching network, with the graph of its gradient where wanted."""
        task, tensors = self.task, dict(self.network.named_parameters())
        logits = self.network(task.x[:IMAGES], task.path)
        soft = -(task.probabilities * logits.log_softmax(-1)).sum(1).mean()
        tensors.pop("operators.0.weight"), tensors.pop("operators.0.bias")
        slopes = torch.autograd.grad(
            self.rho * soft, tuple(tensors.values()), create_graph=create_graph
        )
        pairs = zip(tensors.items(), slopes, strict=True)
        return {name: tensor - LR * slope for (name, tensor), slope in pairs}

    def loss_at(self, weights):
        x, y = self.task.x[IMAGES:], self.task.y[IMAGES:]
        logits = functional_call(self.network, weights, (x, self.task.path))
        return functional.cross_entropy(logits, y, label_smoothing=0.1)


@pytest.mark.parametrize("seed", range(3))
def test_meta_gradient_is_the_finite_difference(seed):
    problem = Problem(seed)
    _, gradients = problem.gradients()
    for name, tensor in problem.matching.named_parameters():
        flat, slopes = tensor.data.view(-1), gradients[name].view(-1)
        for index in range(len(flat)):
            values = []
            for change in (1e-5, -1e-5):
                flat[index] += change
                values.append(problem.loss_at(problem.moved()).item())
                flat[index] -= change
            slope = (values[0] - values[1]) / 2e-5
            assert slopes[index].item() == pytest.approx(slope, abs=1e-9, rel=1e-5)
    assert gradients["linear.bias"].abs() > 1e-4


def test_meta_gradient_is_that_of_the_graph_of_the_gradient():
    problem = Problem()
    _, gradients = problem.gradients()
    loss = problem.loss_at(problem.moved(create_graph=True))
    expected = torch.autograd.grad(loss, tuple(problem.matching.parameters()))
    torch.testing.assert_close(tuple(gradients.values()), expected)


def test_first_tensor_only_holds_the_others_of_the_virtual_student():
    problem = Problem()
    weights = problem.moved(create_graph=True)
    first = next(iter(weights))
    held = {name: w if name == first else w.detach() for name, w in weights.items()}
    expected = torch.autograd.grad(problem.loss_at(held), tuple(problem.matching.parameters()))
    student, all_tensors = problem.gradients()
    same_student, only_first = problem.gradients(first_tensor_only=True)
    torch.testing.assert_close(tuple(only_first.values()), expected)
    assert not torch.allclose(only_first["linear.bias"], all_tensors["linear.bias"])
    assert all(torch.equal(same_student[name], student[name]) for name in student)


def test_the_student_gets_the_gradient_of_weighted_distillation():
    problem = Problem()
    student, _ = problem.gradients()
    named = dict(problem.network.named_parameters())
    assert student.keys() == named.keys() - {"operators.0.weight", "operators.0.bias"}
    for name, weight in problem.moved().items():
        torch.testing.assert_close(named[name] - LR * student[name], weight)
    assert not any(slope.requires_grad for slope in student.values())
    assert all(tensor.grad is None for tensor in named.values())


def test_weight_falls_with_the_score():
    scores = torch.tensor([-100.0, -1.0, 0.0, 1.0, 100.0])
    rho = distillation_weight(scores)
    assert rho[2] == 0.5
    assert (rho.diff() < 0).all()
    assert ((rho >= 0) & (rho <= 1)).all()


def test_scores_are_linear_in_the_difference_of_each_entry():
    matching = MatchingNetwork(IMAGES, CLASSES)
    student, stored = torch.rand(2, 7, IMAGES, CLASSES)
    scores = matching(student, stored)
    assert scores.shape == (7,)
    weight = matching.linear.weight.view(IMAGES, CLASSES)
    expected = ((student - stored) * weight).sum((1, 2)) + matching.linear.bias
    torch.testing.assert_close(scores, expected)


@pytest.mark.parametrize("size", [0.01, 100.0])
def test_step_is_clipped_and_touches_only_what_has_a_gradient(size):
    network = TinyNet()
    before = {name: tensor.detach().clone() for name, tensor in network.named_parameters()}
    slopes = {"head.weight": torch.randn(CLASSES, 6), "head.bias": torch.randn(CLASSES)}
    norm = torch.cat([slope.flatten() for slope in slopes.values()]).norm()
    gradients = {name: size * slope / norm for name, slope in slopes.items()}
    clipped_step(network, gradients, torch.optim.SGD(network.parameters(), lr=1.0, momentum=0.9))
    for name, tensor in network.named_parameters():
        if name in gradients:
            moved = slopes[name] / norm * min(size, 1)
            torch.testing.assert_close(before[name] - tensor, moved, rtol=1e-4, atol=1e-6)
        else:
            assert torch.equal(tensor, before[name])
        assert tensor.grad is None
