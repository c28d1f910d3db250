"""Recipes of stand-alone training: what is printed, what is refused, what a preset makes of them."""

import math
from dataclasses import asdict, replace

import pytest
import torch

from harness.standalone.config import PRESETS, StandaloneConfig, base_config
from harness.standalone.recipes import RECIPES, recipe_values, usual_recipe
from harness.tasks import IMAGES
from methods.standalone.optimizer import drop_probability, learning_rate
from methods.standalone.recipe import StandaloneRecipe, TrainingRecipe
from searchspaces.errors import UsageError
from searchspaces.registry import SPACES


def recipe(name, space="darts"):
    return TrainingRecipe(**recipe_values(name, space))


def rates(of, per_epoch):
    """The learning rate of every step."""
    return [learning_rate(of, step, per_epoch) for step in range(of.epochs * per_epoch)]


# What the papers say ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "space", "printed"),
    [
        ("cifar-600", "darts", {"epochs": 600, "batch_size": 96, "lr": 0.025, "cutout": 16}),
        ("cifar-600", "darts", {"auxiliary": 0.4, "drop_path": 0.2, "weight_decay": 3e-4}),
        ("cifar-600", "mobilenet", {"auxiliary": 0, "drop_path": 0, "clip": 5, "momentum": 0.9}),
        ("imagenet-250", "darts", {"epochs": 250, "batch_size": 128, "lr": 0.1, "decay": 0.97}),
        ("imagenet-250", "darts", {"weight_decay": 3e-5, "label_smoothing": 0.1, "drop_path": 0}),
        ("imagenet-500", "ennas-s1", {"epochs": 500, "optimizer": "rmsprop", "lr": 0.064}),
        ("imagenet-500", "ennas-s1", {"weight_decay": 1e-5, "ema": 0.9999, "dropout": 0.2}),
        ("imagenet-240", "shufflenet", {"schedule": "linear", "lr": 0.5, "weight_decay": 4e-5}),
        ("nb101", "nb101", {"optimizer": "rmsprop", "lr": 0.2, "rmsprop_eps": 1.0, "epochs": 108}),
        ("nb201", "nb201", {"epochs": 200, "batch_size": 256, "nesterov": True}),
        ("cifar-600", "darts", {"schedule": "cosine", "lr_every": "epoch", "nesterov": False}),
        ("cifar-600", "nb201", {"auxiliary": 0, "drop_path": 0, "cutout": 16, "decay_all": True}),
        ("imagenet16-600", "darts", {"cutout": 8, "epochs": 600, "batch_size": 96, "lr": 0.025}),
        ("imagenet16-600", "darts", {"auxiliary": 0.4, "drop_path": 0.2, "clip": 5}),
        ("imagenet16-600", "darts", {"weight_decay": 3e-4, "lr_every": "epoch", "momentum": 0.9}),
        ("imagenet-240", "shufflenet", {"epochs": 240, "batch_size": 1024, "decay_all": False}),
        ("imagenet-240", "shufflenet", {"label_smoothing": 0.1, "dropout": 0.1, "momentum": 0.9}),
        ("imagenet-240", "shufflenet", {"lr_every": "step", "optimizer": "sgd", "clip": 0}),
        ("imagenet-250", "darts", {"clip": 5, "auxiliary": 0.4, "lr_every": "epoch", "cutout": 0}),
        ("imagenet-250", "nb201", {"auxiliary": 0, "schedule": "exponential", "decay_epochs": 1}),
        ("imagenet-500", "ennas-s1", {"batch_size": 1024, "decay_all": False, "momentum": 0.9}),
        ("imagenet-500", "ennas-s1", {"label_smoothing": 0.1, "rmsprop_eps": 1e-3}),
        ("imagenet-500", "ennas-s1", {"rmsprop_decay": 0.9, "nesterov": False, "cutout": 0}),
        ("nb101", "nb101", {"batch_size": 256, "weight_decay": 1e-4, "rmsprop_decay": 0.9}),
        ("nb101", "nb101", {"momentum": 0.9, "schedule": "cosine", "nesterov": False}),
        ("nb201", "nb201", {"lr": 0.1, "weight_decay": 5e-4, "momentum": 0.9, "cutout": 0}),
        ("nb201", "nb201", {"schedule": "cosine", "decay_all": True, "lr_every": "step"}),
        ("macro", "macro", {"epochs": 50, "batch_size": 256, "lr": 0.1, "weight_decay": 5e-4}),
        ("macro", "macro", {"nesterov": True, "momentum": 0.9, "schedule": "cosine"}),
        ("tables", "nb201", {"epochs": 4, "batch_size": 64, "lr": 0.1, "weight_decay": 5e-4}),
    ],
)
def test_named_recipes_are_as_printed(name, space, printed):
    values = asdict(recipe(name, space))
    assert {option: values[option] for option in printed} == printed


@pytest.mark.parametrize(
    ("task", "recipes"),
    [
        ("digits", {"nb201": "tables", "darts": "tables", "shufflenet": "tables"}),
        ("cifar10", {"nb201": "nb201", "nb101": "nb101", "macro": "macro", "darts": "cifar-600"}),
        ("cifar100", {"nb201-x": "nb201", "mobilenet": "cifar-600", "shufflenet": "cifar-600"}),
        ("imagenet16-120", {"nb201": "nb201", "darts": "imagenet16-600"}),
        ("imagenet16-120", {"ennas-s1": "imagenet16-600", "mobilenet": "imagenet16-600"}),
        ("imagenet", {"darts": "imagenet-250", "shufflenet": "imagenet-240"}),
        ("imagenet", {"shufflenet-x": "imagenet-240", "mobilenet": "imagenet-500"}),
        ("imagenet", {"ennas-s1": "imagenet-500", "nb201": "imagenet-500"}),
    ],
)
def test_each_space_has_its_usual_recipe(task, recipes):
    assert {space: usual_recipe(space, task) for space in recipes} == recipes


_SMALL = {"width": 8, "warmup": 0.0}


@pytest.mark.parametrize(
    ("preset", "task", "values"),
    [
        ("smoke", "digits", {"epochs": 1, "width": 0}),
        ("smoke", "cifar10", _SMALL | {"epochs": 1, "train_images": 960, "eval_images": 1000}),
        ("smoke", "imagenet16-120", _SMALL | {"epochs": 1, "train_images": 960}),
        ("smoke", "imagenet", _SMALL | {"epochs": 1, "batch_size": 16, "lr": 0.01}),
        ("smoke", "imagenet", {"train_images": 64, "eval_images": 64}),
        ("laptop", "digits", {"epochs": 4, "width": 0, "train_images": 0, "eval_images": 0}),
        ("laptop", "cifar100", _SMALL | {"epochs": 10, "train_images": 5000, "eval_images": 2000}),
        ("laptop", "imagenet16-120", _SMALL | {"epochs": 10, "train_images": 5000}),
        ("laptop", "imagenet16-120", {"eval_images": 2000, "lr": 0.025}),
        ("laptop", "imagenet", _SMALL | {"epochs": 5, "batch_size": 64, "lr": 0.01}),
        ("laptop", "imagenet", {"train_images": 2000, "eval_images": 1000}),
        ("paper", "cifar10", {"train_images": 0, "eval_images": 0, "width": 0, "cells": 0}),
    ],
)
def test_a_preset_shortens_the_usual_recipe(preset, task, values):
    config = base_config("mobilenet", task, preset)
    found = asdict(config) | asdict(config.train)
    assert {option: found[option] for option in values} == values
    assert (config.preset, config.space, config.task) == (preset, "mobilenet", task)


def test_the_recipe_named_tables_is_that_of_the_tables():
    assert recipe("tables", "nb201") == StandaloneRecipe().training()
    assert not StandaloneRecipe(momentum=0.0).training().nesterov


def test_every_recipe_names_its_source():
    for name, named in RECIPES.items():
        assert named.source.endswith("."), name
        assert all(text.endswith(".") for text in (*named.open, *named.departs)), name


@pytest.mark.parametrize("preset", PRESETS)
def test_every_space_task_and_preset_has_a_recipe(preset):
    for space in SPACES:
        for task in IMAGES:
            config = base_config(space, task, preset)
            assert config.recipe == usual_recipe(space, task)
            if preset == "paper":
                assert config.changed() == {}
                assert config.train == recipe(config.recipe, space)
                assert (config.train_on == "train+val") == (
                    task in ("cifar10", "cifar100", "imagenet")
                )
            else:
                assert config.train_on == "train"


def test_only_cells_are_repeated_less_often():
    assert base_config("darts", "cifar10", "smoke").cells == 1
    assert base_config("mobilenet", "cifar10", "smoke").cells == 0
    assert base_config("darts", "digits", "smoke").cells == 0


# Schedules ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("schedule", ["cosine", "linear"])
def test_decay_to_zero_begins_at_the_rate_and_ends_one_step_before_zero(schedule):
    got = rates(TrainingRecipe(epochs=5, lr=0.3, schedule=schedule), 8)
    assert got[0] == 0.3
    assert got[20] == pytest.approx(0.15)
    assert 0 < got[-1] < 0.3 * 1.01 / 40
    assert got == sorted(got, reverse=True)
    assert learning_rate(TrainingRecipe(epochs=5, schedule=schedule), 40, 8) == 0


def scheduled(scheduler, epochs, lr):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr)
    moving = scheduler(optimizer)
    found = []
    for _ in range(epochs):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        moving.step()
    return found


def test_the_cifar_rate_is_torchs_cosine_over_epochs():
    got = rates(recipe("cifar-600"), 3)
    assert got[0::3] == got[1::3] == got[2::3]
    cosine = scheduled(lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, 600), 600, 0.025)
    assert got[0::3] == pytest.approx(cosine, abs=1e-12)


def test_the_darts_imagenet_rate_is_torchs_step_decay():
    got = rates(recipe("imagenet-250"), 2)
    step = scheduled(lambda o: torch.optim.lr_scheduler.StepLR(o, 1, 0.97), 250, 0.1)
    assert got[0::2] == got[1::2] == pytest.approx(step)


def test_the_500_epochs_warm_up_and_then_decay_every_2_4_epochs():
    got = rates(recipe("imagenet-500"), 2)[::2]
    assert got[0] == 1e-6
    assert got[1:3] == pytest.approx([1e-6 + (0.064 - 1e-6) * epoch / 3 for epoch in (1, 2)])
    assert got[3] == got[4] == pytest.approx(0.064 * 0.973)
    assert got[5] == pytest.approx(0.064 * 0.973**2)
    assert got[499] == pytest.approx(0.064 * 0.973 ** math.floor(499 / 2.4))


def test_path_drop_rises_by_epochs_from_nothing():
    of = recipe("cifar-600")
    assert drop_probability(of, 9, 10) == 0
    assert drop_probability(of, 10, 10) == pytest.approx(0.2 / 600)
    assert drop_probability(of, 5999, 10) == pytest.approx(0.2 * 599 / 600)


# What is refused ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epochs": 0}, "--train.epochs takes"),
        ({"lr": float("nan")}, "--train.lr takes"),
        ({"drop_path": 1.0}, "--train.drop-path takes"),
        ({"dropout": 1.0}, "--train.dropout takes"),
        ({"ema": 1.0}, "--train.ema takes"),
        ({"decay_epochs": 0.0}, "--train.decay-epochs takes"),
        ({"cutout": -1}, "--train.cutout takes"),
        ({"epochs": 2, "warmup": 3.0}, "--train.warmup 3 is longer than --train.epochs 2"),
        ({"nesterov": True, "momentum": 0.0}, "needs a --train.momentum above 0"),
        ({"nesterov": True, "optimizer": "rmsprop"}, "needs --train.optimizer sgd"),
    ],
)
def test_an_impossible_recipe_is_refused(changes, message):
    with pytest.raises(UsageError, match=message):
        TrainingRecipe(**changes)


@pytest.mark.parametrize(
    "name", ["train_images", "eval_images", "validate_every", "width", "cells", "seed"]
)
def test_a_configuration_that_no_training_can_have_is_refused(name):
    with pytest.raises(UsageError, match=f"--{name.replace('_', '-')} takes"):
        StandaloneConfig(**{name: -1})
    assert StandaloneConfig(**{name: 0}).to_dict()[name] == 0


def test_unknown_names_are_answered_by_the_nearest():
    with pytest.raises(UsageError, match="did you mean 'cifar-600'"):
        base_config("darts", "cifar10", "paper", "cifar600")
    with pytest.raises(UsageError, match="did you mean 'smoke'"):
        base_config("darts", "cifar10", "smok")


# The configuration --------------------------------------------------------------------------------


def test_folders_are_told_apart_by_what_shapes_the_training_only():
    config = base_config("nb201", "digits", "laptop")
    assert replace(config, preset="paper").name == config.name
    assert replace(config, recipe="nb201").name == config.name
    assert replace(config, seed=7).name == config.name.replace("-s0", "-s7")
    changed = {"arch": "x", "train_on": "train+val", "train_images": 9, "eval_images": 9}
    changed |= {"width": 4, "train": TrainingRecipe(epochs=9), "cells": 2, "scale": "compact"}
    changed |= {"validate_every": 3, "task": "cifar10", "space": "darts"}
    names = {replace(config, **{option: value}).name for option, value in changed.items()}
    assert len(names | {config.name}) == len(changed) + 1


def test_what_differs_from_the_recipe_is_told():
    config = base_config("darts", "cifar10", "laptop")
    assert config.changed() == {"epochs": 10}
    assert StandaloneConfig(train=TrainingRecipe(nesterov=True, lr=0.3)).changed() == {"lr": 0.3}
