"""Training steps and scored chunks never wait for a device, and read it as little as they can."""

from dataclasses import replace

import numpy as np
import pytest
import tiny
import torch

from harness.commands.list import NOT_ON
from harness.config.config import with_values
from harness.device_checks.elsewhere import HERE, READ, SENT, THERE, WAIT, Elsewhere
from harness.device_checks.waits import needed
from harness.running.assembly import load_limited, make_method
from harness.tasks import load_task
from methods.scoring import recalibrate
from methods.standalone.recipe import TrainingRecipe
from methods.standalone.training import StandaloneTraining
from methods.transfer import Reading, to_device
from searchspaces.base import ImageSpec
from searchspaces.errors import UsageError
from searchspaces.registry import SPACES

SMALL = {
    "cutout": 4,
    "train.steps": 6,
    "train.batch_size": 8,
    "score.images": 24,
    "score.batch_size": 16,
    "score.calibration_images": 16,
    "score.calibration_batch": 8,
}
OF_METHOD = {
    "cream": {"options.update_share": 1.0},  # so that no step has an update but the last
    "ennas": {"options.probe_images": 8, "options.report_images": 0},
    "dna": {"options.blocks": 0},
    "few-shot": {"options.parts": 2},
    "mngnas": {
        "options.search_epochs": 2,
        "options.population": 2,
        "options.removed": 1,
        "options.perturbed": 1,
        "options.perturb_steps": 1,
        "options.retrain_steps": 1,
    },
}
KINDS = ["nb201", "nb101", "darts", "macro"]  # of each kind of space one
WAYS = "spos", "mixpath", "gdas"  # to run a network: a path, several, whatever a hook says
SIZE = {"nb201": (4, 1), "nb101": (8, 1), "darts": (4, 3), "macro": (4, 0)}  # width, cells


def made(name, space="nb201", device=THERE, **changes):
    width, cells = SIZE[space]
    sizes = {"supernet.width": width, "supernet.cells": cells}
    values = SMALL | sizes | OF_METHOD.get(name, {}) | changes
    config = with_values(tiny.config(name, "--space", space), values)
    return make_method(config, load_limited(config, None).to(device), device)


def some(space, number):
    """Valid architectures."""
    rng, found = np.random.default_rng(0), []
    while len(found) < number:
        if space.is_valid(arch := space.sample(rng)):
            found.append(arch)
    return found


CASES = [
    pytest.param(name, space, marks=[] if space == "nb201" else pytest.mark.slow)
    for space in KINDS
    for name in (tiny.METHODS if space == "nb201" else WAYS)
    if space not in NOT_ON.get(name, ())
]


@pytest.mark.parametrize(("name", "space"), CASES)
def test_no_step_waits_and_a_scored_chunk_reads_once(name, space):
    with Elsewhere() as seen:
        method = made(name, space)
        method.data.train_batch(0, 8, 0)  # sends mean and deviation, once in a process
        for step in range(3 if name == "cream" else 2):
            seen.forget()
            costs = method.costs.copy()
            method.train_step(step)
            assert seen.of(WAIT) == 0, seen
        assert seen.kernels > 50 and seen.of(SENT) in (2, 3, 4, 6)
        assert seen.of(READ) == needed(name, method.costs - costs), seen
        for epoch in range(2 if name == "mngnas" else 0):
            method.search_epoch(epoch)
        archs = some(method.space, 2)
        seen.forget()
        scores = method.score(archs)
        assert seen.of(WAIT) == 0, seen
        assert seen.of(READ) == 1, seen
    assert np.isfinite(scores).all()


@pytest.mark.parametrize(
    ("name", "changes", "close"),
    [
        ("gdas", {}, 0),
        ("cream", {}, 0),
        ("ennas", {"options.solver": "host"}, 0),
        ("ennas", {"options.weights": "affine"}, 1e-5),
        ("ennas", {}, 1e-5),
    ],
)
def test_what_is_computed_elsewhere_is_what_a_cpu_computes(name, changes, close):
    """So that the counts are of the steps that are taken."""
    with Elsewhere():
        method = made(name, **changes)
        told = [method.train_step(step) for step in range(3)]
        losses = [loss["loss"].cpu().numpy() for loss in told]
    here = made(name, device=HERE, **changes)
    there = [here.train_step(step)["loss"] for step in range(3)]
    np.testing.assert_allclose(losses, there, rtol=close, atol=0)


def test_an_epoch_of_ennas_reads_once_how_operators_differ():
    with Elsewhere() as seen:
        method = made("ennas", **{"options.data_share": 1e-9})  # epochs of one step
        method.train_step(0)
        seen.forget()
        method.train_step(1)
        assert seen.of(WAIT) == 0 and seen.of(READ) == 1, seen
    assert method.costs["probe_image_passes"]


@pytest.mark.parametrize(
    ("options", "reads"),
    [
        ({"weights": "affine"}, 0),
        ({"solver": "host"}, 1),
        ({"subnets": 9}, 1),  # too many faces
        ({"subnets": 6, "weights": "affine"}, 1),
    ],
)
def test_where_the_host_finds_ennass_weights_it_reads_once(options, reads):
    with Elsewhere() as seen:
        method = made("ennas", **{f"options.{name}": value for name, value in options.items()})
        method.train_step(0)
        seen.forget()
        method.train_step(1)
        assert seen.of(WAIT) == 0 and seen.of(READ) == reads, seen


@pytest.mark.parametrize(
    ("options", "reads"),
    [({"retrain_steps": 3}, 1), ({"retrain_steps": 3, "solver": "host"}, 4), ({"kd": "none"}, 1)],
)
def test_where_the_host_finds_mngnass_coefficients_it_reads_in_each_step(options, reads):
    with Elsewhere() as seen:
        method = made("mngnas", **{f"options.{name}": value for name, value in options.items()})
        for epoch in range(2):
            method.search_epoch(epoch)
        seen.forget()
        method.score(some(method.space, 3))
        assert seen.of(WAIT) == 0 and seen.of(READ) == reads, seen


@pytest.mark.slow
@pytest.mark.parametrize(("solver", "close"), [("host", 0), ("own", 1e-5)])
def test_what_mngnas_scores_elsewhere_is_what_a_cpu_scores(solver, close):
    def scored(device):
        changes = {"options.solver": solver, "options.retrain_steps": 2, "score.by": "loss"}
        method = made("mngnas", device=device, **changes)
        for epoch in range(2):
            method.search_epoch(epoch)
        return method.score(some(method.space, 3))

    with Elsewhere():
        there = scored(THERE)
    np.testing.assert_allclose(there, scored(HERE), rtol=close, atol=0)


@pytest.mark.slow
@pytest.mark.parametrize("kd", ["none", "full"])
def test_a_retraining_that_does_not_stay_finite_is_told_with_the_score(kd):
    """And with the network, where nobody asks for a score."""
    with Elsewhere():
        method = made("mngnas", **{"options.kd": kd, "options.retrain_steps": 3})
        for epoch in range(2):
            method.search_epoch(epoch)
        method.options = replace(method.options, retrain_lr=1e38)
        archs = some(method.space, 6)
        met = {member.arch for member in method.groups.small + method.groups.large}
        new = next(arch for arch in archs if arch not in met)
        for ask in (lambda: method.score(archs[:2]), lambda: method.network_of(new)):
            with pytest.raises(
                UsageError, match=r"lower --options\.retrain-lr, which is 1e\+38\.$"
            ):
                ask()


def test_a_path_that_cream_offers_is_read_with_the_next_teacher():
    """Or by whoever asks who is on the board."""
    with Elsewhere() as seen:
        method, reads = made("cream"), []
        for step in range(3):
            seen.forget()
            method.train_step(step)
            reads.append(seen.of(READ))
        assert reads == [0, 0, 1]  # the board opens at the second
        assert len(method.board) == 2 and seen.of(READ) == 1
        assert len(method.board.entries) == 2 and seen.of(READ) == 2
        assert method.board.entries and seen.of(READ) == 2


def test_an_update_of_creams_matching_reads_once_more():
    with Elsewhere() as seen:
        method = made("cream", **{"options.update_share": 0.34})
        for step in range(4):
            seen.forget()
            method.train_step(step)
        assert seen.of(WAIT) == 0 and seen.of(READ) == 2, seen
    assert method.costs["steps"] == 5


@pytest.mark.parametrize("space", KINDS)
def test_a_subnet_takes_its_weights_where_they_are(space):
    space = SPACES[space]("compact", *SIZE[space])
    with Elsewhere() as seen:
        supernet = space.supernet(ImageSpec(1, 8, 10)).to(THERE)
        arch = some(space, 1)[0]
        seen.forget()
        subnet = supernet.subnet(arch)
        assert not seen.counts, seen
        assert {tensor.device for tensor in subnet.state_dict().values()} == {THERE}


@pytest.mark.parametrize("batch", [0, 7])
def test_a_recalibration_neither_waits_nor_reads(batch):
    with Elsewhere() as seen:
        method = made("spos")
        subnet = method.supernet.subnet((3, 2, 4, 1, 3, 2))
        seen.forget()
        recalibrate(subnet, method.data, 20, batch)
        assert seen.of(WAIT) == seen.of(READ) == 0 and seen.kernels > 20, seen


def test_the_first_batch_waits_no_more_than_others():
    """Mean, deviation and what is cut out are not sent by waiting either."""
    with Elsewhere() as seen:
        task = load_task("digits", None).to(THERE)
        seen.forget()
        task.train_batch(0, 16, 0)
        assert seen.of(WAIT) == seen.of(READ) == 0, seen


@pytest.mark.parametrize(
    "more", [{}, {"optimizer": "rmsprop", "ema": 0.9, "dropout": 0.1, "clip": 1.0}]
)
def test_a_step_of_a_stand_alone_training_neither_waits_nor_reads(more):
    with Elsewhere() as seen:
        task = load_task("digits", None).to(THERE)
        recipe = TrainingRecipe(batch_size=8, **more)
        space = SPACES["nb201"]("compact", 4, 1)
        training = StandaloneTraining(space, (3, 2, 4, 1, 3, 2), task, recipe, 0, THERE)
        for step in range(2):
            seen.forget()
            training.step(step)
            assert seen.of(WAIT) == seen.of(READ) == 0, seen
    assert seen.kernels > 50


# What is counted ------------------------------------------------------------------------------

WAITING = {
    "a number": lambda x: x.sum().item(),
    "a condition": lambda x: bool((x > 0).any()),
    "a float": lambda x: float(x[0]),
    "a copy": lambda x: x.cpu(),
    "a copy in place": lambda x: torch.zeros(3).copy_(x),
    "a choice by values": lambda x: x[x > 0],
    "what is not zero": lambda x: x.nonzero(),
    "distinct values": lambda x: x.unique(),
    "equality": lambda x: torch.equal(x, x + 1),
    "an index here": lambda x: x[torch.tensor([2, 0])],
    "a tensor from here": lambda x: torch.tensor([1.0]).to(x.device),
    "another type from here": lambda x: torch.tensor([1.0]).to(x),
}


@pytest.mark.parametrize("what", WAITING)
def test_a_host_that_waits_is_seen(what):
    with Elsewhere() as seen:
        x = to_device(torch.tensor([1.0, 0.0, 2.0]), THERE)
        seen.forget()
        WAITING[what](x)
        assert seen.of(WAIT) >= 1
        assert all("test_waiting.py" in line for _, line in seen.counts)


UNSEEN = {
    "made there": lambda x: torch.tensor([1.0], device=x.device) + x,
    "left here": lambda x: torch.ones(3) + x,
    "a list as index": lambda x: x[[2, 0]],
}


@pytest.mark.parametrize("what", UNSEEN)
def test_tensors_that_came_unseen_cannot_be_computed_with(what):
    with Elsewhere():
        x = to_device(torch.tensor([1.0, 0.0, 2.0]), THERE)
        with pytest.raises(AssertionError, match=r"test_waiting\.py"):
            UNSEEN[what](x)


def test_what_was_sent_is_what_is_read():
    for device in (HERE, THERE):
        with Elsewhere() as seen:
            x = to_device(np.array([1.0, 2.0]), device)
            assert Reading(x + 1).numpy().tolist() == [2.0, 3.0]
            assert seen.of(SENT) == (device == THERE)
            assert seen.of(WAIT) == 0 and seen.of(READ) == (device == THERE)
