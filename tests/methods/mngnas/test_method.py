"""MNGNAS's search: what it trains on, whom it breeds and keeps, what that costs."""

from collections import Counter
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import torch
from mngnases import OPTIONS, make

from harness.conformance.noise import Noise
from methods.mngnas.distillation import Outputs
from methods.mngnas.method import MNGNAS
from methods.mngnas.options import MNGNASOptions
from methods.registry import METHODS
from methods.spos import SPOSOptions
from searchspaces.base import ImageSpec
from searchspaces.errors import UsageError
from searchspaces.registry import SPACES


def test_its_network_is_the_one_that_the_search_or_a_score_retrained():
    method = make()
    for step in range(10):
        method.train_step(step)
    for epoch in range(3):
        method.search_epoch(epoch)
    groups = method.groups.small + method.groups.large
    (found,) = [member for member in groups if member.arch == method.found()]
    assert found.score == max(member.score for member in groups)
    network = method.network_of(method.found())
    assert network is not found.network
    for own, other in zip(network.parameters(), found.network.parameters(), strict=True):
        assert torch.equal(own, other)
    met = {member.arch for member in groups}
    other = next(arch for arch in product(range(3), repeat=4) if any(arch) and arch not in met)
    scored = method.score([other])[0]
    assert method.validation_score(method.network_of(other)) == pytest.approx(scored, abs=0.5)


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


@pytest.mark.slow
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
    accuracies = [m.score for m in method.population[:kept]]
    assert min(accuracies) >= min(method.evolution.seen.values())


def test_the_best_of_an_epoch_is_kept_as_it_then_was():
    method = make(replace(OPTIONS, kd="single"))
    for epoch in range(2):
        scored = method.search_epoch(epoch)
        (kept,) = method.previous_best
        assert (kept.arch, kept.score) == max(scored, key=lambda one: one[1])
        own, other = method.population[0].network.state_dict(), kept.network.state_dict()
        assert all(torch.equal(own[name], tensor) for name, tensor in other.items())
        assert kept.network is not method.population[0].network


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


def test_perturbations_are_valid_however_few_there_are():
    method = make(replace(OPTIONS, perturbed=8))
    near = method._perturbations((1, 0, 0, 0), np.random.default_rng(0))
    both = {(2, 0, 0, 0)} | {
        (1, *(gene if site == place else 0 for site in range(3)))
        for place in range(3)
        for gene in (1, 2)
    }
    assert len(near) == 7 and set(near) == both  # (0, 0, 0, 0) is none


def test_every_epoch_tunes_on_batches_of_its_own():
    method = make(replace(OPTIONS, kd="none", perturbed=2, perturb_steps=3))
    best = method._member((1, 1, 1, 1))
    asked, train_batch = [], method.data.train_batch
    method.data.train_batch = lambda *given: asked.append(given[0]) or train_batch(*given)
    for epoch in range(3):
        method._tune_with_perturbations(best, epoch, np.random.default_rng(0))
    assert asked == list(range(3 * 2 * 3))


def test_a_neighbour_has_the_weights_of_the_best_but_for_its_own_block():
    method = make()
    best = method._member((1, 2, 0, 1))
    with torch.no_grad():
        for tensor in best.network.parameters():
            tensor.mul_(5.0)
    network = method._neighbour(best, (1, 2, 2, 1))
    gains = [gain.item() for site in network.gains for gain in site.values()]
    assert gains == [5.0, 5.0, 1.0, 5.0]


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


def test_forwards_of_teachers_and_peers_are_counted():
    """Two steps of each student; in the search also of the best beside a neighbour, and scores."""
    method = make(replace(OPTIONS, kd="full", perturbed=1))
    method.search_epoch(0)
    for students, score, tuned, peers in (
        (8, lambda: method.search_epoch(1), 2, 0),
        (2, lambda: method.score([(0, 1, 2, 1), (2, 2, 2, 2)]), 0, 8),
    ):
        guides = len(method.groups.small + method.groups.large) + peers
        method.costs.clear()
        score()
        forwards, backwards = 2 * (students + guides) + 2 * tuned, 2 * students + tuned
        assert guides - peers > 1 and method.costs["path_forwards"] == forwards
        assert method.costs["path_backwards"] == backwards
        assert method.costs["image_passes"] == 32 * forwards
        scored = method.costs["scoring_image_passes"] if tuned else 0
        assert method.costs["compute"] == 32 * (forwards + 2 * backwards) + scored


@pytest.mark.slow
def test_limit_on_multiply_adds_is_kept_or_refused():
    method = make(max_madds=4.0)  # the planted cost is 1 + the sum of the operators, in millions
    assert method.feasible((1, 1, 1, 0)) and not method.feasible((1, 1, 1, 1))
    for epoch in range(3):
        assert all(sum(arch) <= 3 for arch, _ in method.search_epoch(epoch))
    with pytest.raises(UsageError, match="widen the limits, such as --search.max-madds"):
        make(max_madds=0.5).search_epoch(0)


@pytest.mark.parametrize(
    "wrong",
    [{"population": 0}, {"teachers": 0}, {"removed": -1}, {"crossover": 1.5}, {"retrain_lr": -0.1},
     {"search_epochs": 0}, {"retrain_steps": 0}, {"crossover": -0.1}, {"perturbed": -1},
     {"perturb_steps": -1}],
)  # fmt: skip
def test_impossible_options_are_refused(wrong):
    (name,) = wrong
    with pytest.raises(UsageError, match=f"--options.{name.replace('_', '-')}"):
        replace(OPTIONS, **wrong)


def test_the_base_gets_its_options():
    own = SPOSOptions("flops_bins", reject_dead=True)
    method = make(replace(OPTIONS, base_options=own))
    assert method.base.options == own
    assert method.trains_by_limits(method.options) and not MNGNAS.trains_by_limits(OPTIONS)
    assert method.notes() == method.base.notes() != []


@pytest.mark.parametrize(("base", "paths"), [("spos", 1), ("fairnas", 3), ("mixpath", 1)])
def test_a_supernet_is_trained_and_paid_for_as_the_base_does(base, paths):
    """Of the planted space's three operators FairNAS trains each in every step."""
    options, kind = MNGNASOptions(base=base), METHODS[base]
    assert MNGNAS.training_identity(options) == kind.training_identity(kind.Options())
    assert MNGNAS.affine(options) == (base == "mixpath")
    space, recipe = make().space, make().setting.recipe
    assert MNGNAS.paths_per_step(options, space) == {"forwards": paths, "backwards": paths}
    assert MNGNAS.compute_per_step(options, space, recipe, 600) == 3 * paths


def test_in_training_scores_are_the_bases():
    method, archs = make(), [(0, 1, 2, 1), (2, 2, 2, 2), (1, 0, 0, 0)]
    expected = method.base.score(archs)
    assert method.score_in_training(archs, 1).tolist() == expected.tolist()


def test_four_populations_are_ranked_together():
    for population, sizes in ((3, [32, 32, 16]), (12, [48, 32])):
        chunks = make(replace(OPTIONS, population=population)).chunks([(0, 0, 0, 1)] * 80)
        assert list(map(len, chunks)) == sizes
        assert [place for chunk in chunks for place in chunk] == list(range(80))


@pytest.mark.parametrize("kd", ("single", "full"))
def test_teachers_answer_once_a_step_however_many_parts_are_ranked(kd, monkeypatch):
    """Twenty of a population of eight: three parts, each with the graphs of eight at most."""
    method = make(replace(OPTIONS, kd=kd))
    for epoch in range(method.search_epochs):
        method.search_epoch(epoch)
    archs = [arch for arch in product(range(3), repeat=4) if method.space.is_valid(arch)][:20]
    apart = [method.score([arch])[0] for arch in archs]
    asked, parts, of, advice = [], [], Outputs.of, method._advice
    monkeypatch.setattr(Outputs, "of", lambda networks, x: asked.append(x) or of(networks, x))
    monkeypatch.setattr(
        method, "_advice", lambda f, *rest: parts.append(len(f)) or advice(f, *rest)
    )
    method.costs.clear()
    assert method.score(archs).tolist() == apart
    steps = OPTIONS.retrain_steps
    assert len(asked) == steps
    assert parts == [8, 8, 4] * steps
    teachers = method.previous_best if kd == "single" else method.groups.small + method.groups.large
    guides = len(teachers) + (len(method.population) if kd == "full" else 0)
    assert method.costs["path_forwards"] == steps * (20 + guides)
    assert method.costs["path_backwards"] == steps * 20


@pytest.mark.parametrize(("removed", "kept"), [(99, 1), (0, 8)])
def test_the_best_stay_however_many_are_removed(removed, kept):
    method = make(replace(OPTIONS, kd="none", removed=removed))
    scored = [arch for arch, _ in method.search_epoch(0)]
    assert len(method.population) == OPTIONS.population == 8
    assert [m.arch for m in method.population[:kept]] == scored[:kept]
    assert not {m.arch for m in method.population[kept:]} & set(scored)


def test_the_best_has_the_score_that_it_was_tuned_to():
    method, before = make(replace(OPTIONS, retrain_lr=0.5)), []
    tune = method._tune_with_perturbations

    def watched(best, *more):
        before.append(best.score)
        tune(best, *more)

    method._tune_with_perturbations = watched
    scored = method.search_epoch(0)
    best = method.population[0]
    assert scored[0] == (best.arch, method.validation_score(best.network))
    assert before != [best.score]


def test_what_is_kept_has_its_scores_still_when_it_is_read_again():
    method = make(replace(OPTIONS, kd="single"))
    method.search_epoch(0)
    again = make(replace(OPTIONS, kd="single"))
    again.load_state_dict(method.state_dict())
    kept, read = (
        [(m.arch, m.score) for m in (*one.population, *one.previous_best)]
        for one in (method, again)
    )
    assert kept == read and any(score > 0 for _, score in kept)
