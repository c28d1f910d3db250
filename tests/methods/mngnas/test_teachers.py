"""Who teaches whom: teacher groups, arms, peers, and the weights of each group."""

from dataclasses import replace

import pytest
import torch
from mngnases import ARMS, OPTIONS, make
from params import slow_but
from planted import PlantedData, PlantedSpace

from methods.mngnas.distillation import Outputs
from methods.mngnas.teachers import Member, TeacherGroups


def member(madds, accuracy, arch=None):
    network = PlantedSpace().supernet(PlantedData.image).subnet((0, 0, 0, 0))
    return Member(arch or (madds, int(accuracy)), madds, network, accuracy)


def test_teacher_groups_keep_the_best_of_each_side():
    groups = TeacherGroups(2)
    groups.threshold = 10.0
    groups.merge([member(5, 50.0), member(10, 40.0), member(7, 60.0), member(11, 30.0)])
    assert [m.score for m in groups.small] == [60.0, 50.0]
    assert [m.score for m in groups.large] == [30.0]
    groups.merge([member(12, 20.0), member(13, 35.0), member(1, 55.0)])
    assert [m.score for m in groups.small] == [60.0, 55.0]
    assert [m.score for m in groups.large] == [35.0, 30.0]
    assert groups.side(10) is groups.small
    assert groups.side(11) is groups.large
    groups.merge([member(10, 70.0)])  # at the threshold is small
    assert [m.score for m in groups.small] == [70.0, 60.0]
    assert [m.score for m in groups.large] == [35.0, 30.0]


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
    living.score = 70.0
    groups.merge([living])
    assert [m.score for m in groups.small] == [70.0]
    assert torch.equal(
        next(groups.small[0].network.parameters()), next(living.network.parameters())
    )


def test_of_models_as_good_those_that_taught_before_stay():
    groups = TeacherGroups(2)
    groups.threshold = 10.0
    first, second = member(5, 50.0, (1,)), member(6, 50.0, (2,))
    groups.merge([first, second])
    before = list(groups.small)
    again = member(5, 50.0, (1,))  # the same architecture, retrained to no more
    groups.merge([member(7, 50.0, (3,)), again])
    assert [m.arch for m in before] == [(1,), (2,)]
    assert all(new is old for new, old in zip(groups.small, before, strict=True))


def test_groups_go_on_as_they_were():
    """Their members, frozen, and where they are divided."""
    groups, again = TeacherGroups(2), TeacherGroups(2)
    groups.threshold = 10.0
    groups.merge([member(12, 60.0), member(5, 50.0), member(13, 40.0)])

    def restored(state):
        made = member(state["arch"][0], state["accuracy"], tuple(state["arch"]))
        made.network.load_state_dict(state["network"])
        return made

    again.load_state_dict(groups.state_dict(), restored)
    assert again.threshold == 10.0
    for name, scores in (("small", [50.0]), ("large", [60.0, 40.0])):
        pairs = list(zip(getattr(groups, name), getattr(again, name), strict=True))
        assert [mine.score for _, mine in pairs] == scores
        for theirs, mine in pairs:
            assert (mine.arch, mine.madds) == (theirs.arch, theirs.madds)
            for one, other in zip(
                mine.network.parameters(), theirs.network.parameters(), strict=True
            ):
                assert torch.equal(one, other) and not one.requires_grad


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
        assert [t.score for t in teachers] == [best]
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
    assert all(member.score for member in kept)  # nobody who was only bred
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


@pytest.mark.slow
@pytest.mark.parametrize("kd", ARMS)
@pytest.mark.parametrize("qp", slow_but(["printed"], ["printed", "corrected"]))
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
    told = Outputs.of([t.network for t in teachers], x) if teachers else None
    guides = method._advice([m.network.features(x) for m in students], told, mask)
    if kd == "none":
        assert guides is None
        return
    made, shares = guides
    assert shares.shape == (len(students), 2, len(made.probabilities))
    assert not shares[~mask].any()
    weights = shares.sum(1)
    assert (weights >= 0).all()
    for index in range(len(students)):
        for group in range(2 if kd == "full" else 1):
            assert weights[index][mask[index, group]].sum() == pytest.approx(1, abs=1e-6)
        assert not weights[index][~mask[index].any(0)].any()
    if kd == "average":
        assert torch.equal(weights > 0, mask[:, 0])
        assert all(row[row > 0].unique().numel() == 1 for row in weights)


@pytest.mark.slow
def test_arms_differ_after_the_first_epoch_and_only_then():
    first, later = {}, {}
    for kd in ARMS:
        method = make(replace(OPTIONS, kd=kd, perturbed=0))
        first[kd] = method.search_epoch(0)
        method.search_epoch(1)
        later[kd] = next(iter(method.population[0].network.parameters())).item()
    assert all(scored == first["none"] for scored in first.values())
    assert len(set(later.values())) == len(ARMS)
