"""What holds for every chain space at every scale."""

import pickle
from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

from searchspaces.base import Cost, ImageSpec
from searchspaces.chain.blocks import Identity, MBConv
from searchspaces.chain.ennas import EnNASDeep, EnNASLarge, EnNASSmall
from searchspaces.chain.macro import NASBenchMacro
from searchspaces.chain.mobilenet import MobileNet, ProxylessMobileNet
from searchspaces.chain.shufflenet import ShuffleNet, ShuffleNetChannels
from searchspaces.chain.skeleton import Skeleton, Stage
from searchspaces.chain.space import ChainSpace
from searchspaces.errors import UsageError

SPACES = [
    NASBenchMacro,
    MobileNet,
    ProxylessMobileNet,
    ShuffleNet,
    ShuffleNetChannels,
    EnNASSmall,
    EnNASLarge,
    EnNASDeep,
]
WITH_IDENTITY = [NASBenchMacro, ProxylessMobileNet, EnNASSmall, EnNASLarge, EnNASDeep]
IMAGES = {
    "benchmark": ImageSpec(3, 32, 10),
    "cifar": ImageSpec(3, 32, 100),
    "imagenet16": ImageSpec(3, 16, 120),
    "imagenet": ImageSpec(3, 224, 1000),
    "compact": ImageSpec(1, 12, 10),
    "proxy": ImageSpec(3, 16, 10),
}
EVERY = [(space, scale) for space in SPACES for scale in space.scales]

every_space = pytest.mark.parametrize("space_class", SPACES)
every_scale = pytest.mark.parametrize(("space_class", "scale"), EVERY)


def samples(space, number, seed=0):
    rng = np.random.default_rng(seed)
    return [space.sample(rng) for _ in range(number)]


def batch(space, size=4, seed=0):
    image = IMAGES[space.scale]
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(size, image.channels, image.size, image.size, generator=generator)


def built_cost(network, image):
    """Parameters of ``network``, and multiply-adds that torch counts in a forward pass."""
    device = next(network.parameters()).device
    x = torch.zeros(1, image.channels, image.size, image.size, device=device)
    with FlopCounterMode(display=False) as counter:
        network.eval()(x)
    params = sum(parameter.numel() for parameter in network.parameters())
    return Cost(params, counter.get_total_flops() // 2)


@pytest.mark.slow
@every_scale
def test_cost_is_that_of_the_built_network(space_class, scale):
    space, image = space_class(scale), IMAGES[scale]
    (arch,) = samples(space, 1)
    with torch.device("meta"):
        network = space.standalone(arch, image)
    assert space.cost(arch, image) == built_cost(network, image)


def test_sizes_are_products_over_the_layers():
    assert NASBenchMacro().size == 3**8
    assert MobileNet("imagenet").size == 6**19
    assert ProxylessMobileNet("imagenet").size == 6**6 * 7**15
    assert ShuffleNetChannels("imagenet").size == 40**20


@every_space
def test_cost_holds_at_odd_resolutions(space_class):
    space, image = space_class("compact"), ImageSpec(2, 17, 7)
    for arch in samples(space, 5):
        assert space.cost(arch, image) == built_cost(space.standalone(arch, image), image)


@every_scale
def test_strings_go_there_and_back(space_class, scale):
    space = space_class(scale)
    for arch in samples(space, 50):
        text = space.encode(arch)
        assert len(text) == len(space.sites)
        assert space.decode(text) == arch


@pytest.mark.slow
@every_space
@settings(deadline=None, max_examples=200)
@given(text=st.text(max_size=40) | st.text("0123456789abcxyzABZ", min_size=6, max_size=22))
def test_only_architectures_decode(space_class, text):
    space = space_class("compact")
    try:
        arch = space.decode(text)
    except UsageError:
        return
    assert space.is_valid(arch) and space.encode(arch) == text


@every_space
def test_genes_outside_their_site_are_invalid(space_class):
    space = space_class("compact")
    (arch,) = samples(space, 1)
    assert space.is_valid(arch)
    assert not space.is_valid(arch[:-1]) and not space.is_valid((*arch, 0))
    for layer, site in enumerate(space.sites):
        for gene in (-1, len(site.operators)):
            wrong = (*arch[:layer], gene, *arch[layer + 1 :])
            assert not space.is_valid(wrong)
        with pytest.raises(UsageError, match=f"no architecture of {space.name}"):
            space.decode(space.encode(arch)[:layer])


@every_scale
def test_variation_stays_in_the_space_and_reaches_all_of_it(space_class, scale):
    space = space_class(scale)
    rng = np.random.default_rng(1)
    seen = [Counter() for _ in space.sites]
    arch = other = space.sample(rng)
    for _ in range(60 * max(len(site.operators) for site in space.sites)):
        near = space.neighbour(arch, rng)
        assert sum(a != b for a, b in zip(arch, near, strict=True)) == 1
        child = space.crossover(arch, other, rng)
        assert all(gene in pair for gene, *pair in zip(child, arch, other, strict=True))
        mutant = space.mutate(arch, rng, rate=0.5)
        assert space.is_valid(near) and space.is_valid(child) and space.is_valid(mutant)
        arch, other = mutant, space.sample(rng)
        for count, gene in zip(seen, other, strict=True):
            count[gene] += 1
    for count, site in zip(seen, space.sites, strict=True):
        assert count.keys() == set(range(len(site.operators)))


@pytest.mark.slow
@every_space
@pytest.mark.parametrize("affine", [False, True])
def test_a_subnet_computes_what_its_path_does(space_class, affine):
    torch.manual_seed(0)
    space = space_class("compact")
    supernet = space.supernet(IMAGES["compact"], affine=affine)
    for number, arch in enumerate(samples(space, 4)):
        x = batch(space, seed=number)
        subnet = supernet.train().subnet(arch)
        assert torch.equal(subnet(x), supernet(x, arch))
        supernet.eval()
        assert torch.equal(subnet.eval()(x), supernet(x, arch))
        assert torch.equal(supernet.subnet(arch)(x), supernet(x, arch))
    names = space.standalone(arch, IMAGES["compact"]).state_dict().keys()
    assert (subnet.state_dict().keys() == names) == affine


@every_space
def test_a_step_moves_what_its_path_uses_and_nothing_else(space_class):
    """Weight decay moves whatever has a gradient, even one of rounding errors (biases before a BN)."""
    torch.manual_seed(0)
    space = space_class("compact")
    supernet = space.supernet(IMAGES["compact"], affine=True)
    with torch.no_grad():
        for parameter in supernet.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.1)  # BN biases begin at 0
    (arch,) = samples(space, 1)
    before = {name: tensor.clone() for name, tensor in supernet.state_dict().items()}
    used = supernet.subnet(arch).state_dict()
    optimizer = torch.optim.SGD(supernet.parameters(), 0.1, momentum=0.9, weight_decay=0.1)
    supernet(batch(space), arch).square().sum().backward()
    optimizer.step()
    for name, tensor in supernet.state_dict().items():
        assert torch.equal(tensor, before[name]) == (name not in used), name


@every_space
def test_the_logits_depend_on_every_parameter_of_the_path_and_no_other(space_class):
    """In double, without the statistics of a batch, which take biases away; no unit is dead."""
    torch.manual_seed(0)
    space = space_class("compact")
    supernet = space.supernet(IMAGES["compact"], affine=True).double().eval()
    with torch.no_grad():
        for name, parameter in supernet.named_parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.1)
            parameter.add_(1.0 if name.endswith("bias") else 0.0)
    for arch in samples(space, 3):
        supernet.zero_grad(set_to_none=True)
        supernet(batch(space).double(), arch).square().sum().backward()
        used = dict(supernet.subnet(arch).named_parameters())
        for name, parameter in supernet.named_parameters():
            moved = parameter.grad is not None and parameter.grad.abs().max() > 1e-9
            assert moved == (name in used), name


@pytest.mark.slow
@every_scale
def test_features_are_the_outputs_of_the_stages(space_class, scale):
    space, image = space_class(scale), IMAGES[scale]
    (arch,) = samples(space, 1)
    with torch.device("meta"):
        outputs, logits = (
            space.standalone(arch, image)
            .eval()
            .features(torch.empty(2, image.channels, image.size, image.size))
        )
    assert [y.shape[1] for y in outputs] == [s.channels for s in space.skeleton.stages]
    sides = [image.size] + [y.shape[2] for y in outputs]
    assert all(
        before in (after, 2 * after, 4 * after)
        for before, after in zip(sides, sides[1:], strict=False)
    )
    assert logits.shape == (2, image.classes)


@pytest.mark.parametrize(
    ("space_class", "reduction"),
    [(MobileNet, 32), (ProxylessMobileNet, 32), (ShuffleNet, 32), (EnNASDeep, 32)],
)
def test_resolutions(space_class, reduction):
    """Small images lose the reductions in front: 224 ends at 7, 32 and 16 at 4."""
    for scale, side in (("imagenet", 7), ("cifar", 4), ("imagenet16", 4)):
        strides = [shape.stride for shape in space_class(scale).skeleton.shapes]
        total = space_class(scale).skeleton.stride * int(np.prod(strides))
        assert IMAGES[scale].size == side * total


def shuffled_identities(space, arch, rng):
    """``arch`` with the blocks of each run of equal layers slid apart, and the order of blocks."""
    genes, order = list(arch), list(range(len(arch)))
    runs = "".join("k" if shape.kept else " " for shape in space.skeleton.shapes)
    for start in [i for i, c in enumerate(runs) if c == "k" and (i == 0 or runs[i - 1] == " ")]:
        stop = start + len(runs[start:]) - len(runs[start:].lstrip("k"))
        layers = range(start, stop)
        blocks = [i for i in layers if space.sites[i].operators[arch[i]] != "identity"]
        places = sorted(rng.choice(layers, len(blocks), replace=False).tolist())
        identity = space.sites[start].operators.index("identity")
        genes[start:stop] = [identity] * (stop - start)
        for place, block in zip(places, blocks, strict=True):
            genes[place], order[place] = arch[block], block
    return tuple(genes), order


@pytest.mark.parametrize("space_class", WITH_IDENTITY)
def test_canonical_merges_networks_that_are_the_same(space_class):
    space, rng = space_class("compact"), np.random.default_rng(2)
    for arch in samples(space, 8):
        same, order = shuffled_identities(space, arch, rng)
        assert space.canonical(same) == space.canonical(arch)
        assert space.canonical(space.decode(space.canonical(arch))) == space.canonical(arch)
        first = space.standalone(arch, IMAGES["compact"]).eval()
        second = space.standalone(same, IMAGES["compact"]).eval()
        weights = first.state_dict()
        moved = {}
        for name in second.state_dict():
            head, _, rest = name.partition(".")
            if head == "blocks":
                layer, _, rest = rest.partition(".")
                moved[name] = weights[f"blocks.{order[int(layer)]}.{rest}"]
            else:
                moved[name] = weights[name]
        second.load_state_dict(moved)
        assert torch.equal(first(batch(space)), second(batch(space)))


@every_space
def test_canonical_keeps_apart_what_differs(space_class):
    """Neither the blocks nor their order within a run change."""
    space = space_class("compact")
    for arch in samples(space, 30):
        canonical = space.decode(space.canonical(arch))
        for kind in (arch, canonical):
            assert len(kind) == len(arch)
        names = [
            [
                site.operators[gene]
                for gene, site in zip(kind, space.sites, strict=True)
                if site.operators[gene] != "identity"
            ]
            for kind in (arch, canonical)
        ]
        assert names[0] == names[1]
        cost = space.cost(arch, IMAGES["compact"])
        assert cost == space.cost(canonical, IMAGES["compact"])
    if space_class not in WITH_IDENTITY:
        assert space.canonical(arch) == space.encode(arch)


@every_space
def test_identity_only_where_it_changes_nothing(space_class):
    for scale in space_class.scales:
        space = space_class(scale)
        for operators, shape in zip(space.layers, space.skeleton.shapes, strict=True):
            for operator in operators:
                if isinstance(operator, Identity) and not operator.project:
                    assert shape.kept


@every_space
def test_width_scales_every_layer_and_keeps_the_sites(space_class):
    scale = space_class.scales[0]
    published = space_class(scale)
    first = published.skeleton.stages[0].channels
    half = space_class(scale, width=first // 2)
    assert [s.channels for s in half.skeleton.stages] == [
        s.channels // 2 for s in published.skeleton.stages
    ]
    for name in ("stem", "entry", "head"):
        assert 2 * getattr(half.skeleton, name) == getattr(published.skeleton, name), name
    assert half.sites == published.sites
    same = space_class(scale, width=first)
    assert same.skeleton == published.skeleton
    with pytest.raises(UsageError, match="choose a larger one"):
        space_class(scale, width=1)


def test_widths_in_proportion_are_the_nearest_even_numbers():
    """At least two channels; a third of 16, 24, 50, 96 and 200 is 5.3, 8, 16.7, 32 and 66.7."""
    stages = Stage(24, 2, 1), Stage(50, 3, 2), Stage(96, 1, 2)
    narrow = Skeleton(16, 1, stages, 200).resized(width=8)
    assert (narrow.stem, narrow.entry, narrow.head) == (6, 0, 66)
    assert narrow.stages == (Stage(8, 2, 1), Stage(16, 3, 2), Stage(32, 1, 2))
    assert Skeleton(2, 1, stages, 200, entry=16).resized(width=8).stem == 2


@every_space
def test_layers_changes_the_sites(space_class):
    space = space_class("compact", layers=4)
    stages = len(space.skeleton.stages)
    assert len(space.sites) == 4 * stages
    (arch,) = samples(space, 1)
    assert space.standalone(arch, IMAGES["compact"])(batch(space)).shape == (4, 10)


def test_an_unknown_scale_is_named():
    with pytest.raises(
        UsageError, match="unknown scale 'cifer' of mobilenet; did you mean 'cifar'"
    ):
        MobileNet("cifer")


@every_scale
def test_spaces_travel_to_other_processes(space_class, scale):
    space = space_class(scale)
    again = pickle.loads(pickle.dumps(space))
    (arch,) = samples(space, 1)
    assert again.encode(arch) == space.encode(arch)
    assert again.cost(arch, IMAGES[scale]) == space.cost(arch, IMAGES[scale])


def test_a_space_is_a_table_of_operators_and_skeletons():
    class Toy(ChainSpace):
        name = "toy"
        operators = (MBConv(3, 1), Identity())
        skeletons = {"tiny": Skeleton(4, 2, (Stage(6, 2, 2), Stage(8, 1, 1)), head=8)}

    space = Toy("tiny")
    assert Toy.scales == ("tiny",)
    assert [site.operators for site in space.sites] == [
        ("k3e1",),
        ("k3e1", "identity"),
        ("k3e1",),
    ]
    assert space.describe((0, 1, 0)) == ["layer 0: k3e1", "layer 1: identity", "layer 2: k3e1"]
