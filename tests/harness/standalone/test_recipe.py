"""Stand-alone training: a function of architecture, recipe and seed, and of nothing else."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional

from harness.standalone.trainings import train_standalone
from harness.tasks import load_task
from harness.tasks.base import Split
from methods.standalone.recipe import StandaloneRecipe
from methods.standalone.training import StandaloneTraining
from searchspaces.errors import UsageError
from searchspaces.nb201.space import NASBench201

SPACE = NASBench201("compact", width=4)
GOOD, OTHER, DEAD = (3, 0, 3, 1, 0, 3), (2, 1, 4, 3, 2, 1), (0, 0, 0, 0, 0, 0)
RECIPE = StandaloneRecipe(epochs=1)


@pytest.fixture(scope="module")
def task():
    """A part of the digits."""
    whole = load_task("digits")
    sizes = {"train": 640, "val": 200, "test": 400}
    parts = {
        part: Split(getattr(whole, part).images[:n], getattr(whole, part).labels[:n])
        for part, n in sizes.items()
    }
    return replace(whole, **parts)


@pytest.fixture(scope="module")
def train(task):
    return lambda arch, seed, recipe=RECIPE: train_standalone(SPACE, arch, task, recipe, seed)


@pytest.mark.slow
def test_equal_arguments_give_equal_accuracies_in_any_order(train):
    jobs = [(GOOD, 0), (GOOD, 1), (OTHER, 0), (OTHER, 1)]
    forwards = {job: train(*job) for job in jobs}
    torch.manual_seed(99)
    np.random.default_rng().random()
    backwards = {job: train(*job) for job in reversed(jobs)}
    assert forwards == backwards
    assert len({tuple(result.values()) for result in forwards.values()}) == len(jobs)


def plainly_trained(task, recipe, seed):
    """The loop that the embedded tables were built with, written out."""
    torch.manual_seed(seed)
    network = SPACE.standalone(GOOD, task.image)
    optimizer = torch.optim.SGD(
        network.parameters(),
        recipe.lr,
        recipe.momentum,
        weight_decay=recipe.weight_decay,
        nesterov=recipe.momentum > 0,
    )
    network.train()
    steps = recipe.steps(len(task.train))
    for step in range(steps):
        x, y = task.train_batch(step, recipe.batch_size, seed)
        optimizer.param_groups[0]["lr"] = recipe.lr * (0.5 * (1 + np.cos(np.pi * (step / steps))))
        optimizer.zero_grad(set_to_none=True)
        loss = functional.cross_entropy(network(x), y)
        loss.backward()
        optimizer.step()
    return network, loss.item()


@pytest.mark.parametrize("momentum", [0.9, 0.0])
def test_tables_are_trained_to_the_same_bits_as_ever(task, momentum):
    recipe = replace(RECIPE, momentum=momentum)
    training = StandaloneTraining(SPACE, GOOD, task, recipe.training(), 0)
    losses = [training.step(step).item() for step in range(training.steps)]
    network, loss = plainly_trained(task, recipe, 0)
    assert losses[-1] == loss
    weights = network.state_dict()
    assert all(torch.equal(value, weights[k]) for k, value in training.network.state_dict().items())
    if momentum:  # as measured when the first tables were built
        assert losses[0] == pytest.approx(2.360649347305298, rel=1e-5)
        assert losses[-1] == pytest.approx(2.290771007537842, rel=1e-3)


def test_accuracies_are_those_of_the_parts_by_hand(train, task):
    result, (network, _) = train(GOOD, 0), plainly_trained(task, RECIPE, 0)
    assert result.keys() == {"val", "test"}
    for part, accuracy in result.items():
        x, y = next(task.batches(part, len(getattr(task, part))))
        with torch.no_grad():
            right = (network.eval()(x).argmax(1) == y).double().mean().item()
        assert accuracy == pytest.approx(100 * right)
    assert result["val"] != result["test"]


@pytest.mark.slow
def test_training_longer_helps_and_a_dead_cell_stays_at_chance(train):
    long = StandaloneRecipe(epochs=12)
    assert train(GOOD, 0, long)["test"] > train(GOOD, 0)["test"] + 10
    assert train(DEAD, 0, long)["test"] < 20


@pytest.mark.slow
def test_every_part_of_the_recipe_counts(train):
    changes = {"epochs": 2, "batch_size": 32, "lr": 0.05, "momentum": 0.0, "weight_decay": 0.1}
    results = [train(GOOD, 0)]
    results += [train(GOOD, 0, replace(RECIPE, **{k: v})) for k, v in changes.items()]
    assert len({tuple(result.values()) for result in results}) == len(changes) + 1


def test_divergence_is_an_error_and_no_number(train):
    with pytest.raises(UsageError, match="nor_conv_3x3.* diverged; lower its learning rate"):
        train(GOOD, 0, StandaloneRecipe(epochs=1, lr=1e20))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("epochs", 0),
        ("batch_size", 0),
        ("lr", -0.1),
        ("lr", float("nan")),
        ("momentum", 1.1),
        ("weight_decay", float("inf")),
    ],
)
def test_an_impossible_recipe_is_refused(name, value):
    with pytest.raises(UsageError, match=f"--{name.replace('_', '-')} takes"):
        StandaloneRecipe(**{name: value})


@pytest.mark.parametrize(
    ("epochs", "batch", "images", "steps"),
    [(4, 64, 3000, 184), (1, 64, 64, 1), (3, 64, 10, 3), (2, 7, 20, 4)],
)
def test_steps_count_whole_batches(epochs, batch, images, steps):
    assert StandaloneRecipe(epochs=epochs, batch_size=batch).steps(images) == steps
