"""Cream: when and from whom a path learns, what the board takes, what the quirks change."""

import io
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from creams import (
    DATA,
    EVERY,
    OPENS,
    OPTIONS,
    RECIPE,
    STEPS,
    batch_of,
    equal,
    path_of,
    scores_of,
    setting,
    state_of,
    trained,
)
from optimisers import steps_taken
from planted import PlantedData
from scipy.stats import kendalltau
from torch.func import functional_call
from torch.nn import functional

from methods.cream.method import Cream, mixed_loss
from methods.cream.options import CreamOptions, Quirks
from methods.options import Recipe
from methods.spos import SPOS, SPOSOptions

# Warm-up ------------------------------------------------------------------------------------


def test_until_the_board_opens_cream_is_spos():
    cream, spos = Cream(setting(), OPTIONS), SPOS(setting(), SPOSOptions())
    assert cream.board_opens == OPENS
    for step in range(OPENS):
        got, expected = cream.train_step(step), spos.train_step(step)
        assert not cream.board.entries
        assert got["kd"] == got["rho"] == 0
        assert torch.equal(got["loss"], expected["loss"])
    assert equal(state_of(cream.supernet), state_of(spos.supernet))
    assert cream.costs == spos.costs
    assert cream.train_step(OPENS)["rho"] == 0  # the first path on the board has no teacher
    assert [entry.path for entry in cream.board.entries] == [path_of(cream, OPENS)]
    later = cream.train_step(OPENS + 1)
    assert 0 < later["rho"] < 1
    assert later["kd"] > 0


def test_the_board_opens_at_the_nearest_step():
    for steps, opens in ((26, 4), (28, 5), (24, 4)):
        assert Cream(setting(replace(RECIPE, steps=steps)), OPTIONS).board_opens == opens


def test_without_an_end_of_the_warm_up_there_is_no_teacher():
    method = trained(8, replace(OPTIONS, warmup=1.0))
    assert not method.board.entries
    assert method.costs["path_forwards"] == 8


# A step with a teacher ----------------------------------------------------------------------


def test_loss_is_the_mix_at_both_ends():
    ce, kd = torch.tensor(3.0), torch.tensor(5.0)
    zero, one = torch.tensor(0.0), torch.tensor(1.0)
    assert mixed_loss(ce, kd, zero, "code") == ce
    assert mixed_loss(ce, kd, one, "code") == (ce + kd) / 2
    assert mixed_loss(ce, kd, zero, "paper") == ce
    assert mixed_loss(ce, kd, one, "paper") == ce + kd


@pytest.mark.parametrize("form", ["code", "paper"])
@pytest.mark.parametrize("pick", ["score", "rho"])
def test_step_descends_the_stated_loss(form, pick):
    method = trained(OPENS + 4, replace(OPTIONS, loss=form, teacher=pick))
    step, other = OPENS + 4, trained(OPENS + 4, replace(OPTIONS, loss=form, teacher=pick))
    path, (x, y) = path_of(method, step), batch_of(method, step)
    scores = scores_of(other, path)
    chosen = (scores if pick == "score" else -scores).argmax()
    rho = torch.sigmoid(-scores[chosen])
    target = other.supernet(x, other.board.entries[chosen].path).softmax(1).detach()
    logits = other.supernet(x, path)
    ce = functional.cross_entropy(logits, y, label_smoothing=0.1)
    kd = -(target * logits.log_softmax(1)).sum(1).mean()
    loss = ((2 - rho) * ce + rho * kd) / 2 if form == "code" else ce + rho * kd
    other.optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(other.supernet.parameters(), RECIPE.clip)
    got = method.train_step(step)
    torch.testing.assert_close(got, {"loss": loss.detach(), "kd": kd.detach(), "rho": rho})
    pairs = zip(method.supernet.parameters(), other.supernet.parameters(), strict=True)
    for mine, reference in pairs:
        assert (mine.grad is None) == (reference.grad is None)
        if mine.grad is not None:
            torch.testing.assert_close(mine.grad, reference.grad)


def test_teacher_carries_no_gradient_and_moves_with_no_step():
    method = trained(OPENS + 4)
    step = OPENS + 4
    path = path_of(method, step)
    target, rho = method.guide(method.consider(path), batch_of(method, step))
    assert not target.requires_grad
    assert not rho.requires_grad
    before, matching = state_of(method.supernet), state_of(method.matching)
    method.train_step(step)
    for name, tensor in method.supernet.named_parameters():
        if name.startswith("gains"):
            site, operator = map(int, name.split(".")[1:])
            assert (tensor.grad is not None) == (path[site] == operator)
            assert torch.equal(tensor, before[name]) == (path[site] != operator)
    assert equal(matching, state_of(method.matching))
    assert not any(entry.probabilities.requires_grad for entry in method.board.entries)


def test_only_the_student_updates_the_statistics():
    step = OPENS + EVERY  # with a meta update
    method, alone = trained(step), trained(step)
    x, _ = batch = batch_of(method, step)
    path = path_of(method, step)
    before = state_of(alone.supernet)
    with alone._beside_training():
        alone.guide(alone.consider(path), batch)
    assert equal(before, state_of(alone.supernet))
    for group in alone.optimizer.param_groups:
        group["lr"] = RECIPE.lr * (1 + math.cos(math.pi * step / STEPS)) / 2
    with alone._beside_training():
        alone.meta_update(path, batch)
    alone.supernet(x, path)
    method.train_step(step)
    assert method.supernet.norm.num_batches_tracked == step + 1
    for mine, other in zip(method.supernet.buffers(), alone.supernet.buffers(), strict=True):
        assert torch.equal(mine, other)


def test_an_entry_keeps_its_own_outputs_and_the_accuracy_of_its_batch():
    method = trained(OPENS + 1)
    step = OPENS + 1
    path, (x, y) = path_of(method, step), batch_of(method, step)
    logits = method.supernet(x, path)
    method.train_step(step)
    (entry,) = (e for e in method.board.entries if torch.equal(e.images, x[: OPTIONS.slice]))
    assert entry.path == path
    assert entry.madds == 1_000_000 * (1 + sum(path))
    assert entry.accuracy == 100 * (logits.argmax(1) == y).double().mean()
    torch.testing.assert_close(entry.probabilities, logits[: OPTIONS.slice].softmax(1).detach())


def test_matching_network_learns_on_its_schedule_only():
    method, learned = Cream(setting(), OPTIONS), []
    for step in range(STEPS):
        before = state_of(method.matching)
        method.train_step(step)
        if not equal(before, state_of(method.matching)):
            learned.append(step)
    assert learned == list(range(OPENS + EVERY, STEPS, EVERY))


def test_the_matching_network_has_the_momentum_of_the_recipe():
    for nesterov in (False, True):
        method = Cream(setting(replace(RECIPE, momentum=0.7, nesterov=nesterov)), OPTIONS)
        (group,) = method.matching_optimizer.param_groups
        assert (group["lr"], group["momentum"]) == (OPTIONS.meta_lr, 0.7)
        assert (group["nesterov"], group["weight_decay"]) == (nesterov, 0)


def test_costs_are_counted():
    method = trained(OPENS + 3)
    assert len(method.board.entries) == 3
    method.costs.clear()
    method.train_step(OPENS + 3)  # scoring on 3 x 4 images, teacher, student
    assert method.costs == {
        "steps": 1, "path_forwards": 3, "path_backwards": 1, "image_passes": 12 + 32 + 32,
        "compute": 12 + 32 + 3 * 32
    }  # fmt: skip
    method.train_step(OPENS + 4)
    method.costs.clear()
    method.train_step(OPENS + 5)  # and scoring, teacher, student, virtual student on a slice each
    assert method.costs == {
        "steps": 2, "path_forwards": 7, "path_backwards": 3, "image_passes": 88 + 3 * 4,
        "compute": 24 + 32 + 3 * 32 + 4 * (1 + 3 + 3)
    }  # fmt: skip


@pytest.mark.parametrize("first_only", [False, True])
def test_a_meta_update_steps_along_both_gradients(first_only):
    """Of rho KD on the first slice, and of what it does to CE on the second, by the graph."""
    step = OPENS + EVERY
    method = trained(step, quirks=Quirks(first_tensor_only=first_only))
    twin = trained(step)
    path, (x, y) = path_of(method, step), batch_of(method, step)
    size, supernet = OPTIONS.slice, twin.supernet
    teacher, rho = twin.choose_teacher(path)
    target = supernet(x[:size], teacher.path).softmax(1).detach()
    logs = supernet(x[:size], path).log_softmax(1)
    distilled = -rho * (target * logs).sum(1).mean()
    named = dict(supernet.named_parameters())
    slopes = torch.autograd.grad(
        distilled, tuple(named.values()), create_graph=True, allow_unused=True
    )
    rate = RECIPE.lr * (1 + math.cos(math.pi * step / STEPS)) / 2
    moved = {
        n: t - rate * g for (n, t), g in zip(named.items(), slopes, strict=True) if g is not None
    }
    if first_only:
        first = next(iter(moved))
        moved = {name: w if name == first else w.detach() for name, w in moved.items()}
    logits = functional_call(supernet, moved, (x[size : 2 * size], path))
    loss = functional.cross_entropy(logits, y[size : 2 * size], label_smoothing=0.1)
    meta = torch.autograd.grad(loss, tuple(twin.matching.parameters()))
    with steps_taken() as taken:
        method.train_step(step)
    student, matching, real = taken
    assert student.rate == real.rate == pytest.approx(rate)
    assert matching.rate == OPTIONS.meta_lr
    for own, expected, network in (
        (student, slopes, method.supernet),
        (matching, meta, method.matching),
    ):
        live = [slope.flatten() for slope in expected if slope is not None]
        factor = min(1.0, 1 / torch.cat(live).norm().item())
        for tensor, slope in zip(network.parameters(), expected, strict=True):
            wanted = slope if slope is None else factor * slope.detach()
            torch.testing.assert_close(own.gradients[tensor], wanted, rtol=1e-4, atol=1e-7)


# Search and state ---------------------------------------------------------------------------


def test_updates_are_a_share_of_the_steps():
    assert CreamOptions().update_every(150_000) == 200
    assert CreamOptions().update_every(3000) == 4
    assert CreamOptions().update_every(4400) == 6  # 5.87
    assert CreamOptions().update_every(10) == 1
    assert Cream(setting(replace(RECIPE, steps=1500)), CreamOptions()).update_every == 2


def test_epoch_report_watches_teachers_and_changes_nothing():
    method = Cream(setting(), replace(OPTIONS, report_images=100))
    epoch = len(DATA.train) // RECIPE.batch_size
    assert OPENS < epoch <= STEPS
    method.train_step(0)
    assert method.epoch_report(0) == {}
    early = method.epoch_report(epoch - 1)
    assert method.costs["monitoring_image_passes"] == 4 * 100
    assert early.keys() == {"student_accuracy"}
    for step in range(1, epoch):
        method.train_step(step)
    state, costs = state_of(method.supernet), dict(method.costs)
    costs.pop("monitoring_image_passes")
    method.costs["monitoring_image_passes"] = 0
    report = method.epoch_report(epoch - 1)
    # each of four paths and its teacher, who is chosen by four images of each of three entries
    assert method.costs["monitoring_image_passes"] == 4 * (2 * 100 + 3 * 4)
    assert report == method.epoch_report(epoch - 1)
    assert equal(state, state_of(method.supernet))
    spent = {name: n for name, n in method.costs.items() if name != "monitoring_image_passes"}
    assert spent == costs
    x, y = next(DATA.batches("val", 100))
    drawn = [(0, 1, 2, 1), (2, 2, 2, 2), (1, 0, 0, 0), (0, 0, 2, 1)]
    best = [method.board.entries[scores_of(method, path).argmax()].path for path in drawn]

    def percent(paths):
        with torch.no_grad():
            right = [(method.supernet(x, path).argmax(1) == y).double().mean() for path in paths]
        return pytest.approx(100 * float(np.mean(right)), abs=1e-3)

    expected = {"student_accuracy": percent(drawn), "teacher_accuracy": percent(best)}
    method.supernet.load_state_dict(state)
    following = iter(drawn)
    method.sample_paths = lambda rng: [next(following)]
    assert method.epoch_report(epoch - 1) == expected


def test_every_report_is_of_paths_of_its_own():
    method, asked = Cream(setting(), replace(OPTIONS, report_images=4)), []
    epoch, rng = len(DATA.train) // RECIPE.batch_size, method.rng
    method.rng = lambda *of: asked.append(of) or rng(*of)
    for end in (1, 2):
        assert method.epoch_report(end * epoch - 1)
    assert asked == [(40, 1), (40, 2)]


def test_fewer_images_than_a_batch_are_watched_after_each_step():
    method = Cream(setting(data=PlantedData(20)), replace(OPTIONS, report_images=10))
    for step in range(2):
        assert method.epoch_report(step).keys() == {"student_accuracy"}


def test_found_is_the_best_of_the_board_that_is_feasible():
    method = trained(STEPS)
    assert method.search_epochs == 1
    (scored,) = [method.search_epoch(epoch) for epoch in range(method.search_epochs)]
    paths = [entry.path for entry in method.board.entries]
    assert [arch for arch, _ in scored] == list(dict.fromkeys(paths))
    assert [score for _, score in scored] == method.score([arch for arch, _ in scored]).tolist()
    assert method.found() == paths[0]
    assert method.notes() == []
    costs = [1 + sum(path) for path in paths]
    limited = trained(STEPS, max_madds=float(min(costs)))
    assert [entry.path for entry in limited.board.entries] == paths
    assert limited.found() == paths[costs.index(min(costs))] != paths[0]


def test_without_a_feasible_path_the_evolution_searches_and_says_so():
    method = trained(STEPS, max_madds=2.0)
    rows = [row for row in method.board.state_dict() if sum(row["path"]) > 1]
    method.board.load_state_dict(rows, method.setting.device)
    assert method.search_epochs == 2
    scored = [arch for epoch in range(2) for arch, _ in method.search_epoch(epoch)]
    assert method.found() in scored
    assert sum(method.found()) <= 1
    (note,) = method.notes()
    assert f"none of the {len(method.board.entries)} paths" in note


def through_disk(state):
    buffer = io.BytesIO()
    torch.save(state, buffer)
    buffer.seek(0)
    return torch.load(buffer, weights_only=True)


@pytest.mark.parametrize("quirks", [False, True])
def test_interrupted_training_ends_with_the_same_bits(quirks):
    options = replace(OPTIONS, official_quirks=quirks)
    whole, half = trained(STEPS, options), trained(STEPS // 2, options)
    resumed = Cream(setting(), options)
    resumed.load_state_dict(through_disk(half.state_dict()))
    for step in range(STEPS // 2, STEPS):
        resumed.train_step(step)
    for part in ("supernet", "matching"):
        assert equal(state_of(getattr(whole, part)), state_of(getattr(resumed, part)))
    for mine, other in zip(whole.board.entries, resumed.board.entries, strict=True):
        assert mine.rank == other.rank
        assert torch.equal(mine.images, other.images)
        assert torch.equal(mine.probabilities, other.probabilities)
    momenta = (m.matching_optimizer.state_dict()["state"] for m in (whole, resumed))
    for mine, other in zip(*(state.values() for state in momenta), strict=True):
        assert torch.equal(mine["momentum_buffer"], other["momentum_buffer"])
    assert whole.costs == resumed.costs


def test_trained_state_carries_what_a_search_needs():
    method, other = trained(STEPS), Cream(setting(), OPTIONS)
    other.load_trained_state(through_disk(method.trained_state()))
    assert other.search_epoch(0) == method.search_epoch(0)
    assert other.found() == method.found()


@pytest.mark.slow
def test_planted_ranking_is_found():
    recipe = Recipe(steps=200, batch_size=64, lr=0.05, weight_decay=0.0)
    method = Cream(setting(recipe, PlantedData(2000)), CreamOptions())
    for step in range(recipe.steps):
        method.train_step(step)
    space = method.space
    archs = [arch for arch in np.ndindex(3, 3, 3, 3) if space.is_valid(arch)]
    truth = [space.truth(arch) for arch in archs]
    assert kendalltau(method.score(archs), truth).statistic > 0.9
    assert space.truth(method.found()) > np.median(truth)
