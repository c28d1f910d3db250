"""The learning rate, the penalties and the steps of every training, by formulas of the test's own."""

import math
from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from optimisers import penalties, steps_taken
from params import EVALUATED
from planted import PlantedSpace

from harness.conformance.noise import Noise
from methods.base import PATHS, Setting, set_learning_rate
from methods.options import Recipe, Scoring, SearchLimits
from methods.registry import METHODS, options_class
from searchspaces.base import ImageSpec
from searchspaces.registry import SPACES

FORMULAS = {
    "cosine": lambda step, steps: (1 + math.cos(math.pi * step / steps)) / 2,
    "linear": lambda step, steps: (steps - step) / steps,
    "staircase": lambda step, steps: 0.9 ** (20 * step // steps),
    "constant": lambda step, steps: 1.0,
}
RECIPE = Recipe(steps=12, batch_size=8, lr=0.3, momentum=0.8, weight_decay=0.02)
QUICK = {
    "dna": {"teacher": ""},
    "cream": {"slice": 2},
    "ennas": {"diversity": False, "report_images": 0},
    "mngnas": {"search_epochs": 2, "population": 3, "removed": 1, "retrain_steps": 4,
               "retrain_lr": 0.07, "perturbed": 2, "perturb_steps": 3, "teachers": 2},
}  # fmt: skip


def make(name, space="planted", affine=False, seed=0, options=None, **recipe):
    planted = space == "planted"
    where = Setting(
        space=PlantedSpace() if planted else SPACES[space]("compact"),
        data=Noise(ImageSpec(12, 3, 9) if planted else ImageSpec(1, 8, 5)),
        recipe=replace(RECIPE, **recipe),
        scoring=Scoring(calibration_images=32, images=32, batch_size=32),
        search=SearchLimits(population=3, generations=1, parents=2),
        seed=seed,
        device=torch.device("cpu"),
        affine=affine,
    )
    return METHODS[name](where, options_class(name)(**QUICK.get(name, {}) | (options or {})))


# Rates ----------------------------------------------------------------------------------------


def test_each_schedule_has_a_formula():
    (schedule,) = (field for field in fields(Recipe) if field.name == "schedule")
    assert set(schedule.metadata["choices"]) == FORMULAS.keys()


@pytest.mark.parametrize("schedule", FORMULAS)
@pytest.mark.parametrize("steps", [7, 40, 100])
def test_the_rate_of_every_step_is_that_of_the_formula(schedule, steps):
    """A stair is as long as the next, and the last is gone down by no step."""
    weight = torch.nn.Parameter(torch.ones(1))
    optimizer = torch.optim.SGD([{"params": [weight]}, {"params": [], "lr_ratio": 0.5}], 9.0)
    for step in range(steps):
        set_learning_rate(optimizer, Recipe(steps=steps, lr=0.3, schedule=schedule), step)
        expected = 0.3 * FORMULAS[schedule](step, steps)
        assert [g["lr"] for g in optimizer.param_groups] == pytest.approx([expected, expected / 2])


@pytest.mark.parametrize("schedule", FORMULAS)
@pytest.mark.parametrize("name", sorted({*EVALUATED} - {"dna", "few-shot"}))
def test_the_rate_of_the_first_the_middle_and_the_last_step(name, schedule):
    method = make(name, schedule=schedule)
    with steps_taken() as taken:
        for step in (0, 6, 11):
            method.train_step(step)
    rates = [step.rate for step in taken if step.trains(method.supernet)]
    expected = [0.3 * FORMULAS[schedule](step, 12) for step in (0, 6, 11)]
    assert list(dict.fromkeys(rates)) == pytest.approx(
        list(dict.fromkeys(expected))
    )  # Cream: twice
    assert rates[0] == 0.3


@pytest.mark.parametrize("schedule", FORMULAS)
def test_teacher_and_stages_of_dna_have_a_schedule_each(schedule):
    """The teacher's is a cosine from a rate of its own, whatever trains the stages."""
    method = make("dna", schedule=schedule, options={"teacher_share": 0.25, "teacher_lr": 0.2})
    with steps_taken() as taken:
        for step in range(12):
            method.train_step(step)
    teacher = [step.rate for step in taken if step.trains(method.teacher)]
    stages = [step.rate for step in taken if step.trains(method.supernet)]
    assert teacher == pytest.approx([0.2 * FORMULAS["cosine"](step, 3) for step in range(3)])
    assert stages == pytest.approx([0.3 * FORMULAS[schedule](step, 9) for step in range(9)])


@pytest.mark.parametrize("schedule", FORMULAS)
def test_mngnas_retrains_by_a_cosine_and_a_rate_of_its_own(schedule):
    """Whatever the supernet's are."""
    method = make("mngnas", schedule=schedule)
    own = [0.07 * FORMULAS["cosine"](step, 4) for step in range(4)]
    tuned = [0.07 * FORMULAS["cosine"](step, 2 * 3) for step in range(2 * 3)]
    with steps_taken() as taken:
        method.search_epoch(0)
        method.score([(0, 1, 2, 0)])
    by_optimizer = {}
    for step in taken:
        by_optimizer.setdefault(id(step.optimizer), []).append(step.rate)
    found = list(by_optimizer.values())  # three candidates, the best with perturbations, a score
    assert found == [pytest.approx(rates) for rates in (own, own, own, tuned, own)]


def test_architecture_parameters_have_adam_and_a_constant_rate():
    for name in ("darts", "gdas"):
        method = make(name, options={"arch_lr": 0.01, "arch_weight_decay": 0.3})
        with steps_taken() as taken:
            for step in (0, 6, 11):
                method.train_step(step)
        own = [step for step in taken if method.alphas[0] in step.gradients]
        assert [type(step.optimizer) for step in own] == [torch.optim.Adam] * 3
        for step in own:
            (group,) = step.groups
            assert (step.rate, group["weight_decay"], group["betas"]) == (0.01, 0.3, (0.5, 0.999))
            assert [id(tensor) for tensor in group["params"]] == list(map(id, method.alphas))


# Penalties ------------------------------------------------------------------------------------


@pytest.mark.parametrize("affine", [False, True])
@pytest.mark.parametrize("name", EVALUATED)
def test_tensors_of_more_than_one_dimension_are_penalised_and_no_others(name, affine):
    method = make(name, "nb201", affine, nesterov=True)
    norms = [n for n in method.supernet.named_modules() if isinstance(n[1], torch.nn.BatchNorm2d)]
    assert {norm.affine for name, norm in norms if ".edges." in name} == {affine}
    trained = {method.supernet: method.optimizer}
    if name == "dna":
        trained[method.teacher] = method.teacher_optimizer
    for network, optimizer in trained.items():
        dims = {name: tensor.dim() for name, tensor in network.named_parameters()}
        assert {1, 2, 4} <= set(dims.values())
        expected = {name: 0.02 if dim > 1 else 0.0 for name, dim in dims.items()}
        assert penalties(network, optimizer.param_groups) == expected
        assert all(
            group["momentum"] == 0.8 and group["nesterov"] for group in optimizer.param_groups
        )


@pytest.mark.slow
def test_candidates_of_mngnas_are_penalised_alike():
    method = make("mngnas", "nb201")
    with steps_taken() as taken:
        method.search_epoch(0)
    kept = method.population[:2]
    for member in kept:
        own = [step for step in taken if step.trains(member.network)]
        assert len(own) == 4 + 6 * (member is kept[0])  # retrained; the best tuned as well
        for step in own:
            dims = {name: tensor.dim() for name, tensor in member.network.named_parameters()}
            expected = {name: 0.02 if dim > 1 else 0.0 for name, dim in dims.items()}
            assert penalties(member.network, step.groups) == expected
            assert all(group["momentum"] == 0.8 for group in step.groups)


@pytest.mark.parametrize("name", ["dna", "mngnas"])
def test_networks_beside_the_supernet_are_clipped_as_well(name):
    """The teacher; the candidates, and the best of them while it is tuned."""
    method = make(name, clip=0.01)
    with steps_taken() as taken:
        if name == "mngnas":
            method.search_epoch(0)
        for step in range(3 if name == "dna" else 0):
            method.train_step(step)
    assert len(taken) == (3 if name == "dna" else 3 * 4 + 2 * 3)
    for step in taken:
        live = [slope.flatten() for slope in step.gradients.values() if slope is not None]
        assert torch.cat(live).norm().item() == pytest.approx(0.01, rel=1e-3)


# Steps ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["spos", "fairnas", "mixpath", "cream", "mngnas", "dna"])
def test_step_s_takes_batch_s(name):
    method = make(name, seed=3)
    for step in range(4):
        method.train_step(step)
    assert method.data.asked == [(step, 8, 3) for step in range(4)]


def test_every_stream_of_batches_goes_by_the_seed_of_the_run():
    """Both halves of DARTS and GDAS, probes of EnNAS, retrainings of MNGNAS."""
    for name in ("darts", "gdas"):
        method = make(name, seed=3)
        method.train_step(5)
        assert method.weight_data.asked == method.arch_data.asked == [(5, 8, 3)]
    ennas = make("ennas", seed=3, options={"diversity": True, "probe_images": 4})
    ennas.train_step(0)
    ennas._begin_epoch(1)
    assert ennas.data.asked == [(0, 8, 3), (1, 4, 3 + 50)]
    mngnas = make("mngnas", seed=3)
    mngnas.score([(0, 1, 2, 0)])
    assert mngnas.data.asked == [(8 + step, 8, 3 + 13) for step in range(4)]


@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize("clip", [0.0, 0.3])
def test_spos_is_the_loop_written_out(clip, nesterov):
    """Cross-entropy with smoothed labels, clipped gradients, SGD with momentum and penalties."""
    method = make("spos", "shufflenet", clip=clip, nesterov=nesterov, label_smoothing=0.2)
    network = make("spos", "shufflenet").supernet
    velocity, norms = {}, []
    for step in range(3):
        x, y = method.data.train_batch(step, 8, 0)
        path = method.space.sample(np.random.default_rng([PATHS, 0, step]))
        logs = network(x, path).log_softmax(1)
        loss = -(0.8 * logs[range(8), y] + 0.2 * logs.mean(1)).mean()
        network.zero_grad()
        loss.backward()
        assert method.train_step(step)["loss"].item() == pytest.approx(loss.item(), rel=1e-5)
        live = [p for p in network.parameters() if p.grad is not None]
        norms.append(torch.cat([p.grad.flatten() for p in live]).norm())
        factor = min(1, clip / norms[-1]) if clip else 1
        rate = 0.3 * (1 + math.cos(math.pi * step / 12)) / 2
        with torch.no_grad():
            for p in live:
                slope = factor * p.grad + (0.02 * p if p.dim() > 1 else 0)
                velocity[p] = 0.8 * velocity[p] + slope if p in velocity else slope
                p -= rate * (slope + 0.8 * velocity[p] if nesterov else velocity[p])
    assert min(norms) > 0.3
    for got, expected in zip(method.supernet.parameters(), network.parameters(), strict=True):
        torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-6)
