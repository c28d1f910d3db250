"""RMSProp and the moving average of weights against arithmetic and torch's own."""

from copy import deepcopy

import numpy as np
import pytest
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from methods.standalone.optimizer import TensorFlowRMSprop, WeightAverage


def gradients(number=6, shape=(3, 2)):
    rng = np.random.default_rng(0)
    return torch.from_numpy(rng.normal(size=(number, *shape)))


def stepped(optimizer_of, start):
    """The parameter after each of some given gradients."""
    parameter = nn.Parameter(start.clone())
    optimizer, path = optimizer_of([parameter]), []
    for gradient in gradients():
        parameter.grad = gradient.clone()
        optimizer.step()
        path.append(parameter.detach().clone())
    return torch.stack(path)


def test_rmsprop_is_tensorflows_by_hand():
    w = start = gradients()[0].numpy()
    v, m = np.ones_like(w), np.zeros_like(w)
    expected = []
    for raw in gradients().numpy():
        g = raw + 0.01 * w
        v = 0.9 * v + 0.1 * g**2
        m = 0.8 * m + 0.064 * g / np.sqrt(v + 1e-3)
        w = w - m
        expected.append(w)
    got = stepped(
        lambda p: TensorFlowRMSprop(p, 0.064, decay=0.9, momentum=0.8, eps=1e-3, weight_decay=0.01),
        torch.from_numpy(start),
    )
    assert np.allclose(got.numpy(), np.stack(expected), rtol=1e-12)


def test_rmsprop_is_torchs_where_their_definitions_meet():
    """Without momentum and epsilon, beginning from the same mean of squares."""

    def ours(params):
        optimizer = TensorFlowRMSprop(params, 0.01, decay=0.9, momentum=0.0, eps=0.0)
        optimizer.state[params[0]] = {
            "squares": torch.zeros_like(params[0]),
            "momentum": torch.zeros_like(params[0]),
        }
        return optimizer

    theirs = stepped(lambda p: torch.optim.RMSprop(p, 0.01, alpha=0.9, eps=0.0), gradients()[1])
    assert torch.allclose(stepped(ours, gradients()[1]), theirs, rtol=1e-12)


def test_rmsprop_leaves_what_has_no_gradient_and_resumes_from_its_state():
    idle, moving = (nn.Parameter(torch.ones(2)) for _ in range(2))
    optimizer = TensorFlowRMSprop([idle, moving], 0.1, weight_decay=0.1)
    moving.grad = torch.ones(2)
    optimizer.step()
    assert torch.equal(idle.detach(), torch.ones(2))
    other = nn.Parameter(moving.detach().clone())
    resumed = TensorFlowRMSprop([nn.Parameter(torch.ones(2)), other], 0.1, weight_decay=0.1)
    resumed.load_state_dict(deepcopy(optimizer.state_dict()))
    other.grad = moving.grad.clone()
    optimizer.step()
    resumed.step()
    assert torch.equal(other, moving)


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))


def trained(net, steps, watch):
    """Move weights and BN statistics; ``watch`` sees the network after each step."""
    optimizer = torch.optim.SGD(net.parameters(), 0.3)
    torch.manual_seed(1)
    for step in range(steps):
        optimizer.zero_grad()
        net(torch.randn(8, 1, 5, 5)).square().sum().backward()
        optimizer.step()
        watch(net, step)


def test_the_average_is_torchs_once_its_decay_is_reached():
    net = network()
    average = WeightAverage(net, 0.1)  # (1 + 0) / (10 + 0) already
    reference = AveragedModel(net, multi_avg_fn=get_ema_multi_avg_fn(0.1), use_buffers=True)
    reference.n_averaged += 1  # torch would copy the first network, ours counts the initial one

    def watch(net, step):
        average.update(net, step)
        reference.update_parameters(net)

    trained(net, 5, watch)
    for name, value in average.network.state_dict().items():
        if value.is_floating_point():
            assert torch.allclose(value, reference.module.state_dict()[name], rtol=1e-5), name
    assert average.network[1].num_batches_tracked == 5
    assert not average.network.training


def test_the_averages_decay_warms_up():
    net, expected = network(), network().state_dict()["0.weight"].double()
    average = WeightAverage(net, 0.25)
    decays = [0.1, 2 / 11, 0.25, 0.25]

    def watch(net, step):
        nonlocal expected
        average.update(net, step)
        expected = decays[step] * expected + (1 - decays[step]) * net[0].weight.detach().double()

    trained(net, 4, watch)
    assert average.network[0].weight.detach().numpy() == pytest.approx(expected.numpy(), rel=1e-5)
