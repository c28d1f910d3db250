"""BossNAS: stages one after the other, each path after the ensemble of all, no labels."""

import math

import numpy as np
import pytest
import torch
from blobs import IMAGE, Blobs, setting
from torch.nn import functional

from harness.conformance.subjects import through_a_file
from methods.bossnas.costs import stages_of, starts
from methods.bossnas.method import BossNAS
from methods.bossnas.options import BossNASOptions
from methods.options import Recipe, Scoring
from searchspaces.chain.macro import NASBenchMacro
from searchspaces.errors import UsageError

STEPS = 6  # of two stages in NAS-Bench-201's cells, three each


def make(space=None, data=None, bn="recalibrate", steps=STEPS, batch_size=16, **options):
    recipe = Recipe(
        steps=steps, batch_size=batch_size, lr=0.1, momentum=0.0, weight_decay=0.0, clip=0.0
    )
    scoring = Scoring(bn=bn, calibration_images=64, batch_size=64)
    few = {"hidden": 8, "features": 6, "population": 5, "images": 24} | options
    made = setting(space, data, recipe=recipe, scoring=scoring)
    return BossNAS(made, BossNASOptions(**few))


def trained(method, steps):
    for step in range(steps):
        method.train_step(step)
    return method


def state(network):
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


def changed(before, network):
    """Names of the parameters that are others, without statistics."""
    after = network.state_dict()
    kept = ("running", "tracked")
    names = (name for name in before if not any(word in name for word in kept))
    return {name for name in names if not torch.equal(before[name], after[name])}


def head(layers, x):
    """A head by hand: mean over positions, linear, BN of the batch, ReLU, linear."""
    _, first, norm, _, last = layers
    x = x.mean((2, 3)) @ first.weight.flatten(1).T + first.bias
    x = (x - x.mean(0)) / (x.var(0, correction=0) + norm.eps).sqrt() * norm.weight + norm.bias
    return x.relu() @ last.weight.flatten(1).T + last.bias


def test_each_path_predicts_the_mean_of_all_on_the_other_view():
    """The loss of the first step by hand; the target is at first what it follows."""
    method, other = make(), make()
    paths = other.sample_paths(other.rng(11, 0))
    views = other.data.views(0, 16, 0)
    network, heads = other.supernet.train(), other.siamese.online.heads
    goals, predicted = [], []
    for x in views:
        outputs = [network.stage(0, network.begin(x), path)[-1] for path in paths]
        features = [head(heads[0][0], output) for output in outputs]
        goals.append(torch.stack([f / f.norm(dim=1, keepdim=True) for f in features]).mean(0))
        predicted.append([head(heads[0][1], f[:, :, None, None]) for f in features])
    assert not torch.equal(*views) and not torch.equal(*goals)
    expected = 0.0
    for mine, goal in zip(predicted, reversed(goals), strict=True):
        for one in mine:
            cosines = (one * goal).sum(1) / one.norm(dim=1) / goal.norm(dim=1)
            expected += (2 - 2 * cosines.mean()).item() / len(paths)
    assert method.train_step(0)["loss"].item() == pytest.approx(expected, rel=1e-4)


def test_each_operator_is_in_one_path_of_a_step():
    paths = np.array(make().sample_paths(np.random.default_rng(0)))
    assert all(sorted(genes) == [0, 1, 2, 3, 4] for genes in paths.T)


def test_a_step_trains_one_stage_with_its_head_and_no_other():
    method = make()
    for step, stage in enumerate((0, 0, 0, 1, 1, 1)):
        assert len(method.best) == stage
        supernet, online = state(method.supernet), state(method.siamese.online.heads)
        method.train_step(step)
        own = {f"stages.{stage}.", "stem." if stage == 0 else "reductions."}
        moved = changed(supernet, method.supernet)
        assert moved and all(name.startswith(tuple(own)) for name in moved)
        assert f"stages.{stage}." in {name[:9] for name in moved}
        heads = changed(online, method.siamese.online.heads)
        assert {name.split(".")[0] for name in heads} == {str(stage)}
        assert {name.split(".")[1] for name in heads} == {"0", "1"}  # projects, and predicts


def test_the_learning_rate_of_each_stage_falls_from_the_beginning():
    method, rates = make(), []
    for step in range(STEPS):
        method.train_step(step)
        rates.append(method.optimizer.param_groups[0]["lr"])
    assert rates == pytest.approx([0.1, 0.075, 0.025] * 2)


def test_the_target_follows_by_a_moving_average_that_slows_down():
    method = make(momentum=0.9)
    for step in range(STEPS):
        before = [p.clone() for p in method.siamese.target.parameters()]
        method.train_step(step)
        heads = [own[0] for own in method.siamese.online.heads]
        followed = [*method.supernet.parameters()]
        followed += [p for own in heads for p in own.parameters()]
        keep = 1 - 0.1 * (1 + math.cos(math.pi * (step % 3) / 3)) / 2
        for own, old, new in zip(followed, before, method.siamese.target.parameters(), strict=True):
            torch.testing.assert_close(new, keep * old + (1 - keep) * own.detach())
        assert not any(p.requires_grad for p in method.siamese.target.parameters())


@pytest.mark.slow
def test_labels_are_nothing_to_it():
    data = Blobs(setting().data.image)
    one, other = trained(make(data=data), STEPS), trained(make(data=data.relabelled()), STEPS)
    first, second = one.supernet.state_dict(), other.supernet.state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert one.best == other.best
    assert one.score([(3, 1, 2, 4, 1, 3)]) == other.score([(3, 1, 2, 4, 1, 3)])


@torch.no_grad()
def compared(method, paths, x):
    """How far the paths of the first stage are from their own mean."""
    found, goals = [], []
    network, other = method.supernet.train(), method.siamese.target.network.train()
    for path in paths:
        feature = head(method.siamese.target.heads[0], other.stage(0, other.begin(x), path)[-1])
        goals.append(functional.normalize(feature))
    for path in paths:
        project, predict = method.siamese.online.heads[0]
        feature = head(project, network.stage(0, network.begin(x), path)[-1])
        predicted = head(predict, feature[:, :, None, None])
        found.append((2 - 2 * torch.cosine_similarity(predicted, sum(goals) / 5)).mean().item())
    return found


def test_the_best_path_is_the_nearest_to_the_mean_of_the_population():
    method = trained(make(), 3)
    paths, x = method.population(0), method.data.train.images[:24]
    assert len(set(paths)) == 5 and all(map(method.space.is_valid, paths))
    found = compared(method, paths, x)
    (best,) = method.best
    assert max(found) > min(found) + 0.01
    assert found[paths.index(best)] == pytest.approx(min(found), abs=1e-4)
    stages = method.siamese.online.inputs(x, method.best)
    expected = method.supernet.stage(0, method.supernet.begin(x), best)
    torch.testing.assert_close(stages[1][-1], expected[-1])
    assert len(stages) == 2 and not stages[1][-1].requires_grad and expected[-1].requires_grad


def test_a_score_is_the_mean_distance_of_the_stages():
    """The first stage's by hand, with BN of the scored images, which are one batch."""
    method = trained(make(bn="batchstat"), STEPS)
    arch = method.population(0)[2]
    score = method.score([arch]).item()
    first, second = (method.blocks.errors[number, arch] for number in (0, 1))
    assert score == pytest.approx(-(first + second) / 2)
    expected = compared(method, method.population(0), method.data.val.images)[2]
    assert first == pytest.approx(100 * expected, rel=1e-3)


def test_every_norm_is_calibrated_for_the_scored_path_also_the_heads(monkeypatch):
    method = trained(make(bn="recalibrate"), STEPS)
    before = method.score([(3, 1, 2, 4, 1, 3)])
    for module in method.siamese.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean += 3.0
    method.forget()
    assert method.score([(3, 1, 2, 4, 1, 3)]) == before


def test_a_stage_of_few_paths_has_them_all_for_population():
    method = make(NASBenchMacro("compact"), population=20)
    assert [len(method.population(stage)) for stage in range(3)] == [9, 20, 20]
    assert len({arch[:2] for arch in method.population(0)}) == 9
    assert len({arch[2:5] for arch in method.population(1)}) == 20


def test_every_stage_has_its_share_of_the_steps():
    assert starts(3, 10) == [0, 4, 7, 10] and starts(2, 6) == [0, 3, 6]
    assert stages_of(NASBenchMacro("compact")) == 3 and stages_of(setting().space) == 2
    few = trained(make(NASBenchMacro("compact"), steps=1), 1)  # less than stages
    assert len(few.best) == 2 and np.isfinite(few.score([(0,) * 8])).all()


def test_nothing_is_scored_before_the_last_stage_is_trained():
    method = trained(make(), 3)
    assert method.score_in_training([(3, 1, 2, 4, 1, 3)], 3) is None
    method.train_step(3)
    found = method.score_in_training([(3, 1, 2, 4, 1, 3)], 4)
    assert found.tolist() == method.score([(3, 1, 2, 4, 1, 3)]).tolist()


@pytest.mark.slow
def test_paths_and_target_are_kept():
    whole, part = trained(make(), STEPS), trained(make(), 4)
    resumed = make()
    resumed.load_state_dict(through_a_file(part.state_dict()))
    for step in (4, 5):
        resumed.train_step(step)
    archs = whole.population(0)
    assert resumed.best == whole.best and resumed.costs == whole.costs
    assert resumed.score(archs).tolist() == whole.score(archs).tolist()


def test_of_steps_that_are_left_out_the_stages_follow():
    """As of what times some steps of a training."""
    method, stages = make(steps=30), []
    loss = method.siamese.loss
    method.siamese.loss = lambda stage, *rest: (stages.append(stage), loss(stage, *rest))[1]
    for step in (0, 29):
        method.train_step(step)
    assert stages == [0, method.stages - 1]


def test_a_single_image_is_refused():
    with pytest.raises(UsageError, match="more than --train-images 1"):
        make(data=Blobs(IMAGE, size=1))
    with pytest.raises(UsageError, match="more than --train.batch-size 1"):
        make(batch_size=1)


def test_options_out_of_bounds_are_refused():
    for wrong in (
        {"momentum": 1.5},
        {"population": 0},
        {"features": 0},
        {"images": 1},
        {"blocks": -1},
    ):
        with pytest.raises(UsageError, match=f"--options.{next(iter(wrong))} takes"):
            BossNASOptions(**wrong)
