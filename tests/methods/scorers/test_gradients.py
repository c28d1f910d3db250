"""Saliencies of the loss against softmax gradients by hand, an explicit Hessian, and definitions."""

import pytest
import torch
from scorers import drawn, measured, small
from torch import nn
from torch.nn import functional


def linear(seed=0):
    """A linear model ``[3, 5]`` without bias, images ``[7, 5]``, labels, and dL/dW by hand."""
    torch.manual_seed(seed)
    images, labels = drawn(7, 5)
    model = nn.Linear(5, 3, bias=False).double()
    apart = torch.softmax(images @ model.weight.T, 1) - functional.one_hot(labels, 3)
    return model, images, labels, (apart.T @ images / 7).detach()


@pytest.mark.parametrize("seed", range(3))
def test_snip_and_grad_norm_of_a_linear_model_are_those_of_softmax_regression(seed):
    model, images, labels, gradient = linear(seed)
    snip = (model.weight.detach() * gradient).abs().sum().item()
    assert measured("snip", model, images, labels) == pytest.approx(snip, rel=1e-10)
    norm = measured("grad_norm", model, images, labels)
    assert norm == pytest.approx(gradient.square().sum().sqrt().item(), rel=1e-10)


def test_snip_is_how_the_loss_moves_when_a_weight_shrinks():
    """The derivative in a mask of ones, by finite differences of each weight."""
    network, (images, labels) = small(), drawn(6, 2, 4, 4)
    found, step = 0.0, 1e-6
    for weight in (network[0].weight, network[4].weight):
        for place in range(weight.numel()):
            losses = []
            for mask in (1 + step, 1 - step):
                kept = weight.data.view(-1)[place].item()
                weight.data.view(-1)[place] = kept * mask
                losses.append(functional.cross_entropy(network(images), labels).item())
                weight.data.view(-1)[place] = kept
            found += abs(losses[0] - losses[1]) / (2 * step)
    assert measured("snip", network, images, labels) == pytest.approx(found, rel=1e-6)


def test_grad_norm_adds_the_norms_of_layers_and_leaves_biases_out():
    network, (images, labels) = small(), drawn(6, 2, 4, 4)
    functional.cross_entropy(network(images), labels).backward()
    norms = [layer.weight.grad.norm().item() for layer in (network[0], network[4])]
    assert measured("grad_norm", network, images, labels) == pytest.approx(sum(norms), rel=1e-10)


@pytest.mark.parametrize("seed", range(3))
def test_grasp_is_minus_weights_times_hessian_times_gradient(seed):
    network, (images, labels) = small(seed), drawn(6, 2, 4, 4, seed=seed)
    own = [network[0].weight, network[4].weight]
    sizes = [weight.numel() for weight in own]

    def loss(flat):
        parts = [part.view_as(w) for part, w in zip(flat.split(sizes), own, strict=True)]
        hidden = functional.conv2d(images, parts[0], padding=1).relu().mean((2, 3))
        return functional.cross_entropy(hidden @ parts[1].T + network[4].bias, labels)

    flat = torch.cat([weight.detach().flatten() for weight in own])
    hessian = torch.autograd.functional.hessian(loss, flat)
    gradient = torch.autograd.functional.jacobian(loss, flat)
    expected = -(flat @ (hessian @ gradient)).item()
    assert measured("grasp", network, images, labels) == pytest.approx(expected, rel=1e-8)


def test_fisher_is_half_the_mean_square_of_activation_times_gradient():
    network, (images, labels) = small(), drawn(6, 2, 4, 4)
    first = network[0](images).detach().requires_grad_()
    second = network[4](network[1:4](first))
    second.retain_grad()
    functional.cross_entropy(second, labels).backward()
    expected = 0.0
    for output in (first, second):
        for channel in range(output.shape[1]):
            per_image = [
                (output[i, channel] * output.grad[i, channel]).sum().item() for i in range(6)
            ]
            expected += sum(value**2 for value in per_image) / 6 / 2
    assert measured("fisher", network, images, labels) == pytest.approx(expected, rel=1e-10)


def test_l2_adds_the_norms_of_layers_whatever_the_images_are():
    network = small()
    norms = [layer.weight.square().sum().sqrt().item() for layer in (network[0], network[4])]
    for images, labels in (drawn(6, 2, 4, 4), drawn(2, 2, 4, 4, seed=1)):
        assert measured("l2", network, images, labels) == pytest.approx(sum(norms), rel=1e-10)


@pytest.mark.parametrize("name", ["snip", "grad_norm", "grasp", "fisher"])
def test_what_the_loss_does_not_depend_on_counts_nothing(name):
    network, (images, labels) = small(), drawn(6, 2, 4, 4)
    before = measured(name, network, images, labels)
    network.unused = nn.Conv2d(2, 3, 3).double()
    network.forward = lambda x: nn.Sequential(*list(network)[:5])(x)
    assert measured(name, network, images, labels) == before != 0
