"""Architectures that share beginnings, as one network: what each would give alone, in less work."""

import weakref
from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.modules.module import register_module_forward_hook

from searchspaces.base import ImageSpec
from searchspaces.chain.blocks import Identity, MBConv, Shuffle
from searchspaces.chain.macro import NASBenchMacro
from searchspaces.chain.network import Link
from searchspaces.chain.skeleton import Skeleton, Stage
from searchspaces.chain.space import ChainSpace
from searchspaces.chain.tree import prefixes
from searchspaces.registry import SPACES
from searchspaces.shadow_bn import ShadowBN

IMAGE = ImageSpec(1, 8, 5)
BATCHES = torch.randn(10, 1, 8, 8, generator=torch.Generator().manual_seed(0)).split(4)
NAMES = ["macro", "mobilenet", "shufflenet", "ennas-s1", "ennas-s2"]


class Tiny(ChainSpace):
    """Three layers: units of shared weights, inverted residuals, identity where it fits."""

    name = "tiny"
    operators = (Identity(), MBConv(3, 1), Shuffle(3), Shuffle(3, tenths=20))
    skeletons = {"compact": Skeleton(4, 1, (Stage(4, 1, 1), Stage(6, 2, 2)), 8)}


def trained(space, image=IMAGE, **options):
    """A supernet whose weights and running statistics are not what they began with."""
    torch.manual_seed(0)
    network = space.supernet(image, **options)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for tensor in network.state_dict().values():
            if tensor.is_floating_point():
                tensor.add_(0.1 * torch.rand(tensor.shape, generator=generator))
    return network


@torch.no_grad()
def logits(network, bn):
    """For the last batch, with BN statistics as ``bn`` says."""
    norms = [part for part in network.modules() if isinstance(part, nn.BatchNorm2d)]
    if bn == "recalibrate":
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None
        network.train()
        for batch in BATCHES:
            network(batch)
    return network.train(bn == "batchstat")(BATCHES[-1])


def assert_like_alone(network, archs, bn):
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    together = logits(network.together(archs), bn)
    assert together.shape == (len(archs), len(BATCHES[-1]), IMAGE.classes)
    for arch, own in zip(archs, together, strict=True):
        assert torch.equal(own, logits(network.subnet(arch), bn)), arch
    assert all(torch.equal(tensor, before[n]) for n, tensor in network.state_dict().items())


@pytest.mark.slow
@pytest.mark.parametrize("bn", ["recalibrate", "batchstat", "running"])
@pytest.mark.parametrize("name", NAMES)
def test_logits_are_those_of_each_subnet_to_the_bit(name, bn):
    space, rng = SPACES[name]("compact"), np.random.default_rng(0)
    assert_like_alone(trained(space), [space.sample(rng) for _ in range(16)], bn)


@pytest.mark.parametrize("bn", ["recalibrate", "batchstat", "running"])
@pytest.mark.parametrize("per", ["count", "subset"])
def test_shadow_norms_are_part_of_their_layers(per, bn):
    space, rng = Tiny(), np.random.default_rng(0)
    network = trained(space, affine=True, shadow=ShadowBN(per))
    assert_like_alone(network, [space.sample(rng) for _ in range(12)], bn)
    assert len(network.steps((1, 0, 0))) == 2  # an identity alone has no branch to normalise


@pytest.mark.slow
@settings(deadline=None, max_examples=25)
@given(data=st.data())
def test_any_list_of_architectures_with_repeats(data):
    space = Tiny()
    arch = st.tuples(*(st.integers(0, len(site.operators) - 1) for site in space.sites))
    archs = data.draw(st.lists(arch, min_size=1, max_size=6))
    bn = data.draw(st.sampled_from(["recalibrate", "batchstat", "running"]))
    assert_like_alone(trained(space), archs + archs[:1], bn)


@pytest.mark.slow
def test_all_of_macro_takes_3968_blocks_that_are_no_identity():
    space = NASBenchMacro("compact")
    keys = sorted({space.canonical(arch) for arch in product(range(3), repeat=8)})
    assert len(keys) == 3969
    network = space.supernet(IMAGE)
    chains = [network.steps(space.decode(key)) for key in keys]
    last = [prefix[-1] for prefix in prefixes(chains)]
    assert sum(gene != 0 for _, gene in last) == 3968
    projections = [layer for layer, gene in last if gene == 0]
    assert sorted(set(projections)) == [0, 2, 5]  # the 1x1 convolutions in front of the stages
    assert len(projections) == 1 + 9 + 9 * 21
    one_by_one = [gene for chain in chains for _, gene in chain]
    assert sum(gene != 0 for gene in one_by_one) == 21924


def test_keys_of_one_network_alone_are_two_in_a_supernet():
    """The identity moves to another layer, so that other weights are used."""
    space = NASBenchMacro("compact")
    network = trained(space)
    first, second = (1, 0, 1, 0, 2, 1, 0, 0), (1, 0, 1, 2, 0, 1, 0, 0)
    assert space.canonical(first) == space.canonical(second)
    one, other = logits(network.together([first, second]), "running")
    assert not torch.allclose(one, other)


@pytest.fixture
def runs(monkeypatch):
    """How often the operators of :class:`Tiny` run, by name; none for identities."""
    seen = []
    for operator in (MBConv, Shuffle):
        monkeypatch.setattr(operator, "run", counting(operator.run, seen))
    return seen


def counting(run, seen):
    def counted(self, block, x):
        seen.append(self.name)
        return run(self, block, x)

    return counted


def test_each_block_runs_once_per_distinct_prefix(runs):
    space = Tiny()
    network = space.supernet(IMAGE)
    archs = list(product(*(range(len(site.operators)) for site in space.sites)))
    assert len(archs) == 4 * 3 * 4
    tree = network.together(archs + archs)
    tree.eval()(BATCHES[0])
    assert len(runs) == len(prefixes([network.steps(arch) for arch in archs])) == 3 + 4 * 3 + 36
    runs.clear()
    network.together([(0, 0, 0)])(BATCHES[0])
    assert runs == ["k3e1"]


def test_only_the_outputs_along_one_architecture_are_held():
    space = Tiny()
    archs = list(product(*(range(len(site.operators)) for site in space.sites)))
    tree = space.supernet(IMAGE).together(archs).eval()
    outputs, alive = [], []

    def watch(part, _, output):
        if isinstance(part, Link):
            outputs.append(weakref.ref(output))
            alive.append(sum(held() is not None for held in outputs))

    handle = register_module_forward_hook(watch)
    with torch.no_grad():
        tree(BATCHES[0])
    handle.remove()
    assert len(outputs) == 3 + 4 * 3 + 36
    assert max(alive) == len(space.sites)


def test_order_brings_those_that_begin_alike_together():
    space, rng = Tiny(), np.random.default_rng(0)
    archs = [space.sample(rng) for _ in range(20)]
    ordered = [archs[position] for position in space.supernet(IMAGE).order(archs)]
    assert ordered == sorted(archs)
