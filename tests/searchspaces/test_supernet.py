"""The hook at choice sites, and the stages that a forward pass consists of."""

import numpy as np
import pytest
import torch
from params import slow_but

from searchspaces.base import ImageSpec
from searchspaces.registry import SPACES

IMAGE = ImageSpec(1, 12, 10)


@pytest.fixture(params=list(SPACES))
def space(request):
    return SPACES[request.param]("compact")


@pytest.fixture
def network(space):
    torch.manual_seed(0)
    return space.supernet(IMAGE).eval()


@pytest.fixture
def path(space):
    rng = np.random.default_rng(1)
    while not space.is_valid(path := space.sample(rng)):
        pass
    return path


X = torch.randn(4, 1, 12, 12, generator=torch.Generator().manual_seed(0))


def test_a_hook_that_runs_the_operators_of_the_path_changes_nothing(space, network, path):
    seen = []

    def hook(site, operators, x):
        assert len(operators) == len(space.sites[site].operators)
        seen.append(site)
        return operators[path[site]](x)

    stages, logits = network.features(X, path, hook)
    expected_stages, expected = network.features(X, path)
    torch.testing.assert_close(logits, expected)
    torch.testing.assert_close(stages, expected_stages)
    assert seen
    assert not set(seen) & set(getattr(space, "topology", ()))


def test_a_hook_decides_what_is_passed_on(space, network, path):
    def constant(value, x=X):
        return network.features(x, path, lambda _, operators, x: operators[0](x) * 0 + value)[1]

    assert not torch.isclose(constant(1), constant(2)).all(1).any()
    if not space.name.startswith(("nb101", "darts")):  # whose input passes by the sites, too
        torch.testing.assert_close(constant(1), constant(1, X + 1))


def test_every_operator_of_a_site_has_the_same_shape_of_output(network, path):
    def hook(site, operators, x):
        outputs = [operator(x) for operator in operators]
        assert len({output.shape for output in outputs}) == 1
        return sum(outputs) / len(outputs)

    assert network.features(X, path, hook)[1].shape == (4, 10)


def test_stages_make_up_the_whole(network, path):
    state, outputs = network.begin(X), []
    for index in range(network.stages_number):
        state = network.stage(index, state, path)
        outputs.append(state[-1])
    stages, logits = network.features(X, path)
    torch.testing.assert_close(outputs, stages)
    torch.testing.assert_close(network.finish(state), logits)


@pytest.mark.parametrize("space", slow_but(["nb201", "macro"], SPACES), indirect=True)
def test_parts_of_a_stage_are_what_it_trains(space, network):
    """With all operators of each site, under many wirings; two stages share none."""
    rng = np.random.default_rng(2)
    paths = [
        space.sample(rng) for _ in range(60 if space.name.startswith(("nb101", "darts")) else 1)
    ]
    names = {parameter: name for name, parameter in network.named_parameters()}
    state, seen = network.begin(X), set()
    for index in range(network.stages_number):
        state, reached = tuple(tensor.detach() for tensor in state), set()
        for path in paths:
            network.zero_grad(set_to_none=True)
            after = network.stage(
                index, state, path, lambda _, operators, x: sum(run(x) for run in operators)
            )
            after[-1].sum().backward()
            reached |= {name for p, name in names.items() if p.grad is not None}
        state = after
        parts = {names[p] for part in network.stage_parts(index) for p in part.parameters()}
        assert parts == reached != set() == parts & seen
        seen |= parts


ALWAYS = ("stem", "second_stem", "reductions", "head")  # and what brings inputs into a DARTS cell


@pytest.mark.parametrize("affine", [False, True])
def test_only_norms_of_choice_blocks_go_by_affine(space, affine):
    """Those around them have scale and shift, those of pooling operators never."""
    network = space.supernet(IMAGE, affine=affine)
    named = network.named_modules()
    norms = {name: part.affine for name, part in named if isinstance(part, torch.nn.BatchNorm2d)}
    expected = {}
    for name in norms:
        around = name.startswith(ALWAYS) or ".before." in name or ".last." in name
        expected[name] = (around or affine) and "_pool_" not in name
    assert norms == expected
    biased = {
        name
        for name, part in network.named_modules()
        if isinstance(part, torch.nn.Conv2d) and part.bias is not None
    }
    unscaled = {name for name in norms if ".edges." in name and not affine}
    if space.name == "nb201":  # a bias in front of a BN without shift, as in its code
        assert biased == {name.removesuffix(".2") + ".1" for name in unscaled}
    else:
        assert biased == set()
    assert {True, affine} == set(name.startswith("stem") or affine for name in norms)
