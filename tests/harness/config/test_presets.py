"""Presets: the recipes that methods were published with, and what makes runs short."""

from dataclasses import asdict
from pathlib import Path

import pytest

from harness.commands.run import parse
from harness.config import presets
from methods.registry import METHODS


def configured(*arguments):
    return parse(list(arguments))[0]


def leaves(tree, prefix=""):
    for name, value in tree.items():
        if isinstance(value, dict):
            yield from leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def test_presets_cost_ever_more():
    steps = [configured("--preset", name).train.steps for name in ("smoke", "laptop", "paper")]
    assert steps == sorted(set(steps))


def test_published_recipes_differ_where_their_sources_do():
    paper = {name: configured("--preset", "paper", "--method", name) for name in METHODS}
    assert paper["dna"].train.schedule == "staircase" and paper["dna"].options.optimizer == "adam"
    assert paper["mixpath"].cutout == 16
    unclipped = {
        "cream",
        "ennas",
        "dna",
        "few-shot",
        "sandwich",
        "fbnet",
        "proxylessnas",
        "rlnas",
        "greedynas",
        "mct-nas",
    }
    assert {name for name in METHODS if not paper[name].train.clip} == unclipped
    for name in ("spos", "cream", "ennas"):
        assert paper[name].score.calibration_batch == 128
    assert paper["ennas"].train.batch_size == paper["cream"].train.batch_size == 1024


PUBLISHED = {  # batch, learning rate and its decay, weight decay, clip, smoothing; see the presets
    "spos": (256, 0.05, "cosine", 2.5e-4, 5.0, 0.0),
    "fairnas": (256, 0.045, "cosine", 4e-5, 5.0, 0.0),
    "mixpath": (96, 0.025, "cosine", 3e-4, 5.0, 0.0),
    "cream": (1024, 0.5, "linear", 4e-5, 0.0, 0.1),
    "ennas": (1024, 0.5, "linear", 4e-5, 0.0, 0.0),
    "mngnas": (96, 0.025, "cosine", 3e-4, 5.0, 0.0),
    "darts": (64, 0.025, "cosine", 5e-4, 5.0, 0.0),
    "gdas": (64, 0.025, "cosine", 5e-4, 5.0, 0.0),
    "dna": (64, 0.005, "staircase", 1e-4, 0.0, 0.0),
    "few-shot": (48, 0.025, "cosine", 1e-4, 0.0, 0.0),
    "sandwich": (1024, 0.5, "linear", 1e-4, 0.0, 0.0),
    "rlnas": (64, 0.025, "cosine", 5e-4, 0.0, 0.0),
    "greedynas": (1024, 0.12, "cosine", 4e-5, 0.0, 0.1),
    "mct-nas": (1024, 0.12, "cosine", 4e-5, 0.0, 0.1),
    "enas": (128, 0.05, "cosine", 2.5e-4, 5.0, 0.0),
    "sumnas": (256, 0.05, "cosine", 2.5e-4, 5.0, 0.0),
    "pa-da": (256, 0.05, "cosine", 2.5e-4, 5.0, 0.0),
    "rsps": (64, 0.025, "cosine", 5e-4, 5.0, 0.0),
    "snas": (64, 0.025, "cosine", 3e-4, 5.0, 0.0),
    "bossnas": (256, 0.05, "cosine", 1e-6, 5.0, 0.0),
    "nsas": (32, 0.025, "cosine", 3e-4, 5.0, 0.0),
    "setn": (64, 0.025, "cosine", 5e-4, 5.0, 0.0),
    "proxylessnas": (256, 0.025, "cosine", 4e-5, 0.0, 0.1),
    "fbnet": (192, 0.1, "cosine", 1e-4, 0.0, 0.0),
    "p-darts": (96, 0.025, "cosine", 3e-4, 5.0, 0.0),
    "pc-darts": (256, 0.1, "cosine", 3e-4, 5.0, 0.0),
    "darts-": (64, 0.025, "cosine", 5e-4, 5.0, 0.0),
    "fairdarts": (128, 0.005, "cosine", 3e-4, 5.0, 0.0),
}


@pytest.mark.parametrize("method", list(METHODS))
def test_every_method_has_the_recipe_that_it_was_published_with(method):
    train = configured("--preset", "paper", "--method", method).train
    found = (train.batch_size, train.lr, train.schedule, train.weight_decay)
    assert (*found, train.clip, train.label_smoothing) == PUBLISHED[method]


# Epochs of 25,000 images in whole batches, and which option else is printed.
LENGTHS = {
    "spos": (250 * 97, {}),
    "fairnas": (150 * 97, {"options.search": "nsga2"}),
    "mixpath": (200 * 260, {}),
    "cream": (120 * 24, {"train.nesterov": True}),
    "ennas": (120 * 6, {}),  # an epoch is a quarter of the images
    "mngnas": (600 * 260, {"options.retrain_steps": 40 * 260, "options.perturb_steps": 260}),
    "darts": (50 * 390, {"train.nesterov": True}),
    "gdas": (250 * 390, {"train.nesterov": True}),
    "dna": (10_400, {"options.teacher_share": 0.25, "options.outer_lr_ratio": 0.4}),
    "few-shot": ((600 + 5 * 150) * 520, {"train.nesterov": True}),
    "sandwich": (250 * 24, {"train.nesterov": True}),
    "rlnas": (250 * 390, {"train.nesterov": True}),
    "greedynas": (120 * 24, {}),
    "mct-nas": (120 * 24, {}),
    "enas": (310 * 195, {"train.nesterov": True}),
    "sumnas": (250 * 97, {}),
    "pa-da": (250 * 97, {}),
    "rsps": (250 * 390, {"train.nesterov": True}),
    "snas": (150 * 390, {}),
    "nsas": (50 * 781, {}),
    "bossnas": (150 * 97, {"options.hidden": 4096, "options.features": 256}),
    "setn": (250 * 390, {"train.nesterov": True}),
    "proxylessnas": (160 * 97, {"train.nesterov": True}),
    "fbnet": (90 * 130, {}),
    "p-darts": (75 * 260, {}),
    "pc-darts": (50 * 97, {}),
    "darts-": (50 * 390, {"train.nesterov": True}),
    "fairdarts": (50 * 195, {}),
}


@pytest.mark.parametrize("method", list(METHODS))
def test_every_method_trains_as_long_as_it_was_published_to(method):
    config = configured("--preset", "paper", "--method", method)
    steps, more = LENGTHS[method]
    values = dict(leaves(config.to_dict()))
    assert config.train.steps == steps and config.equalise == "steps"
    assert {name: values[name] for name in more} == more
    nesterov = more.get("train.nesterov", False)
    assert (config.train.momentum, config.train.nesterov) == (0.9, nesterov)
    assert config.cutout == 16 * (method == "mixpath")
    assert config.score.calibration_images == 200 * 128
    assert config.rank.architectures == config.score.images == 0 and config.rank.measure_found


_REAL = {"supernet.scale": "proxy", "supernet.resolution": 0}
_SMOKE = {"search.population": 8, "search.generations": 2, "search.parents": 4}
_SMOKE |= {"score.calibration_images": 256, "rank.architectures": 60, "rank.measure_found": False}
_LAPTOP = {"search.population": 20, "search.generations": 8}
_SHORT = {"options.search_epochs": 2, "options.population": 6, "options.removed": 2}
_LONG = {"options.search_epochs": 6, "options.population": 16, "options.removed": 6}


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("smoke digits spos", _SMOKE | {"train.steps": 200, "supernet.scale": "truth"}),
        ("smoke cifar10 spos", _SMOKE | _REAL | {"train.steps": 60, "train_images": 2000}),
        ("smoke cifar100 spos", {"supernet.width": 4, "score.images": 500}),
        ("smoke digits dna", {"options.blocks": 200}),
        ("smoke digits ennas", {"options.report_images": 64}),
        ("smoke digits mngnas", _SHORT | {"options.retrain_steps": 3, "options.perturb_steps": 1}),
        ("laptop digits spos", _LAPTOP | {"supernet.scale": "truth", "rank.architectures": 0}),
        ("laptop cifar10 spos", _LAPTOP | _REAL | {"train.steps": 16_000, "train.lr": 0.05}),
        ("laptop cifar10 synflow", {"supernet.scale": "truth"}),
        ("laptop imagenet16-120 spos", {"score.images": 2500, "score.calibration_images": 1000}),
        ("laptop cifar10 spos", {"rank.architectures": 1000, "train_images": 0}),
        ("laptop cifar10 spos macro", {"train.steps": 8000, "rank.architectures": 1000}),
        ("laptop cifar10 spos nb101", {"train.steps": 8000, "rank.architectures": 500}),
        ("laptop digits spos nb101", {"rank.architectures": 0}),
        ("laptop digits mngnas", _LONG | {"options.retrain_steps": 10, "options.perturb_steps": 5}),
    ],
)
def test_presets_by_task_method_and_space(arguments, expected):
    preset, task, method, *space = arguments.split()
    more = ("--space", *space) if space else ()
    config = configured("--preset", preset, "--task", task, "--method", method, *more)
    values = dict(leaves(config.to_dict() | {"supernet": asdict(config.supernet)}))
    assert {name: values[name] for name in expected} == expected


def test_every_recipe_has_its_source_in_a_comment():
    """Before the values of a method, in the preset's own text."""
    text = Path(presets.__file__).read_text(encoding="utf-8").partition('"paper": {')[2]
    lines = [line.strip() for line in text.splitlines()]
    for method in METHODS:
        (at,) = (i for i, line in enumerate(lines) if line.startswith(f'"{method}": '))
        assert lines[at - 1].startswith("# ")


@pytest.mark.parametrize(
    ("method", "value"),
    [
        ("fairnas", "train.clip"),
        ("ennas", "train.batch_size"),
        ("ennas", "train.clip"),
        ("mngnas", "train.lr"),
        ("mngnas", "options.perturb_steps"),
        ("nsas", "train.steps"),
    ],
)
def test_a_value_that_no_source_has_is_marked_as_ours(method, value):
    text = Path(presets.__file__).read_text(encoding="utf-8").partition('"paper": {')[2]
    own = text.partition(f'"{method}": {{')[2].partition("        },\n")[0]
    (line,) = (line for line in own.splitlines() if f'"{value}": ' in line)
    assert "# ours" in line
