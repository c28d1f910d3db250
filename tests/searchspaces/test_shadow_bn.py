"""Shadow BN: which sums share statistics, and that the others' stay as they are."""

from copy import deepcopy
from itertools import combinations

import numpy as np
import pytest
import torch

from searchspaces.base import ImageSpec
from searchspaces.chain.network import added_up
from searchspaces.registry import SPACES
from searchspaces.shadow_bn import ShadowBN

IMAGE = ImageSpec(1, 12, 10)
X = torch.randn(8, 1, 12, 12, generator=torch.Generator().manual_seed(0))


def buffers(network):
    return {name: value.clone() for name, value in network.named_buffers() if "norms" in name}


def changed(before, network):
    after = buffers(network)
    return {name for name in before if not torch.equal(before[name], after[name])}


@pytest.mark.parametrize("per", ["count", "subset"])
@pytest.mark.parametrize("mode", [True, False])
def test_only_the_bn_of_the_active_paths_runs_in_a_chain(per, mode):
    space, most = SPACES["macro"]("compact"), 3
    network = space.supernet(IMAGE, shadow=ShadowBN(per, most)).train(mode)
    for active in (c for k in (1, 2, 3) for c in combinations(range(3), k)):
        before = buffers(network)
        network(X, (active,) * 8)
        key = str(len(active)) if per == "count" else "-".join(map(str, active))
        expected = {name for name in before if f".norms.{key}." in name}
        assert len({name.rpartition(".")[0] for name in expected}) == 8
        if active == (0,):  # identities, but at the first layers of stages, have no branch
            expected = {n for n in expected if int(n.split(".")[1]) in (0, 2, 5)}
        assert changed(before, network) == (expected if mode else set())


@pytest.mark.parametrize("mode", [True, False])
def test_a_chain_sums_the_branches_then_normalises_then_adds_its_input(mode):
    """As the released code, whose sum is of branches: the input is added once, unnormalised."""
    space = SPACES["macro"]("compact")
    network = space.supernet(IMAGE, shadow=ShadowBN("count", 3)).train(mode)
    twin = deepcopy(network)
    x = network.begin(X)[-1]
    path = ((0, 1, 2), (0, 1, 2), *((0,) * 6))
    (got,) = network.stage(0, (x,), path)
    first = twin.norms[0].norms["3"](sum(twin.run(0, gene, x) for gene in (0, 1, 2)))
    branches = sum(twin.blocks[1][key].body(first) for key in ("k3e3", "k5e6"))
    expected = twin.norms[1].norms["3"](branches) + first  # an identity has no branch
    torch.testing.assert_close(got, expected)


def test_identities_alone_change_nothing():
    network = SPACES["macro"]("compact").supernet(IMAGE, shadow=ShadowBN()).eval()
    x = network.begin(X)[-1]
    (first,) = network.stage(0, (x,), ((1,), (1,), *((0,) * 6)))
    (got,) = network.stage(1, (first,), (*((1,) * 2), (1,), (0,), (0,), *((0,) * 3)))
    block = network.blocks[2]["k3e3"]
    expected = network.norms[2].norms["1"](block(first))
    torch.testing.assert_close(got, expected)


def test_units_without_a_residual_are_normalised_whole():
    network = SPACES["shufflenet"]("compact").supernet(IMAGE, shadow=ShadowBN()).eval()
    x = network.begin(X)[-1]
    (x,) = network.stage(0, (x,), ((0,),) * 20)
    layer = network.skeleton.stage_layers[1]
    genes = [(0,)] * 20
    genes[layer[1]] = (1, 3)
    first = network.norms[layer[0]].norms["1"](network.run(layer[0], 0, x))
    total = network.run(layer[1], 1, first) + network.run(layer[1], 3, first)
    expected = network.norms[layer[1]].norms["2"](total)
    for following in layer[2:]:
        expected = network.norms[following].norms["1"](network.run(following, 0, expected))
    (got,) = network.stage(1, (x,), genes)
    torch.testing.assert_close(got, expected)


def test_nb201_follows_the_live_edges_into_a_node():
    space = SPACES["nb201"]("compact")
    network = space.supernet(IMAGE, shadow=ShadowBN()).train()
    before = buffers(network)
    network(X, (3, 0, 2, 1, 4, 0))  # 1<-0; 2<-1; 3<-0, 3<-1: node 2 feeds nothing
    used = {name.split("norms.", 1)[1].rsplit(".", 1)[0] for name in changed(before, network)}
    assert used == {"1.norms.1", "3.norms.2"}


def test_nb101_follows_the_parents_of_a_vertex():
    space = SPACES["nb101-mixpath"]("compact")
    network = space.supernet(IMAGE, shadow=ShadowBN("subset")).train()
    names = {n: b.clone() for n, b in network.named_buffers() if ".norms." in n}
    network(X, (1, 0, 2, 1))
    used = {n for n, b in network.named_buffers() if n in names and not torch.equal(b, names[n])}
    assert {n.rsplit(".", 1)[0].split("vertices.")[1] for n in used} == {
        "1.0.bn.norms.0",
        "3.1.bn.norms.0",
        "4.0.bn.norms.0",
        "5.1.bn.norms.1-3-4",
    }


@pytest.mark.slow
def test_darts_has_one_bn_per_node():
    network = SPACES["darts"]("compact").supernet(IMAGE, shadow=ShadowBN())
    cell = network.cells[0]
    assert {tuple(norm.norms) for norm in cell.norms.values()} == {("2",)}


def test_without_a_bn_where_paths_meet_there_is_a_bias():
    network = SPACES["nb101-mixpath"]("compact").supernet(IMAGE, shadow=ShadowBN(missing=True))
    names = {name for name, _ in network.named_modules()}
    cell = "stages.0.0.vertices"
    assert f"{cell}.5.1.bn" not in names
    assert f"{cell}.1.0.bn" in names
    biased = {n for n, _ in network.named_parameters() if n.startswith(cell) and "bias" in n}
    assert biased == {f"{cell}.5.1.conv.bias"}


@pytest.mark.slow
@pytest.mark.parametrize("name", list(SPACES))
@pytest.mark.parametrize("per", ["count", "subset"])
def test_a_subnet_has_the_logits_of_its_path(name, per):
    space, rng = SPACES[name]("compact"), np.random.default_rng(0)
    network = space.supernet(IMAGE, shadow=ShadowBN(per)).train()
    for _ in range(3):
        while not space.is_valid(arch := space.sample(rng)):
            pass
        network(X, arch)
    network.eval()
    torch.testing.assert_close(network.subnet(arch)(X), network(X, arch))


class Doing:
    """An operator that multiplies by ``factor``, or has no output of its own; maybe adds its input."""

    def __init__(self, factor, adds):
        self.factor, self.adds = factor, adds

    def apart(self, block):
        return (lambda x: self.factor * x) if self.factor else None, self.adds


@pytest.mark.parametrize(
    ("operators", "factor", "adds"),
    [
        ([Doing(2, True), Doing(3, False)], 5, True),  # as an inverted residual and a shuffle unit
        ([Doing(2, True), Doing(3, True)], 5, True),
        ([Doing(2, False), Doing(3, False)], 5, False),
        ([Doing(0, True), Doing(3, False)], 3, True),  # an identity
        ([Doing(3, False)], 3, False),
    ],
)
def test_the_input_is_added_once_if_any_operator_adds_it(operators, factor, adds):
    found = added_up([(one, None) for one in operators], lambda y: 10 * y, X)
    torch.testing.assert_close(found, 10 * factor * X + (X if adds else 0))
