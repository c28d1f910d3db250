"""BN without a counter: PyTorch's own to the bit, and states that have counters still open."""

from collections import Counter

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from searchspaces.base import ImageSpec
from searchspaces.batchnorm import BatchNorm
from searchspaces.registry import SPACES

COUNTER = "num_batches_tracked"


class Launches(TorchDispatchMode):
    """Inside, operations are counted by name, but for those that only give memory or a view."""

    def __init__(self):
        super().__init__()
        self.counts = Counter()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if not func.is_view and func is not torch.ops.aten.empty.memory_format:
            self.counts[func.overloadpacket.__name__] += 1
        return func(*args, **(kwargs or {}))


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


def test_a_pass_launches_a_norm_and_nothing_else():
    x, counted = torch.randn(4, 3, 2, 2), {}
    for norm in (BatchNorm(3), nn.BatchNorm2d(3)):
        with Launches() as seen:
            norm(x)
        counted[type(norm)] = seen.counts
    assert counted[BatchNorm] == {"native_batch_norm": 1}
    assert counted[nn.BatchNorm2d] == {"native_batch_norm": 1, "add_": 1}


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
