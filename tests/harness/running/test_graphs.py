"""Operators as graphs: what is replayed, that nothing in use is written over, and what is saved.

Without a GPU what a graph recorded is done again by the CPU, in the graph's own memory.
"""

import inspect
from contextlib import contextmanager
from functools import partial
from types import SimpleNamespace

import pytest
import torch
from recorder import Recorder
from torch import nn
from torch.func import functional_call
from torch.nn.modules.module import register_module_forward_hook

from harness.running import graphs
from harness.running.graphs import Graphed
from methods.batchnorm import frozen_statistics
from searchspaces.batchnorm import BatchNorm
from searchspaces.errors import UsageError
from searchspaces.operators import relu_conv_bn

BATCH = 4


def images(seed=0, batch=BATCH):
    return torch.randn(batch, 3, 5, 5, generator=torch.Generator().manual_seed(seed))


class Pair:
    """An operator, and an equal one in whose place a graph is called."""

    def __init__(self, build=lambda: relu_conv_bn(3, 3, 3, 1, True)):
        torch.manual_seed(0)
        self.plain = build()
        torch.manual_seed(0)
        self.part, self.recorder = build(), Recorder()
        self.call = Graphed(self.part, BATCH, self.recorder)

    def check(self):
        """Weights, their gradients and statistics are equal to the bit."""
        for own, other in zip(self.part.parameters(), self.plain.parameters(), strict=True):
            assert torch.equal(own, other)
            assert (own.grad is None) == (other.grad is None)
            assert own.grad is None or torch.equal(own.grad, other.grad)
        for own, other in zip(self.part.buffers(), self.plain.buffers(), strict=True):
            assert torch.equal(own, other)

    def both(self, use):
        """What ``use`` gives of either is equal."""
        found, expected = use(self.call), use(self.plain)
        for own, other in zip(found, expected, strict=True):
            assert torch.equal(own, other)
        self.check()

    @property
    def replays(self):
        return self.recorder.counts["forward"], self.recorder.counts["backward"]


def passed(x, call):
    """Output, and the gradient of the input, after a pass forward and back."""
    x = x.clone().requires_grad_()
    output = call(x)
    output.square().sum().backward()
    return output.detach().clone(), x.grad


@pytest.fixture
def pair():
    return Pair()


def test_a_replay_is_what_the_operator_is(pair):
    """Also behind a step of the weights; nothing is recorded twice."""
    for seed in range(3):
        pair.both(partial(passed, images(seed)))
        for part in (pair.part, pair.plain):
            torch.optim.SGD(part.parameters(), 0.1).step()
            part.zero_grad(set_to_none=True)
    assert pair.replays == (3, 3) and pair.recorder.counts["recorded"] == 1


def test_gradients_of_weights_are_handed_on_without_a_copy(pair):
    passed(images(), pair.call)
    [graph] = pair.call.graphs.values()
    kept = {None if g is None else g.data_ptr() for g in graph._gradients}
    assert {p.grad.data_ptr() for p in pair.part.parameters()} <= kept


def test_gradients_add_up_over_passes(pair):
    """The second pass leaves alone what the first has given the weights."""

    def two(call):
        return *passed(images(1), call), *passed(images(2), call)

    pair.both(two)
    assert pair.replays == (1, 1)


@pytest.mark.parametrize("use", [torch.square, lambda output: 1 + 3 * output])
def test_two_passes_before_any_goes_back(pair, use):
    """Also where nobody keeps the output, which all that the pass back needs does not show."""

    def two(call):
        losses = [(images(7) * use(call(images(seed)))).sum() for seed in (1, 2)]
        sum(losses).backward()
        return [loss.detach() for loss in losses]

    pair.both(two)
    assert pair.replays == (1, 1)


def test_recording_leaves_a_pass_that_has_still_to_go_back(pair):
    """Of a batch of another size, which is run as it is: it saved the statistics of the BNs."""

    def use(call):
        first, second = call(images(0, BATCH - 1)), call(images(1))
        (first.square().sum() + second.square().sum()).backward()
        return first, second

    pair.both(use)
    assert pair.recorder.counts["recorded"] == 1


@pytest.mark.parametrize("keep", [lambda y: y, torch.detach, lambda y: y.detach()[1:, 0]])
def test_what_somebody_keeps_is_not_written_over(pair, keep):
    kept, expected = [], []
    for of, call in ((kept, pair.call), (expected, pair.plain)):
        output = call(images(1))
        of.append(keep(output))
        output.sum().backward()
        del output
        for part in (pair.part, pair.plain):
            part.zero_grad(set_to_none=True)
        call(images(2))
    assert torch.equal(kept[0], expected[0])
    assert pair.replays == (1, 1)
    kept.clear()
    pair.call(images(3))
    assert pair.replays == (2, 1)


def test_a_pass_that_is_dropped_frees_its_graph(pair):
    def dropped(call):
        call(images(1))
        return passed(images(2), call)

    pair.both(dropped)
    assert pair.replays == (2, 1)


def test_a_pass_that_goes_back_twice_is_a_sentence(pair):
    loss = pair.call(images()).sum()
    loss.backward(retain_graph=True)
    with pytest.raises(UsageError, match=r"goes back twice.*leave --accelerate\.graphs out"):
        loss.backward()


def another_number(call, part):
    return passed(images(batch=BATCH - 1), call)


def without_gradients(call, part):
    with torch.no_grad():
        return [call(images())]


def evaluated(call, part):
    part.eval()
    return passed(images(), call)


def frozen(call, part):
    with frozen_statistics(part):
        return passed(images(), call)


def with_other_momentum(call, part):
    part[2].momentum = 0.5
    return passed(images(), call)


def hooked(call, part):
    with_hook = part[1].register_forward_hook(lambda module, given, output: 2 * output)
    try:
        return passed(images(), call)
    finally:
        with_hook.remove()


def hooked_on_the_way_back(call, part):
    doubled = part[1].register_full_backward_hook(lambda module, given, of: (2 * given[0],))
    try:
        return passed(images(), call)
    finally:
        doubled.remove()


def hooked_everywhere(call, part):
    def doubled(module, given, output):
        return 2 * output if isinstance(module, nn.Conv2d) else None

    of_all = register_module_forward_hook(doubled)
    try:
        return passed(images(), call)
    finally:
        of_all.remove()


def with_a_fixed_weight(call, part):
    part[1].weight.requires_grad_(False)
    return passed(images(), call)


def with_other_weights(call, part):
    class Calling(nn.Module):
        def __init__(self):
            super().__init__()
            self.part = part

        def forward(self, x):
            return call(x)

    doubled = {f"part.{name}": 2 * p.detach() for name, p in part.named_parameters()}
    return [functional_call(Calling(), doubled, (images(),))]


@pytest.mark.parametrize(
    "use",
    [another_number, without_gradients, evaluated, frozen, with_other_momentum, hooked]
    + [hooked_on_the_way_back, hooked_everywhere, with_a_fixed_weight, with_other_weights],
)
def test_what_no_graph_has_recorded_is_run_as_it_is(pair, use):
    pair.both(partial(passed, images(1)))
    pair.part.zero_grad(), pair.plain.zero_grad()
    for own, other in zip(use(pair.call, pair.part), use(pair.plain, pair.plain), strict=True):
        assert torch.equal(own, other)
    pair.check()
    assert pair.replays == (1, 1)


def test_each_kind_of_input_has_a_graph_of_its_own(pair):
    pair.both(partial(passed, images(1)))
    for part in (pair.part, pair.plain):
        part.zero_grad(set_to_none=True)
    pair.both(partial(passed, images(2).contiguous(memory_format=torch.channels_last)))
    for part in (pair.part, pair.plain):
        part.zero_grad(set_to_none=True)

    def given_images(call):
        output = call(images(3))
        output.square().sum().backward()
        return [output.detach()]

    pair.both(given_images)
    assert pair.replays == (3, 3) and pair.recorder.counts["recorded"] == 3


@pytest.mark.parametrize(
    "build",
    [
        lambda: nn.Sequential(nn.Conv2d(3, 3, 1), BatchNorm(3)),  # two operations
        lambda: nn.Sequential(nn.ReLU(), nn.AvgPool2d(1), nn.Hardswish()),  # learns nothing
        lambda: nn.Sequential(relu_conv_bn(3, 3, 1, 1, True), nn.Dropout()),
        lambda: nn.Sequential(relu_conv_bn(3, 3, 1, 1, True), Foreign()),
    ],
)
def test_what_gains_nothing_or_may_differ_each_time_is_never_recorded(build):
    pair = Pair(build)
    for seed in (1, 2):
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            found = passed(images(seed), pair.call)
            state = torch.get_rng_state()
            torch.manual_seed(seed)
            expected = passed(images(seed), pair.plain)
            assert torch.equal(state, torch.get_rng_state())
        assert all(map(torch.equal, found, expected))
    pair.check()
    assert not pair.recorder.counts


class Foreign(nn.Module):
    """A module of a user's, which may do otherwise each time."""

    def forward(self, x):
        return x


def test_what_cannot_be_recorded_is_a_sentence():
    def record(forward, backward):
        forward()
        raise RuntimeError("CUDA error: operation not permitted when stream is capturing\nmore")

    part = relu_conv_bn(3, 3, 3, 1, True)
    with pytest.raises(UsageError, match=r"not permitted when.*leave --accelerate\.graphs out\.$"):
        Graphed(part, BATCH, record)(images())
    assert not part[2].running_mean.any()  # as before


class Stub:
    """Stands for ``torch.cuda``: notes what it is asked for, in turn."""

    def __init__(self):
        self.asked = []

    def Stream(self):  # noqa: N802
        return SimpleNamespace(name="aside", wait_stream=lambda other: self.note("aside waits"))

    def current_stream(self):
        return SimpleNamespace(wait_stream=lambda other: self.note(f"{other.name} is awaited"))

    def graph_pool_handle(self):
        return "pool"

    def CUDAGraph(self):  # noqa: N802
        return SimpleNamespace(replay=object())

    @contextmanager
    def stream(self, stream):
        self.note(stream.name)
        yield

    @contextmanager
    def graph(self, graph, **how):
        inspect.signature(CUDA.graph).bind(graph, **how)
        self.note(f"record in {how['pool']}")
        yield

    def note(self, what):
        self.asked.append(what)


CUDA = torch.cuda


def test_a_gpu_is_warm_before_it_records_both_passes_in_one_pool(monkeypatch):
    stub = Stub()
    monkeypatch.setattr(graphs.torch, "cuda", stub)
    passes = [lambda what=what: stub.note(what) or what for what in ("forward", "back")]
    there, output, back, gradients = graphs.on_gpu(*passes)
    warm = ["aside waits", "aside", *["forward", "back"] * graphs.WARM, "aside is awaited"]
    assert stub.asked == [*warm, "record in pool", "forward", "record in pool", "back"]
    assert (output, gradients) == ("forward", "back") and there is not back


def test_what_is_recorded_is_counted():
    before = graphs.made["graphs"]
    Pair().call(images())
    assert graphs.made["graphs"] == before + 1
