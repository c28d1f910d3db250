"""MNGNAS: distillation losses, teacher groups, arms, perturbation."""

from collections import Counter
from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
import torch
from noise import Noise
from optimisers import steps_taken
from planted import PlantedData, PlantedSpace
from torch.nn import functional

from methods.base import Setting
from methods.mngnas.coefficients import adaptive_coefficients
from methods.mngnas.distillation import Outputs, mixed_distillation
from methods.mngnas.method import MNGNAS
from methods.mngnas.options import MNGNASOptions
from methods.mngnas.teachers import Member, TeacherGroups
from methods.options import Recipe, Scoring, SearchLimits
from methods.spos import SPOSOptions
from searchspaces.base import ImageSpec
from searchspaces.errors import UsageError
from searchspaces.registry import SPACES

OPTIONS = MNGNASOptions(
    search_epochs=3, population=8, removed=3, retrain_steps=2, perturb_steps=2, teachers=3
)
UNCLIPPED = {"clip": 0.0, "label_smoothing": 0.2}
ARMS = ("none", "single", "average", "searched", "full")


def make(options=OPTIONS, recipe=None, **limits):
    where = Setting(
        space=PlantedSpace(),
        data=PlantedData(600),
        recipe=Recipe(**{"steps": 10, "batch_size": 32, "weight_decay": 0.0} | (recipe or {})),
        scoring=Scoring(calibration_images=300, batch_size=300),
        search=SearchLimits(**limits),
        seed=0,
        device=torch.device("cpu"),
    )
    return MNGNAS(where, options)


def outputs(count=4, batch=5, classes=3, seed=0):
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(count, batch, classes, generator=generator, dtype=torch.double)
    stages = [torch.randn(count, batch, 2, s, s, generator=generator).double() for s in (4, 2)]
    return Outputs(logits.softmax(-1), stages)


def test_mixing_outputs_and_weighting_losses_have_the_same_gradient():
    teachers = outputs()
    generator = torch.Generator().manual_seed(9)
    weights = torch.rand(4, generator=generator).double()
    weights /= weights.sum()

    def student():
        g = torch.Generator().manual_seed(3)
        stages = [torch.randn(5, 2, s, s, generator=g).double().requires_grad_() for s in (4, 2)]
        return stages, torch.randn(5, 3, generator=g).double().requires_grad_()

    stages, logits = student()
    mixed_distillation(stages, logits, teachers, weights).backward()
    other_stages, other_logits = student()
    for k, weight in enumerate(weights):
        loss = functional.kl_div(
            other_logits.log_softmax(-1), teachers.probabilities[k], reduction="batchmean"
        )
        for mine, theirs in zip(other_stages, teachers.stages, strict=True):
            loss = loss + (mine - theirs[k]).square().mean()
        (weight * loss).backward()
    torch.testing.assert_close(logits.grad, other_logits.grad)
    for mine, other in zip(stages, other_stages, strict=True):
        torch.testing.assert_close(mine.grad, other.grad)


def test_distillation_is_zero_only_at_the_mixture():
    teachers = outputs()
    weights = torch.tensor([0.5, 0.5, 0, 0]).double()
    target = (teachers.probabilities[0] + teachers.probabilities[1]) / 2
    stages = [(s[0] + s[1]) / 2 for s in teachers.stages]
    assert mixed_distillation(stages, target.log(), teachers, weights).abs() < 1e-12
    assert mixed_distillation(stages, target.log() * 2, teachers, weights) > 1e-3


def test_outputs_carry_no_gradient():
    method = make()
    networks = [method.supernet.subnet((2, 2, 2, 2)), method.supernet.subnet((1, 1, 1, 1))]
    x = torch.randn(4, 12, 3, 3)
    frozen = Outputs.of(networks, x)
    peers = Outputs.stack([network.features(x) for network in networks])
    for made in (frozen, peers, frozen.join(peers)):
        assert not made.probabilities.requires_grad
        assert not any(stage.requires_grad for stage in made.stages)
    assert frozen.join(peers).probabilities.shape == (4, 4, 9)


def member(madds, accuracy, arch=None):
    network = PlantedSpace().supernet(PlantedData.image).subnet((0, 0, 0, 0))
    return Member(arch or (madds, int(accuracy)), madds, network, accuracy)


def test_teacher_groups_keep_the_best_of_each_side():
    groups = TeacherGroups(2)
    groups.threshold = 10.0
    groups.merge([member(5, 50.0), member(10, 40.0), member(7, 60.0), member(11, 30.0)])
    assert [m.accuracy for m in groups.small] == [60.0, 50.0]
    assert [m.accuracy for m in groups.large] == [30.0]
    groups.merge([member(12, 20.0), member(13, 35.0), member(1, 55.0)])
    assert [m.accuracy for m in groups.small] == [60.0, 55.0]
    assert [m.accuracy for m in groups.large] == [35.0, 30.0]
    assert groups.side(10) is groups.small
    assert groups.side(11) is groups.large
    groups.merge([member(10, 70.0)])  # at the threshold is small
    assert [m.accuracy for m in groups.small] == [70.0, 60.0]
    assert [m.accuracy for m in groups.large] == [35.0, 30.0]


def test_teacher_groups_hold_frozen_copies_once_per_architecture():
    groups = TeacherGroups(3)
    groups.threshold = 10.0
    living = member(5, 50.0, arch=(1, 1, 1, 1))
    groups.merge([living])
    assert not any(p.requires_grad for p in groups.small[0].network.parameters())
    with torch.no_grad():
        for parameter in living.network.parameters():
            parameter.add_(1)
    first = next(groups.small[0].network.parameters())
    assert not torch.equal(first, next(living.network.parameters()))
    living.accuracy = 70.0
    groups.merge([living])
    assert [m.accuracy for m in groups.small] == [70.0]
    assert torch.equal(
        next(groups.small[0].network.parameters()), next(living.network.parameters())
    )


def test_an_empty_group_borrows_from_the_other():
    groups = TeacherGroups(2)
    groups.threshold = 10.0
    groups.merge([member(5, 50.0)])
    assert groups.side(99) is groups.small


@pytest.mark.slow
@pytest.mark.parametrize("kd", ARMS)
def test_who_listens_to_whom(kd):
    method = make(replace(OPTIONS, kd=kd))
    students = [method._member(a) for a in [(0, 0, 0, 1), (2, 2, 2, 2), (1, 0, 0, 0)]]
    assert not method._guides(students, None)[1].any()  # before the first models exist: labels only
    method.search_epoch(0)
    teachers, mask = method._guides(students, None)
    assert mask.shape == (3, 2, len(teachers) + 3 * (kd == "full"))
    taught, peers = mask[:, 0], mask[:, 1]
    assert not taught[:, len(teachers) :].any()
    if kd == "none":
        assert not mask.any()
        return
    best = max(method.evolution.seen.values())
    if kd == "single":
        assert [t.accuracy for t in teachers] == [best]
        assert taught[:, 0].all()
    else:
        for index, student in enumerate(students):
            listened = {teachers[i].arch for i in taught[index].nonzero().flatten()}
            assert listened == {t.arch for t in method.groups.side(student.madds)}
    if kd == "full":
        assert torch.equal(peers[:, len(teachers) :], ~torch.eye(3, dtype=torch.bool))
    assert not peers[:, : len(teachers)].any()


def test_whoever_is_ranked_listens_to_the_population_that_was_kept():
    method = make(replace(OPTIONS, kd="full"))
    for epoch in range(method.search_epochs):
        method.search_epoch(epoch)
    kept = method.population
    assert len(kept) == OPTIONS.population - OPTIONS.removed
    assert all(member.accuracy for member in kept)  # nobody who was only bred
    ranked = [method._member(kept[0].arch), method._member((2, 2, 2, 2))]
    guides, mask = method._guides(ranked, kept)
    peers = len(guides) - len(kept)
    assert guides[peers:] == kept
    assert mask.shape == (2, 2, len(guides))
    assert not mask[:, 1, :peers].any() and not mask[:, 0, peers:].any()
    expected = [[a.arch != b.arch for b in kept] for a in ranked]  # not to oneself
    assert mask[:, 1, peers:].tolist() == expected
    before = [{k: v.clone() for k, v in m.network.state_dict().items()} for m in kept]
    method.score([member.arch for member in ranked])
    for member, state in zip(kept, before, strict=True):
        assert all(torch.equal(v, state[k]) for k, v in member.network.state_dict().items())


@pytest.mark.parametrize("kd", ARMS)
@pytest.mark.parametrize("qp", ["printed", "corrected"])
def test_a_score_is_the_architectures_own(kd, qp):
    """Whoever is ranked with it, dead cells too, in whichever order."""
    method = make(replace(OPTIONS, kd=kd, qp=qp))
    for epoch in range(method.search_epochs):
        method.search_epoch(epoch)
    archs = [(0, 0, 0, 1), (2, 2, 2, 2), (1, 0, 0, 0), (0, 0, 0, 0), (2, 1, 0, 2)]
    together = dict(zip(archs, method.score(archs), strict=True))
    for company in ([4, 0], [3], [2, 1, 4], [1, 3, 3, 3]):
        scores = method.score([archs[i] for i in company])
        assert scores.tolist() == [together[archs[i]] for i in company]


@pytest.mark.parametrize("kd", ARMS)
def test_guides_weigh_each_group_to_one(kd):
    method = make(replace(OPTIONS, kd=kd))
    method.search_epoch(0)
    students = method.population
    teachers, mask = method._guides(students, None)
    x, _ = method._batch(0)
    guides = method._advice([m.network.features(x) for m in students], teachers, mask, x)
    if kd == "none":
        assert guides is None
        return
    made, weights = guides
    assert weights.shape == (len(students), len(made.probabilities))
    assert (weights >= 0).all()
    for index in range(len(students)):
        for group in range(2 if kd == "full" else 1):
            assert weights[index][mask[index, group]].sum() == pytest.approx(1, abs=1e-6)
        assert not weights[index][~mask[index].any(0)].any()
    if kd == "average":
        assert torch.equal(weights > 0, mask[:, 0])
        assert all(row[row > 0].unique().numel() == 1 for row in weights)


def test_arms_differ_after_the_first_epoch_and_only_then():
    first, later = {}, {}
    for kd in ARMS:
        method = make(replace(OPTIONS, kd=kd, perturbed=0))
        first[kd] = method.search_epoch(0)
        method.search_epoch(1)
        later[kd] = next(iter(method.population[0].network.parameters())).item()
    assert all(scored == first["none"] for scored in first.values())
    assert len(set(later.values())) == len(ARMS)


# Gradients --------------------------------------------------------------------------------------


def kl(first, second):
    """Mean over the images of sum p log(p / q), for logits ``[B, C]``."""
    p, q = first.softmax(1), second.softmax(1)
    return (p * (p.log() - q.log())).sum(1).mean()


def slopes(loss, network):
    return torch.autograd.grad(loss, list(network.parameters()), allow_unused=True)


def assert_slopes(step, network, expected):
    for tensor, slope in zip(network.parameters(), expected, strict=True):
        torch.testing.assert_close(step.gradients[tensor], slope, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("kd", ARMS)
def test_a_retraining_descends_cross_entropy_and_what_its_guides_say(kd):
    """CE + sum_k w_k (KL(guide k | student) + squared differences of the stages)."""
    method = make(replace(OPTIONS, kd=kd, perturbed=0, retrain_steps=1), UNCLIPPED)
    method.search_epoch(0)
    members = [method._member(a) for a in [(0, 1, 2, 1), (2, 2, 1, 2), (1, 0, 0, 0)]]
    with torch.no_grad():
        for scale, member in enumerate(members):
            for tensor in member.network.parameters():
                tensor.mul_(0.6 + 0.3 * scale)
    copies = [deepcopy(member.network).train() for member in members]
    x, y = method._batch(9)
    with steps_taken() as taken:
        method._retrain(members, first_step=9)
    known = {"none": [], "single": method.previous_best}.get(
        kd, method.groups.small + method.groups.large
    )
    outputs = [copy.features(x) for copy in copies]
    with torch.no_grad():
        told = [teacher.network.eval().features(x) for teacher in known]
    told += [([f.detach() for f in stages], z.detach()) for stages, z in outputs]
    for index, (copy, (stages, logits)) in enumerate(zip(copies, outputs, strict=True)):
        own = known if kd == "single" else method.groups.side(members[index].madds)
        taught = [any(t is mine for mine in own) for t in known] + [False] * 3
        peers = [False] * len(known) + [kd == "full" and i != index for i in range(3)]
        weights = torch.tensor(taught) / max(sum(taught), 1)
        if kd in ("searched", "full"):
            probabilities = torch.stack([z.softmax(1).flatten() for _, z in told])
            groups = torch.tensor([[taught, peers]])
            mine = probabilities[[len(known) + index]]
            weights = adaptive_coefficients(mine, probabilities, groups)[0]
        loss = functional.cross_entropy(logits, y, label_smoothing=0.2)
        for weight, (their_stages, their_logits) in zip(weights.tolist(), told, strict=True):
            loss = loss + weight * kl(their_logits, logits)
            for mine, theirs in zip(stages, their_stages, strict=True):
                loss = loss + weight * (mine - theirs).square().mean()
        assert_slopes(taken[index], members[index].network, slopes(loss, copy))


def test_a_perturbation_pulls_the_best_towards_its_neighbour():
    """The gradient of CE + KL(best | neighbour), eq. 23 with a plus; the neighbour is constant."""
    method = make(replace(OPTIONS, perturbed=2, perturb_steps=1), UNCLIPPED)
    method.search_epoch(0)
    best = method.population[0]
    with torch.no_grad():
        for tensor in best.network.parameters():
            tensor.mul_(3.0)  # so that its outputs are far from a neighbour's
    copy, near = best.copy(), method._perturbations(best.arch, np.random.default_rng(3))
    batches, train_batch = [], method.data.train_batch

    def remember(*arguments):
        batches.append(train_batch(*arguments))
        return batches[-1]

    method.data.train_batch = remember
    with steps_taken() as taken:
        method._tune_with_perturbations(best, 1, np.random.default_rng(3))
    assert len(taken) == len(batches) == 2
    (x, y), network = batches[0], copy.network.requires_grad_(True).train()
    neighbour = method._neighbour(copy, near[0]).train()
    logits, other = network(x), neighbour(x).detach()
    for divergence in (kl(other, logits), -kl(logits, other)):
        assert (divergence - kl(logits, other)).abs() > 0.02  # the printed and the reverse differ
    loss = functional.cross_entropy(logits, y) + kl(logits, other)
    assert_slopes(taken[0], best.network, slopes(loss, network))


# What it trains on and how long -------------------------------------------------------------------


def test_a_ranking_retrains_on_batches_that_no_search_epoch_retrained_on():
    method = make(replace(OPTIONS, kd="none"))
    asked, train_batch = [], method.data.train_batch
    method.data.train_batch = lambda *given: asked.append(given) or train_batch(*given)
    method.train_step(0)
    (supernets,) = {seed for _, _, seed in asked}
    asked.clear()
    for epoch in range(3):
        method.search_epoch(epoch)
    searched = list(asked)
    assert [step for step, *_ in searched] == [0, 1, 2, 3, 4, 5]
    for archs in ([(0, 1, 2, 1)], [(2, 2, 2, 2), (1, 1, 1, 1)]):
        asked.clear()
        method.score(archs)
        assert [step for step, *_ in asked] == [6, 7]
    assert {size for _, size, _ in searched + asked} == {32}
    (own,) = {seed for _, _, seed in searched + asked}
    assert own != supernets


def test_the_groups_are_divided_at_the_median_of_the_first_population(monkeypatch):
    """Skewed: costs of 2, 2, 3, 7 and 9 million have a mean of 4.6."""
    method = make(replace(OPTIONS, kd="none", population=5, removed=1))
    archs = [(0, 0, 0, 1), (1, 0, 0, 0), (0, 1, 1, 0), (2, 2, 2, 0), (2, 2, 2, 2)]
    monkeypatch.setattr(method.evolution, "random", lambda size, rng: archs)
    method.search_epoch(0)
    assert method.groups.threshold == 3e6
    assert {m.arch for m in method.groups.large} == {(2, 2, 2, 0), (2, 2, 2, 2)}
    method.search_epoch(1)
    assert method.groups.threshold == 3e6


@pytest.mark.parametrize("kd", ["none", "full"])
def test_retraining_at_rate_zero_scores_as_the_supernet_does(kd):
    method = make(replace(OPTIONS, kd=kd, retrain_lr=0.0))
    for step in range(3):
        method.train_step(step)
    for epoch in range(2):
        for arch, score in method.search_epoch(epoch):
            assert method.base.score([arch]).tolist() == [score]
    archs = [(0, 1, 2, 1), (2, 0, 1, 0), (1, 1, 2, 2)]
    assert method.score(archs).tolist() == method.base.score(archs).tolist()


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_children_are_crossed_over_or_one_gene_from_a_parent(share):
    method, parents = make(replace(OPTIONS, crossover=share)), [(0, 0, 0, 0), (2, 2, 2, 2)]
    made = Counter()
    for seed in range(60):
        for child in method._breed(parents, 4, np.random.default_rng(seed)):
            distances = [sum(a != b for a, b in zip(child, p, strict=True)) for p in parents]
            crossed = set(child) == {0, 2} or min(distances) == 0
            near = min(distances) == 1
            assert crossed or near
            made["both" if crossed and near else "crossed" if crossed else "near"] += 1
    if share == 0:
        assert made["crossed"] == 0  # a gene of the other parent is one gene away as well
    elif share == 1:
        assert made["near"] == 0 < made["crossed"]
    else:  # near without being crossed: gene 1, every other of the mutations
        assert 0.15 < made["near"] / made.total() < 0.4


def test_survivors_keep_their_own_weights_and_newcomers_inherit():
    method = make()
    method.search_epoch(0)
    shared = method.supernet.state_dict()
    size, kept = OPTIONS.population, OPTIONS.population - OPTIONS.removed
    assert len(method.population) == size
    for index, one in enumerate(method.population):
        state = one.network.state_dict()
        inherited = all(torch.equal(v, shared[k]) for k, v in state.items() if "gains" in k)
        assert inherited == (index >= kept)
    assert len({m.arch for m in method.population}) == size
    accuracies = [m.accuracy for m in method.population[:kept]]
    assert min(accuracies) >= min(method.evolution.seen.values())


def test_retraining_leaves_teachers_and_supernet_as_they_were():
    method = make()
    method.search_epoch(0)
    watched = [method.supernet] + [t.network for t in method.groups.small + method.groups.large]
    before = [{k: v.clone() for k, v in w.state_dict().items()} for w in watched]
    method._retrain(method.population, first_step=0)
    for network, state in zip(watched, before, strict=True):
        assert all(torch.equal(v, state[k]) for k, v in network.state_dict().items())


def test_perturbations_are_one_block_away_and_move_only_the_best():
    method = make()
    method.search_epoch(0)
    best, *others = method.population
    near = method._perturbations(best.arch, np.random.default_rng(0))
    assert len(near) == len(set(near)) == OPTIONS.perturbed
    assert all(sum(a != b for a, b in zip(best.arch, n, strict=True)) == 1 for n in near)
    before = [[p.clone() for p in m.network.parameters()] for m in (best, *others)]
    method._tune_with_perturbations(best, 0, np.random.default_rng(0))
    moved = [
        any(not torch.equal(p, q) for p, q in zip(m.network.parameters(), old, strict=True))
        for m, old in zip((best, *others), before, strict=True)
    ]
    assert moved == [True] + [False] * len(others)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["nb101", "nb101-1shot1-3", "shufflenet-channels", "nb201"])
def test_a_neighbour_takes_the_blocks_that_are_the_same(name):
    """Also where genes decide how wide blocks are."""
    space, image = SPACES[name]("compact"), ImageSpec(1, 12, 10)
    base = make().setting
    method = MNGNAS(replace(base, space=space, data=Noise(image)), OPTIONS)
    rng, seen = np.random.default_rng(0), set()
    for _ in range(12):
        best = method._member(
            next(a for a in iter(lambda: space.sample(rng), 0) if space.is_valid(a))
        )
        with torch.no_grad():
            for tensor in best.network.parameters():
                tensor.add_(1)
        for arch in method._perturbations(best.arch, rng):
            assert space.is_valid(arch)
            own = method.supernet.subnet(arch).state_dict()
            state, shared = method._neighbour(best, arch).state_dict(), best.network.state_dict()
            for key, tensor in state.items():
                same = key in shared and shared[key].shape == tensor.shape
                assert torch.equal(tensor, shared[key] if same else own[key])
                seen.add((key in shared, same))
    assert (True, True) in seen and (False, False) in seen
    assert ((True, False) in seen) == (name != "nb201")


def test_costs_are_counted():
    method = make(replace(OPTIONS, kd="full", perturbed=1))
    method.train_step(0)
    assert method.costs == {
        "steps": 1, "path_forwards": 1, "path_backwards": 1, "image_passes": 32, "compute": 96
    }  # fmt: skip
    method.costs.clear()
    method.search_epoch(0)  # no teachers yet: 8 students x 2 steps; 1 neighbour x 2 steps
    assert method.costs["path_forwards"] == 8 * 2 + 2 * 2
    assert method.costs["path_backwards"] == 8 * 2 + 2
    assert method.costs["image_passes"] == 32 * (8 * 2 + 2 * 2)
    scored = method.costs["scoring_image_passes"]
    assert scored == 9 * (300 + 600)
    assert method.costs["compute"] == 32 * (8 * 2 * 3 + 2 * (1 + 3)) + scored


@pytest.mark.slow
def test_limit_on_multiply_adds_is_kept_or_refused():
    method = make(max_madds=4.0)  # the planted cost is 1 + the sum of the operators, in millions
    assert method.feasible((1, 1, 1, 0)) and not method.feasible((1, 1, 1, 1))
    for epoch in range(3):
        assert all(sum(arch) <= 3 for arch, _ in method.search_epoch(epoch))
    with pytest.raises(UsageError, match="raise --search.max-madds"):
        make(max_madds=0.5).search_epoch(0)


@pytest.mark.parametrize(
    "wrong",
    [{"population": 0}, {"teachers": 0}, {"removed": -1}, {"crossover": 1.5}, {"retrain_lr": -0.1}],
)
def test_impossible_options_are_refused(wrong):
    (name,) = wrong
    with pytest.raises(UsageError, match=f"--options.{name.replace('_', '-')}"):
        replace(OPTIONS, **wrong)


def test_the_base_gets_its_options():
    method = make(replace(OPTIONS, base_options=SPOSOptions(reject_dead=True)))
    assert method.base.options == SPOSOptions(reject_dead=True)
    identity = method.training_identity(method.options)
    assert identity["options"]["reject_dead"] is True
