"""EnNAS: the step, its teacher, its sampling, its share of the images."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from ennases import ALWAYS, IMAGE, make, planted
from planted import PlantedData
from scipy.stats import kendalltau
from torch.nn import functional

from harness.conformance.noise import Noise
from methods.ennas import method as ennas
from methods.ennas.ensemble import ensemble_weights
from methods.ennas.method import EnNAS, epoch_steps
from methods.ennas.options import EnNASOptions
from methods.options import Scoring
from searchspaces.errors import UsageError

# One step -----------------------------------------------------------------------------------


@pytest.mark.parametrize("temperature, lam", [(1.0, 1.0), (4.0, 0.5), (2.0, 0.0)])
def test_loss_is_cross_entropy_plus_distillation(temperature, lam):
    method = planted(replace(ALWAYS, temperature=temperature, lam=lam))
    generator = torch.Generator().manual_seed(0)
    z, t = torch.randn(2, 5, 3, generator=generator, dtype=torch.float64)
    y = torch.tensor([0, 1, 2, 1, 0])
    p, q = torch.softmax(t / temperature, 1).numpy(), torch.softmax(z / temperature, 1).numpy()
    entropy = -np.log(torch.softmax(z, 1).numpy()[np.arange(5), y]).mean()
    divergence = (p * np.log(p / q)).sum(1).mean()
    expected = entropy + lam * temperature**2 * divergence
    assert method.student_loss(z, y, t).item() == pytest.approx(expected, rel=1e-10)
    assert method.student_loss(z, y, None).item() == pytest.approx(entropy, rel=1e-10)


def test_distillation_pulls_towards_the_teacher():
    method = planted(replace(ALWAYS, lam=100.0))
    student, teacher = torch.zeros(1, 3, requires_grad=True), torch.tensor([[0.0, 2.0, -2.0]])
    method.student_loss(student, torch.tensor([0]), teacher).backward()
    assert student.grad[0, 1] < 0 < student.grad[0, 2]


@pytest.mark.slow
def test_gradient_is_the_sum_over_subnets_with_the_teacher_fixed():
    method, twin = planted(clip=0.0), planted(clip=0.0)
    record = method.train_step(0)
    x, y = twin.data.train_batch(0, 10, 0)
    outputs = [twin.supernet(x, path) for path in twin.sample_paths(twin.rng(11, 0))]
    fixed = torch.stack(outputs).detach()
    weights = ensemble_weights(fixed, y).weights
    target = sum(w * z for w, z in zip(weights.float(), fixed, strict=True)).softmax(1)
    total = 0
    for z in outputs:
        pull = (target * (target.log() - z.log_softmax(1))).sum(1).mean()
        total = total + functional.cross_entropy(z, y) + pull
    assert record["loss"].item() == pytest.approx(total.item() / 4, rel=1e-5)
    total.backward()
    moved = 0
    for mine, other in zip(method.supernet.parameters(), twin.supernet.parameters(), strict=True):
        assert (mine.grad is None) == (other.grad is None)
        if mine.grad is not None:
            torch.testing.assert_close(mine.grad, other.grad, rtol=1e-4, atol=1e-6)
            moved += 1
    assert moved


def test_parameters_stand_still_until_all_gradients_are_there(monkeypatch):
    method = make()
    start = [p.detach().clone() for p in method.supernet.parameters()]
    checked = []
    original = method.student_loss

    def spy(logits, labels, teacher):
        assert not teacher.requires_grad
        assert all(map(torch.equal, start, method.supernet.parameters()))
        checked.append(sum(p.grad is not None for p in method.supernet.parameters()))
        return original(logits, labels, teacher)

    monkeypatch.setattr(method, "student_loss", spy)
    method.train_step(0)
    assert len(checked) == 4
    assert checked[0] == 0 < checked[1]  # gradients of one subnet are kept for the next
    assert not all(map(torch.equal, start, method.supernet.parameters()))


def test_no_distillation_before_the_warm_up_is_over(monkeypatch):
    method = planted(replace(ALWAYS, warmup=0.25), steps=8)
    teachers = []
    original = method.student_loss
    monkeypatch.setattr(
        method, "student_loss", lambda z, y, t: teachers.append(t is not None) or original(z, y, t)
    )
    for step in range(4):
        method.train_step(step)
    assert teachers == [False] * 8 + [True] * 8


def test_label_smoothing_is_the_recipe_s():
    z, y = torch.randn(5, 3, generator=torch.Generator().manual_seed(0)), torch.arange(5) % 3
    smooth = planted(label_smoothing=0.1).student_loss(z, y, None)
    assert smooth.item() == functional.cross_entropy(z, y, label_smoothing=0.1).item()


def test_costs_count_every_pass():
    method = make(replace(ALWAYS, subnets=3, probe_images=20))
    for step in range(5):  # epochs of 4 steps: 16 batches, a quarter of them
        method.train_step(step)
        method.epoch_report(step)
    probe = 20 * 5
    assert method.costs == {
        "steps": 5,
        "path_forwards": 15,
        "path_backwards": 15,
        "image_passes": 150 + probe,
        "compute": 3 * 150 + probe,
        "probe_image_passes": probe,
        "monitoring_image_passes": 3 * 40,
    }


# Epochs ---------------------------------------------------------------------------------------


def test_a_share_in_percent_is_rounded_down_as_whole_numbers_are():
    """29 % of 100 are 29, though 0.29 * 100 is a little below it."""
    for percent in range(1, 101):
        options = EnNASOptions(data_share=percent / 100)
        found = [epoch_steps(options, whole) for whole in range(1, 301)]
        assert found == [max(percent * whole // 100, 1) for whole in range(1, 301)]


@pytest.mark.slow
@pytest.mark.parametrize("share, steps", [(0.25, 4), (1.0, 16), (0.01, 1)])
def test_an_epoch_is_the_first_share_of_a_fresh_permutation(share, steps):
    method = make(replace(ALWAYS, data_share=share, diversity=False))
    for step in range(2 * steps + 1):
        method.train_step(step)
    expected = [*range(steps), *range(16, 16 + steps), 32]
    assert [number for number, *_ in method.data.asked] == expected
    assert set(method.data.asked) == {(number, 10, 0) for number in expected}


def test_fewer_images_than_a_batch_are_an_epoch():
    method = make(replace(ALWAYS, diversity=False), data=Noise(IMAGE, 6))
    for step in range(3):
        method.train_step(step)
    assert [number for number, *_ in method.data.asked] == [0, 1, 2]


def test_tables_begin_after_the_first_epoch():
    method = make()
    first = dict(method.laws)
    for step in range(4):
        method.train_step(step)
    assert not method.zeta
    assert method.laws == first
    method.train_step(4)
    second = dict(method.laws)
    assert sorted(method.zeta) == list(range(6))
    assert all(second[site] is not first[site] for site in range(6))
    assert (second[0].conditional[1,][1], first[0].conditional[1,][1]) == (0, pytest.approx(0.2))
    for step in range(5, 8):
        method.train_step(step)
    assert method.laws == second
    method.train_step(8)
    assert method.laws != second


def test_a_run_that_goes_on_draws_by_the_tables_it_had():
    method, resumed = make(), make()
    for step in range(5):  # the last is the first of the second epoch
        method.train_step(step)
    resumed.load_state_dict(method.state_dict())
    for site, law in method.laws.items():
        for before, chances in law.conditional.items():
            assert np.array_equal(resumed.laws[site].conditional[before], chances)
    assert method.laws[0].conditional[1,][1] == 0  # no operator follows itself


def test_each_epoch_sums_weights_of_its_own():
    method = make(replace(ALWAYS, diversity=False))
    for step in range(9):
        method.train_step(step)
        assert method.weights_sum.sum().item() == pytest.approx(
            step % 4 + 1
        )  # each step's add to 1


def test_probes_are_training_images_of_a_stream_of_their_own(monkeypatch):
    method, probed = make(replace(ALWAYS, probe_images=24)), []
    tables = ennas.diversity_tables
    monkeypatch.setattr(
        ennas, "diversity_tables", lambda *given: probed.append(given[1]) or tables(*given)
    )
    for step in range(9):
        method.train_step(step)
    assert [len(images) for images in probed] == [24, 24]
    known = {image.numpy().tobytes() for image in method.data.train.images}
    assert all(image.numpy().tobytes() in known for images in probed for image in images)
    assert not torch.equal(*probed)
    (seed,) = {seed for _, size, seed in method.data.asked if size == 24}
    assert seed != method.setting.seed


def test_without_diversity_nothing_is_probed():
    method = make(replace(ALWAYS, diversity=False))
    for step in range(9):
        method.train_step(step)
    assert not method.zeta
    assert len(method.data.asked) == 9
    assert "probe_image_passes" not in method.costs


def test_a_site_that_is_not_met_keeps_its_table(monkeypatch):
    method = make()
    one, other = np.ones((5, 5)) - np.eye(5), 2 * (np.ones((5, 5)) - np.eye(5))
    answers = iter([{0: one, 1: one}, {1: other}])
    monkeypatch.setattr(ennas, "diversity_tables", lambda *_: next(answers))
    for step in range(9):
        method.train_step(step)
    assert (method.zeta[0].numpy() == one).all()
    assert (method.zeta[1].numpy() == other).all()


# Sampling -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["nb101", "darts", "nb101-mixpath"])
def test_subnets_of_a_step_share_one_topology(name):
    method = make(replace(ALWAYS, replacement=False), space=name)
    wiring = getattr(method.space, "topology", range(0))
    wirings = set()
    for step in range(30):
        paths = method.sample_paths(method.rng(11, step))
        assert len(paths) == 4
        assert all(map(method.space.is_valid, paths))
        (shared,) = {tuple(path[site] for site in wiring) for path in paths}
        wirings.add(shared)
        if not method.leaves_out or wiring:
            for site, size in method.operators.items():
                assert len({path[site] for path in paths}) == min(4, size)
    assert len(wirings) > 5 or not wiring


@pytest.mark.slow
@pytest.mark.parametrize("name", ["nb101", "darts"])
def test_topology_spaces_train(name):
    method = make(space=name, data=Noise(IMAGE, 40), batch_size=4)
    method.epoch_steps = 1
    for step in range(2):
        assert method.train_step(step)["loss"].isfinite()
    assert set(method.zeta) <= set(method.operators)


@pytest.mark.parametrize("diversity", [True, False])
@pytest.mark.parametrize("replacement", [True, False])
def test_each_subnet_is_uniform(diversity, replacement):
    method = planted(replace(ALWAYS, diversity=diversity, replacement=replacement, subnets=3))
    method._begin_epoch(1)
    steps = 1500
    paths = np.array([method.sample_paths(method.rng(11, step)) for step in range(steps)])
    for subnet in range(3):
        for site in range(4):
            counts = np.bincount(paths[:, subnet, site], minlength=3)
            assert np.abs(counts - steps / 3).max() < 5 * np.sqrt(steps * 2 / 9)
    repeats = (paths[:, 0] == paths[:, 1]).mean()
    assert repeats == (pytest.approx(1 / 3, abs=0.05) if not diversity and replacement else 0)


def test_notes_say_where_a_rule_cannot_hold():
    assert make().notes() == []
    few = planted(replace(ALWAYS, replacement=False)).notes()
    assert len(few) == 2
    assert few[0].startswith("4 of 4 sites have fewer operators than the 4 subnets")
    assert planted(replace(ALWAYS, diversity=False)).notes() == []


# State ------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("cut", [3, 4, 6])
def test_resuming_gives_the_same_bits(cut, tmp_path):
    whole = make()
    rows = [(whole.train_step(step), whole.epoch_report(step)) for step in range(9)]
    part = make()
    for step in range(cut):
        part.train_step(step)
        part.epoch_report(step)
    torch.save(part.state_dict(), tmp_path / "state.pt")
    resumed = make()
    resumed.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    for step in range(cut, 9):
        record, report = rows[step]
        assert resumed.train_step(step) == record
        assert resumed.epoch_report(step) == report
    state = whole.state_dict()
    for name, tensor in resumed.state_dict()["supernet"].items():
        assert torch.equal(tensor, state["supernet"][name])
    assert resumed.costs == whole.costs
    assert all(torch.equal(resumed.zeta[site], whole.zeta[site]) for site in whole.zeta)


# The ranking ------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("changes", [{}, {"diversity": False, "weights": "affine"}])
def test_planted_ranking_is_found(changes):
    where = planted(replace(EnNASOptions(), **changes), steps=150, batch_size=64, lr=0.05).setting
    data = PlantedData()
    method = EnNAS(
        replace(where, data=data, scoring=Scoring(bn="batchstat", batch_size=1000)),
        replace(EnNASOptions(), **changes),
    )
    for step in range(150):
        method.train_step(step)
    archs = [arch for arch in np.ndindex(3, 3, 3, 3) if method.space.is_valid(arch)]
    truth = [method.space.truth(arch) for arch in archs]
    assert kendalltau(method.score(archs), truth).statistic > 0.9


@pytest.mark.parametrize(
    "wrong",
    [
        {"subnets": 1},
        {"lam": -1.0},
        {"temperature": 0.0},
        {"warmup": 1.5},
        {"warmup": -0.1},
        {"data_share": 1.1},
        {"data_share": 0.0},
        {"probe_images": 0},
        {"report_images": -1},
    ],
)
def test_impossible_options_are_refused(wrong):
    (name,) = wrong
    with pytest.raises(UsageError, match=f"--options.{name.replace('_', '-')} must be"):
        EnNASOptions(**wrong)
