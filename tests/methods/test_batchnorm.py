"""Forward passes without a trace in the BN statistics."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from methods.batchnorm import frozen_statistics
from searchspaces.batchnorm import BatchNorm, narrow_norm


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(2, 3, 1), nn.BatchNorm2d(3), nn.Flatten(), nn.BatchNorm1d(12))


def test_a_pass_inside_uses_batch_statistics_and_leaves_none():
    net, other, x = network(), network(), torch.randn(5, 2, 2, 2)
    net(x)
    other(x)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    with frozen_statistics(net):
        inside = net(x)
    assert torch.equal(inside, other(x))
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    net(x)
    assert all(torch.equal(a, b) for a, b in zip(net.buffers(), other.buffers(), strict=True))


def test_a_pass_of_fewer_channels_leaves_no_trace_either():
    torch.manual_seed(0)
    norm, x = BatchNorm(4), torch.randn(5, 2, 3, 3)
    before = {name: value.clone() for name, value in norm.state_dict().items()}
    with frozen_statistics(norm):
        inside = narrow_norm(norm, x)
    torch.testing.assert_close(inside, functional.batch_norm(x, None, None, training=True))
    assert all(torch.equal(value, before[name]) for name, value in norm.state_dict().items())
    assert torch.equal(narrow_norm(norm, x), inside)
    assert (norm.running_mean[:2] != 0).all()
    assert (norm.running_mean[2:] == 0).all()


def test_graphs_from_before_and_inside_survive():
    net, x = network(), torch.randn(5, 2, 2, 2)
    before = net(x).square().sum()
    with frozen_statistics(net):
        inside = net(x).square().sum()
    (before + inside).backward()
    doubled = net[0].weight.grad.clone()
    net.zero_grad()
    net(x).square().sum().backward()
    torch.testing.assert_close(doubled, 2 * net[0].weight.grad)


def test_statistics_come_back_after_an_error():
    net = network()
    before = list(net.buffers())
    with pytest.raises(RuntimeError), frozen_statistics(net):
        net(torch.randn(5, 2, 2, 2))
        net(torch.randn(5, 3, 2, 2))
    assert all(a is b for a, b in zip(net.buffers(), before, strict=True))
    assert net[1].num_batches_tracked == 0
