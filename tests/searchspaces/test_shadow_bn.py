"""Shadow BN: which sums share statistics, and that the others' stay as they are."""

from itertools import combinations

import numpy as np
import pytest
import torch

from searchspaces.base import ImageSpec
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
        assert changed(before, network) == (expected if mode else set())


def test_a_chain_adds_up_the_operators_of_a_site():
    space = SPACES["macro"]("compact")
    network = space.supernet(IMAGE, shadow=ShadowBN("count", 2)).eval()
    x = network.begin(X)[-1]
    (got,) = network.stage(0, (x,), ((0, 2), (1,), *((0,) * 6)))
    first = network.norms[0].norms["2"](network.run(0, 0, x) + network.run(0, 2, x))
    expected = network.norms[1].norms["1"](network.run(1, 1, first))
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
