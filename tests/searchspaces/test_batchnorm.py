"""BN without a counter: PyTorch's own to the bit, and states that have counters still open."""

from contextlib import nullcontext

import pytest
import torch
from launches import Launches
from torch import nn
from torch.nn import functional

from searchspaces.base import ImageSpec
from searchspaces.batchnorm import BatchNorm, constant_affine
from searchspaces.registry import SPACES

COUNTER = "num_batches_tracked"


@pytest.mark.parametrize("affine", [True, False])
def test_it_is_pytorchs_own_to_the_bit(affine):
    own, plain = BatchNorm(3, 0.3, affine), nn.BatchNorm2d(3, momentum=0.3, affine=affine)
    generator = torch.Generator().manual_seed(0)
    for training in (True, True, False):
        x = torch.randn(4, 3, 2, 2, generator=generator)
        x, y = x.clone().requires_grad_(), x.clone().requires_grad_()
        own.train(training)(x).square().sum().backward()
        plain.train(training)(y).square().sum().backward()
        assert torch.equal(x.grad, y.grad)
    state = plain.state_dict()
    assert state.pop(COUNTER) == 2
    for name, tensor in own.state_dict().items():
        assert torch.equal(tensor, state.pop(name))
    assert not state
    own.reset_running_stats()
    assert own.running_mean.tolist() == [0, 0, 0] and own.running_var.tolist() == [1, 1, 1]


@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("constant", [True, False])
def test_a_pass_launches_a_norm_and_nothing_else(affine, constant):
    """Forward and back, whether it has a scale and a shift, is given constant ones, or has none."""
    x, counted = torch.randn(4, 3, 2, 2, requires_grad=True), {}
    for norm in (BatchNorm(3, affine=affine), nn.BatchNorm2d(3, affine=affine)):
        with constant_affine(norm) if constant else nullcontext():
            with Launches() as seen:
                output = norm(x)
            counted[type(norm)] = seen.counts
            with Launches() as seen:
                output.backward(torch.ones_like(x))
            assert seen.counts["native_batch_norm_backward"] == 1
            assert not seen.counts.keys() & {"mul", "add", "zeros", "ones"}
    assert counted[BatchNorm] == {"native_batch_norm": 1}
    assert counted[nn.BatchNorm2d] == {"native_batch_norm": 1, "add_": 1}


def test_a_constant_scale_and_shift_change_nothing_and_are_gone_afterwards(monkeypatch):
    """They are given to BNs that have none, so that cuDNN is asked; nobody learns them."""
    given, own = [], functional.batch_norm

    def asked(x, mean, variance, weight, bias, *rest):
        given.append((weight is None, bias is None))
        return own(x, mean, variance, weight, bias, *rest)

    monkeypatch.setattr(functional, "batch_norm", asked)
    network = nn.Sequential(BatchNorm(3, affine=False), BatchNorm(3), BatchNorm(3, affine=False))
    x, found = torch.randn(4, 3, 2, 2), []
    learned = [id(p) for p in network.parameters()]
    names = network.state_dict().keys()
    for context in (nullcontext(), constant_affine(network)):
        with context:
            given.clear()
            found.append(network(x).detach())
            assert [id(p) for p in network.parameters()] == learned
            assert network.state_dict().keys() == names
    assert given == [(False, False)] * 3
    torch.testing.assert_close(*found)
    assert network[0].weight is None and network[2].bias is None
    assert network[1].weight is network.get_parameter("1.weight")


@pytest.mark.parametrize("versioned", [True, False])
def test_a_state_with_counters_can_be_loaded_and_one_that_lacks_something_cannot(versioned):
    old = nn.Sequential(nn.Conv2d(1, 3, 1), nn.BatchNorm2d(3))
    old(torch.randn(4, 1, 2, 2))
    state = old.state_dict() if versioned else dict(old.state_dict())
    network = nn.Sequential(nn.Conv2d(1, 3, 1), BatchNorm(3))
    network.load_state_dict(state)
    assert torch.equal(network[1].running_mean, old[1].running_mean)
    assert f"1.{COUNTER}" in state and f"1.{COUNTER}" not in network.state_dict()
    with pytest.raises(RuntimeError, match=r"Unexpected key.*1\.other"):
        network.load_state_dict(state | {"1.other": torch.zeros(3)})
    with pytest.raises(RuntimeError, match=r"Missing key.*1\.running_var"):
        network.load_state_dict({n: t for n, t in state.items() if n != "1.running_var"})


@pytest.mark.parametrize("name", ["nb201", "nb101", "darts", "macro", "shufflenet"])
def test_no_network_of_a_space_counts(name):
    with torch.device("meta"):
        supernet = SPACES[name]().supernet(ImageSpec(3, 32, 10), affine=True)
    norms = [part for part in supernet.modules() if isinstance(part, nn.BatchNorm2d)]
    assert norms and not [n for n in supernet.state_dict() if n.endswith(COUNTER)]


@pytest.mark.slow
def test_a_step_at_the_benchmarks_own_scale_launches_what_a_path_computes():
    """All edges convolutions: five cells of six in each of three stages, and two reductions."""
    space = SPACES["nb201"]("benchmark")
    with torch.device("meta"):
        supernet = space.supernet(ImageSpec(3, 32, 10), affine=False)
        x = torch.empty(2, 3, 32, 32)
    with Launches() as forward:
        loss = supernet(x, (3,) * 6).sum()
    with Launches() as backward:
        loss.backward()
    convolutions, norms = 1 + 2 * 3 + 15 * 6, 1 + 2 * 2 + 15 * 6 + 1
    assert forward.counts == {
        "convolution": convolutions,
        "native_batch_norm": norms,
        "relu": norms - 1,  # behind the stem there is none
        "add": 15 * 3 + 2,  # sums at nodes, and beside a shortcut
        "avg_pool2d": 2,
        "mean": 1,
        "addmm": 1,
        "sum": 1,
    }
    assert backward.counts["native_batch_norm_backward"] == norms
    assert backward.counts["convolution_backward"] == convolutions
