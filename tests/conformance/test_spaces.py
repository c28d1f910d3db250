"""What every registered space promises about its architectures and their cost."""

import pickle
import random
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from searchspaces.base import Cost, ImageSpec
from searchspaces.errors import UsageError


def test_it_is_made_as_the_harness_makes_it(name, make, space, image, archs):
    assert space.name == name
    for scale in make.scales:
        assert make(scale).scale == scale
    usual = make(space.scale, 0, 0)  # width and cells as the scale has them
    assert usual.sites == space.sites
    assert [usual.cost(arch, image) for arch in archs] == [space.cost(a, image) for a in archs]


def test_an_unknown_scale_is_refused(name, make):
    with pytest.raises(UsageError) as raised:
        make("no-such-scale")
    assert_names_the_space(raised.value, name)


def test_it_travels_to_other_processes(space, image, archs):
    again = pickle.loads(pickle.dumps(space))
    assert (again.name, again.scale, again.sites) == (space.name, space.scale, space.sites)
    for arch in archs:
        assert again.encode(arch) == space.encode(arch)
        assert again.cost(arch, image) == space.cost(arch, image)


# Strings ------------------------------------------------------------------------------------


def test_strings_go_there_and_back(space):
    for arch in filter(space.is_valid, variations(space, seed=0)):
        text = space.encode(arch)
        assert text.isprintable()
        assert space.decode(text) == arch
        assert space.canonical(space.decode(text)) == space.canonical(arch)


@pytest.mark.parametrize("prefix", ["", "?"])
def test_other_strings_are_refused(name, space, archs, prefix):
    for text in ("", " ", "nonsense", "0" * 10_000, "9" * 30, *map(space.encode, archs)):
        with pytest.raises(UsageError) as raised:
            space.decode(f"{prefix}{text}?")
        assert_names_the_space(raised.value, name)


def test_distorted_strings_are_refused_or_understood(space, archs):
    """Cut, doubled, or with digits that ``int`` takes and no encoding has."""
    arabic = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")
    for text in map(space.encode, archs):
        for distorted in (text[:-1], text[1:], text * 2, text.translate(arabic), text.upper()):
            try:
                arch = space.decode(distorted)
            except UsageError:
                continue
            assert in_range(space, arch)
            assert space.decode(space.encode(arch)) == arch


def assert_names_the_space(error, name):
    """Whether its message is one sentence about the space, by its name or the field's long one."""
    message = str(error)
    assert name in message.lower().replace("nas-bench-", "nb")
    assert "\n" not in message
    assert len(message) < 1500


# Architectures ------------------------------------------------------------------------------


def variations(space, seed, number=8):
    """Sampled architectures, and mutants, neighbours and children of the valid ones."""
    rng = np.random.default_rng(seed)
    made = [space.sample(rng) for _ in range(number)]
    for first, second in pairwise(list(filter(space.is_valid, made))):
        made += [space.mutate(first, rng, 0.3), space.neighbour(first, rng)]
        made += [space.crossover(first, second, rng)]
    return made


def in_range(space, arch):
    return len(arch) == len(space.sites) and all(
        type(gene) is int and 0 <= gene < len(site.operators)
        for gene, site in zip(arch, space.sites, strict=True)
    )


def test_draws_are_a_function_of_the_generator(space):
    drawn = []
    for seed, elsewhere in ((0, 0), (0, 1), (1, 0)):
        random.seed(elsewhere)
        np.random.seed(elsewhere)
        torch.manual_seed(elsewhere)
        drawn.append(variations(space, seed))
    assert drawn[0] == drawn[1] != drawn[2]


def test_what_is_drawn_has_a_gene_for_every_site(space):
    for arch in variations(space, seed=1):
        assert type(arch) is tuple
        assert in_range(space, arch)
        assert type(space.is_valid(arch)) is bool


def test_variation_changes_as_much_as_it_says(space, archs):
    rng = np.random.default_rng(2)
    for arch in archs:
        assert space.neighbour(arch, rng) != arch
        assert space.mutate(arch, rng, rate=0.0) == arch
        assert space.crossover(arch, arch, rng) == arch


def test_genes_that_no_site_has_are_not_valid(space, archs):
    for arch in archs:
        assert space.is_valid(arch)
        assert not space.is_valid(arch[:-1])
        assert not space.is_valid((*arch, 0))
        for place, site in enumerate(space.sites):
            for gene in (-1, len(site.operators)):
                assert not space.is_valid((*arch[:place], gene, *arch[place + 1 :]))


def test_canonical_keys_and_descriptions_tell_architectures_apart(space):
    """As many descriptions as keys at the least: what differs is described differently."""
    valid = list(filter(space.is_valid, variations(space, seed=3, number=30)))
    keys = {space.canonical(arch) for arch in valid}
    assert all(type(key) is str for key in keys)
    assert 1 < len(keys) <= len({tuple(space.describe(arch)) for arch in valid})


def test_size_is_no_less_than_what_is_found(space):
    rng = np.random.default_rng(4)
    assert type(space.size) is int
    assert space.size >= len({space.encode(space.sample(rng)) for _ in range(300)})


def test_description_names_every_site(space, archs):
    """Those that wire the network may go without, as may one that has no part in it."""
    wiring = getattr(space, "topology", ())
    for arch in archs:
        lines = space.describe(arch)
        said = dict(line.split(": ", 1) for line in lines)
        assert len(said) == len(lines)
        for place, site in enumerate(space.sites):
            if place in wiring:
                continue
            operator = site.operators[arch[place]]
            told = [text for name, text in said.items() if f"{site.name} ".startswith(f"{name} ")]
            if told:
                assert operator in told[0]
            else:
                assert operator == "none" or means_nothing(space, arch, place), site.name


def means_nothing(space, arch, place):
    others = range(len(space.sites[place].operators))
    return {space.canonical((*arch[:place], gene, *arch[place + 1 :])) for gene in others} == {
        space.canonical(arch)
    }


# Cost ---------------------------------------------------------------------------------------


def test_cost_is_that_of_the_standalone_network(space, image, archs):
    """Multiply-adds may count the classifier's bias, and parts that no forward pass runs."""
    for spec in (image, ImageSpec(image.channels + 1, image.size + 5, 7)):
        biases = set()
        for arch in archs:
            network, cost = space.standalone(arch, spec), space.cost(arch, spec)
            assert type(cost.params) is type(cost.madds) is int
            built = built_cost(network, spec)
            assert cost.params == built.params
            if runs_whole(network, spec):
                biases.add(cost.madds - built.madds)
            else:
                assert cost.madds >= built.madds
        assert biases, "some part of every sampled network does not run"
        assert biases in ({0}, {spec.classes})


def built_cost(network, image):
    params = sum(parameter.numel() for parameter in network.parameters())
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network.eval()(torch.zeros(1, image.channels, image.size, image.size))
    return Cost(params, counter.get_total_flops() // 2)


def runs_whole(network, image):
    network.train()(torch.randn(2, image.channels, image.size, image.size)).sum().backward()
    return all(parameter.grad is not None for parameter in network.parameters())


def test_width_changes_the_cost(make, space, image, archs):
    try:
        narrow, wide = (make(space.scale, width) for width in (16, 24))
    except UsageError as error:
        pytest.skip(f"refused: {error}")
    assert narrow.sites == wide.sites == space.sites
    for arch in archs:
        costs = [chosen.cost(arch, image) for chosen in (narrow, wide)]
        assert costs[0].params < costs[1].params
        assert costs[0].madds < costs[1].madds
        for chosen, cost in zip((narrow, wide), costs, strict=True):
            assert built_cost(chosen.standalone(arch, image), image).params == cost.params
