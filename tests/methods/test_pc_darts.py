"""PC-DARTS: which channels the operators see, what the edges weigh, and what both cost."""

import numpy as np
import pytest
import torch
from relaxed import make_setting

from harness.conformance.noise import Noise
from methods.pc_darts import PCDARTS, PCDARTSOptions
from methods.processes import Processes
from searchspaces.base import ImageSpec
from searchspaces.errors import UsageError
from searchspaces.registry import SPACES


def made(space="nb201", width=0, **options):
    where = make_setting(SPACES[space]("compact", width), Noise(ImageSpec(1, 12, 10)))
    return PCDARTS(where, PCDARTSOptions(**options))


def test_operators_see_a_part_of_the_channels_and_the_rest_passes_by():
    method, seen = made(parts=4), []
    x = torch.arange(8.0).view(1, 8, 1, 1).expand(1, 8, 2, 2)

    def operator(part):
        seen.append(part)
        return part + 100

    out = method.mixture(0)(0, [operator] * 5, x)  # the only edge into its node: its weight is 1
    assert len(seen) == 5 and all(torch.equal(part, x[:, :2]) for part in seen)
    # the channels 0, 1 | 2, 3 | 4, 5 | 6, 7, of each part one after the other
    assert out[0, :, 0, 0].tolist() == pytest.approx([100, 2, 4, 6, 101, 3, 5, 7])


def test_where_sides_are_halved_the_rest_is_pooled():
    x = torch.arange(36.0).view(1, 4, 3, 3)
    out = made(parts=2).mixture(0)(0, [lambda part: part[:, :, ::2, ::2]] * 5, x)
    assert out.shape == (1, 4, 2, 2)
    assert out[0, 1].tolist() == [[22, 23], [25, 26]]  # the largest of channel 2, sides rounded up


def test_edges_into_a_node_are_weighed_by_a_softmax():
    method = made(parts=1)
    betas = [[0.0], [1.0, -1.0], [0.5, 0.0, 2.0]]
    with torch.no_grad():
        for beta, values in zip(method.betas, betas, strict=True):
            beta.copy_(torch.tensor(values))
    hook, x = method.mixture(0), torch.ones(1, 1, 1, 1)
    weights = [hook(site, [lambda x: x] * 5, x).item() for site in range(6)]
    expected = [np.exp(b) / np.exp(b).sum() for b in map(np.array, betas)]
    np.testing.assert_allclose(weights, np.concatenate(expected), rtol=1e-5)
    assert method.score([(0,) * 6]) == pytest.approx(20 * np.prod(weights) ** (1 / 6))


def test_on_darts_the_edges_decide_what_a_node_keeps():
    method = made("darts", 8)
    assert [len(edges) for edges in method.relaxation.nodes] == [2, 3, 4, 5] * 2
    assert sorted(sum(method.relaxation.nodes, ())) == list(range(28))
    with torch.no_grad():
        for beta in method.betas:
            beta[-2:] = 3.0
    kept = {site for site, _ in method.relaxation.chosen(method.found())}
    assert kept == {site for edges in method.relaxation.nodes for site in edges[-2:]}
    before = [beta.clone() for beta in method.betas]
    method.train_step(3)
    assert all(not torch.equal(b, c) for b, c in zip(method.betas, before, strict=True))


def test_edges_learn_what_all_processes_found():
    """Here the others undo every gradient, so that nobody learns."""

    class Undone(Processes):
        def average(self, tensors):
            for tensor in tensors:
                if tensor.grad is not None:
                    tensor.grad.zero_()

    method = made(alone=0.0)
    method.processes = Undone()
    method.train_step(0)
    assert not any(tensor.any() for tensor in (*method.alphas, *method.betas))


def test_its_network_is_the_mixture_of_one_operator_at_each_edge():
    method, arch = made(parts=2), (3, 1, 2, 4, 1, 3)
    x = torch.randn(4, 1, 12, 12)
    method.relaxation.logits(method.supernet, x, method.mixture(0))  # for statistics
    with torch.no_grad():
        for alpha, chosen in zip(method.alphas, arch, strict=True):
            alpha[chosen] = 1e3
        for beta in method.betas:
            beta.normal_()
    method.supernet.eval()
    mixed = method.relaxation.logits(method.supernet, x, method.mixture(0))
    network = method.network_of(arch)
    torch.testing.assert_close(network(x), mixed)
    assert not any(parameter.grad_fn for parameter in network.parameters())
    names = {name.split(".edges.")[-1][:3] for name in network.state_dict() if "edges" in name}
    assert names == {"0.3", "2.2", "5.3"}  # convolutions; others have no weights or are gone


@pytest.mark.parametrize("space", ["nb201", "darts"])
def test_edges_that_an_architecture_lacks_give_nothing(space):
    method = made(space, 8, parts=2)
    rng = np.random.default_rng(0)
    arch = (3, 0, 3, 3, 3, 3) if space == "nb201" else method.space.sample(rng)
    network, x = method.network_of(arch).eval(), torch.randn(2, 1, 12, 12)
    seen = []
    hook = network.hook

    def watched(site, operators, x):
        seen.append((site, bool(hook(site, operators, x).any())))
        return hook(site, operators, x)

    network.hook = watched
    assert network(x).shape == (2, 10)
    names = method.relaxation.sites
    kept = {s for s, n in method.relaxation.chosen(arch) if names[s].operators[n] != "none"}
    assert {site for site, something in seen if something} <= kept
    assert {site for site, _ in seen} >= kept and {site for site, _ in seen} - kept


def test_its_operators_have_a_part_of_the_weights():
    method, plain = made(parts=2), made(parts=1)
    edge, other = (m.supernet.stages[0][0].edges[0]["3"] for m in (method, plain))
    assert edge[1].weight.shape == (4, 4, 3, 3) and other[1].weight.shape == (8, 8, 3, 3)
    assert edge[2].num_features == 4
    assert method.supernet.classifier.weight.shape == plain.supernet.classifier.weight.shape


def test_depthwise_convolutions_stay_depthwise():
    method, plain = made("darts", 8, parts=4), made("darts", 8, parts=1)
    convolutions = ((n, m) for n, m in plain.supernet.named_modules() if hasattr(m, "groups"))
    depthwise = {name: module for name, module in convolutions if module.groups > 1}
    assert len({module.groups for module in depthwise.values()}) > 1
    for name, whole in depthwise.items():
        part = method.supernet.get_submodule(name)
        assert part.groups == part.in_channels == part.out_channels == whole.groups // 4


def test_the_first_steps_train_the_weights_alone():
    method = made(alone=0.5)
    told = [method.train_step(step) for step in range(4)]
    assert ["arch_loss" in row for row in told] == [False, False, True, True]
    passes = 2 + 2 * 2  # of five operators at each site, on a quarter of the channels
    assert method.costs["image_passes"] == passes * 64 * 5 / 4
    paths = method.paths_per_step(method.options, method.space)
    assert paths["forwards"] == paths["backwards"] == pytest.approx(1.5 * 5 / 4)


def test_where_it_cannot_work_it_says_so():
    with pytest.raises(UsageError, match="macro no edges of equal width meet in nodes"):
        made("macro")
    with pytest.raises(UsageError, match="8 channels here, which cannot be parted by .*parts 3"):
        made(parts=3)
    for wrong in ({"parts": 0}, {"alone": 1.0}):
        with pytest.raises(UsageError, match="parts is at least 1"):
            PCDARTSOptions(**wrong)
