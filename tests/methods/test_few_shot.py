"""Few-shot NAS: what each sub-supernet learns, and who is scored by which."""

from copy import deepcopy

import pytest
import torch
from blobs import setting
from hypothesis import given, settings
from hypothesis import strategies as st
from optimisers import steps_taken
from planted import PlantedData, PlantedSpace
from torch.nn import functional

from harness.running.training import maps
from methods.base import PATHS, set_learning_rate, sgd
from methods.few_shot import FewShot, FewShotOptions, joint_steps
from methods.options import Recipe
from methods.spos import SPOS, SPOSOptions
from searchspaces.errors import UsageError
from searchspaces.registry import SPACES
from searchspaces.supernet import Supernet

STEPS = 15  # of which two thirds are the supernet's where three parts take a sixth each
PLANTED = {"site": 1, "tuning": 1 / 6}


def planted(**recipe):
    return setting(
        PlantedSpace(), PlantedData(60), recipe=Recipe(**{"steps": STEPS, "batch_size": 8} | recipe)
    )


def make(where=None, **options):
    return FewShot(where or planted(), FewShotOptions(**PLANTED | options))


def weights(network):
    return {name: tensor.clone() for name, tensor in network.named_parameters()}


def train(method, steps):
    for step in steps:
        method.train_step(step)
    return method


# Steps ----------------------------------------------------------------------------------------


@settings(max_examples=30)
@given(st.integers(1, 150), st.integers(1, 8), st.floats(0, 3))
def test_all_steps_are_somebodys(steps, parts, tuning):
    joint = joint_steps(steps, parts, tuning)
    method = FewShot.__new__(FewShot)
    method.joint, method.parts = joint, parts
    method.setting = planted(steps=steps)
    stages = [method.stage(step) for step in range(steps)]
    assert [stage for stage in stages if stage[0] is None] == [
        (None, step, joint) for step in range(joint)
    ]
    taken = {part: [s[1:] for s in stages if s[0] == part] for part in range(parts)}
    for own in taken.values():
        assert own == [(number, len(own)) for number in range(len(own))]
    lengths = [len(own) for own in taken.values()]
    assert max(lengths) - min(lengths) <= 1 and sum(lengths) + joint == steps


def test_by_default_the_steps_are_divided_as_the_released_epochs():
    """600 of the supernet, 150 of each of five parts."""
    method = FewShot(setting(recipe=Recipe(steps=1350)), FewShotOptions())
    assert (method.joint, method.parts) == (600, 5)
    assert method.notes() == [
        "the supernet of 600 steps is split at edge 1<-0 into 5 sub-supernets, which take 150 "
        "steps each"
    ]
    assert "which take 1 or 2 steps each" in make().notes()[0]


def test_each_training_begins_with_the_rate_of_the_recipe_and_no_momentum():
    method = make(planted(lr=0.2, schedule="linear"))
    with steps_taken() as taken:
        train(method, range(STEPS))
    parts = [[0.2 * (1 - n / 2)] * 3 for n in range(2)]  # two steps of each, by turns
    expected = [0.2 * (1 - n / 10) for n in range(10)] + [*parts[0], *parts[1][:2]]
    assert [step.rate for step in taken] == pytest.approx(expected)
    again = make(planted(lr=0.2, schedule="linear"))
    train(again, range(10))
    assert again.optimizer.state
    again.supernet.divide()
    before = weights(again.supernet)
    train(again, [10])
    moved = {n for n, p in again.supernet.named_parameters() if not torch.equal(p, before[n])}
    assert moved and all(name.startswith("parts.0.") for name in moved)
    assert {id(p) for p in again.optimizer.state} <= {
        id(p) for p in again.supernet.parts[0].parameters()
    }


# What is trained ------------------------------------------------------------------------------


@pytest.mark.slow
def test_without_a_split_it_is_spos_to_the_bit():
    where = setting()
    few, spos = FewShot(where, FewShotOptions(tuning=0)), SPOS(where, SPOSOptions())
    for step in range(4):
        assert few.train_step(step)["loss"] == spos.train_step(step)["loss"]
    whole = few.supernet.parts[0].state_dict()
    assert all(torch.equal(whole[name], t) for name, t in spos.supernet.state_dict().items())
    archs = [(3, 0, 3, 1, 0, 3), (2, 2, 1, 4, 0, 1)]
    assert few.score(archs).tolist() == spos.score(archs).tolist()


def test_each_part_is_trained_as_by_a_loop_of_its_own():
    """Copies of the supernet, each with an optimiser of its own on its own steps' images."""
    method = train(make(), range(10))
    whole, space, data = deepcopy(method.supernet.parts[0]), method.space, method.data
    train(method, range(10, STEPS))
    for part in range(3):
        network, steps = deepcopy(whole), range(10 + part, STEPS, 3)
        recipe = Recipe(steps=len(steps), batch_size=8)
        optimizer = sgd(network, recipe)
        for number, step in enumerate(steps):
            rng = method.rng(PATHS, step)
            while (path := space.sample(rng))[1] != part:
                pass
            x, y = data.train_batch(step, 8, 0)
            optimizer.zero_grad(set_to_none=True)
            functional.cross_entropy(network(x, path), y).backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), recipe.clip)
            set_learning_rate(optimizer, recipe, number)
            optimizer.step()
        for name, tensor in method.supernet.parts[part].state_dict().items():
            assert torch.equal(tensor, network.state_dict()[name]), (part, name)


def test_fewer_parts_share_the_operators_in_their_order():
    assert make(parts=2).of_gene == [0, 0, 1]
    assert make().of_gene == [0, 1, 2]
    where = setting(SPACES["nb201"]("compact"))
    assert FewShot(where, FewShotOptions(parts=2)).of_gene == [0, 0, 0, 1, 1]
    method = train(make(parts=2, tuning=1), range(STEPS - 1))
    for step in range(method.joint, STEPS):
        method.part = method.stage(step)[0]
        (path,) = method.sample_paths(method.rng(PATHS, step))
        assert [0, 0, 1][path[1]] == method.part


# Scores ---------------------------------------------------------------------------------------


@pytest.mark.slow
def test_an_architecture_is_scored_by_the_part_that_has_it():
    where = setting(recipe=Recipe(steps=9, batch_size=16))
    method = train(FewShot(where, FewShotOptions(site=2, tuning=0.3)), range(9))
    archs = [(3, 3, gene, 3, 1, 3) for gene in (4, 0, 2, 2, 1, 3)]
    scores = method.score(archs).tolist()
    for arch, score in zip(archs, scores, strict=True):
        part = method.supernet.parts[arch[2]]
        assert method.validation_score(part.subnet(arch)) == score
    assert method.score(archs[::-1]).tolist() == scores[::-1]
    with torch.no_grad():
        for parameter in method.supernet.parts[3].parameters():
            parameter.zero_()
    changed = method.score(archs).tolist()
    assert changed[:-1] == scores[:-1] and changed[-1] != scores[-1]


@pytest.mark.slow
def test_parts_that_are_compiled_are_those_of_each_supernet():
    method = make(setting(), site=0)
    parts = list(maps(method.supernet))
    assert not any(isinstance(part, Supernet) for part in parts)
    assert len(parts) == 5 * len(list(maps(SPOS(setting(), SPOSOptions()).supernet)))


# Refusals -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("space", "options", "meant"),
    [
        ("nb201", {"site": 6}, "site 6 is no choice of an operator in nb201; its sites are 0 to 5"),
        ("nb101", {"site": 7}, "its sites are 0 to 4"),
        ("nb201", {"parts": 6}, "6 are more than the 5 operators of edge 1<-0 in nb201"),
    ],
)
def test_what_cannot_be_split_is_refused(space, options, meant):
    where = setting(SPACES[space]("compact"))
    with pytest.raises(UsageError, match=meant):
        FewShot(where, FewShotOptions(**options))


@pytest.mark.parametrize("name", ["site", "parts", "tuning"])
def test_negative_options_are_refused(name):
    with pytest.raises(UsageError, match=f"--options.{name} must not be negative"):
        FewShotOptions(**{name: -1})


def test_a_part_that_is_never_drawn_is_refused(monkeypatch):
    monkeypatch.setattr(PlantedSpace, "sample", lambda space, rng: (0, 0, 1, 1))
    method = train(make(), range(11))
    with pytest.raises(UsageError, match="draws no architecture of sub-supernet 1"):
        method.train_step(11)
