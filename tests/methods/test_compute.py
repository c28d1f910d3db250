"""What a step is said to cost, held against what is counted while steps are taken."""

from collections import Counter

import pytest
import scored
from params import slow_but
from planted import PlantedSpace
from scored import setting_of

from harness.commands.list import NOT_ON
from methods.base import compute
from methods.options import Recipe
from methods.registry import METHODS, options_class
from searchspaces.base import Site

# A board that is full two steps after it opens; a teacher that needs no ground truth.
CHANGES = {"cream": {"board": 2, "slice": 2, "update_share": 0.25}, "dna": {"teacher": ""}}
CHANGES |= {"greedynas": {"images": 2, "warmup": 1 / 6}}  # in so few steps rankings come out even
STEPS, BATCH, IMAGES = 24, 8, 40
ALONE = {"spos": 3, "fairnas": 9, "mixpath": 3, "gdas": 6, "darts": 18, "dna": 3.75}
ALONE |= {"few-shot": 3, "sandwich": 12, "rsps": 3}
ALONE |= {
    "enas": 8,
    "sumnas": 3 * 3 * 2,
    "pa-da": 3,
    "rlnas": 3,
    "mct-nas": 3,
    "greedynas": pytest.approx(3 + 2 * 14 / 15),
}
ALONE |= {"snas": 9, "darts-": 18, "fairdarts": 18}
ALONE |= {
    "setn": 3 + 9,
    "proxylessnas": 3 * (1 + 0.75 * 2 / 5),
    "fbnet": 9 * 17 / 9,
    "bossnas": pytest.approx(
        (4 * (1 + 3) + 2 * 6 + 2 * (9 + 1 + 27) * 256 / (4000 * 64)) / 3, rel=1e-4
    ),  # stages are a step longer or shorter
    "p-darts": 1.6 * 3 * (3 + 2 + 2) / 3,
}


def trained(name):
    options = options_class(name)(**CHANGES.get(name, {}))
    space = "nb201" if name in NOT_ON and "macro" in NOT_ON[name] else "macro"
    setting = setting_of(space, Recipe(steps=STEPS, batch_size=BATCH, lr=0.02))
    method = METHODS[name](setting, options)
    for step in range(STEPS):
        method.train_step(step)
    return method


FEW = {"cream": 0.05, "proxylessnas": 0.03}  # of whose dearer steps so short a training has few


@pytest.mark.parametrize("name", slow_but(["spos"], sorted(set(METHODS) - {"mngnas"})))
def test_a_training_costs_what_it_says(name):
    method = trained(name)
    assert method.costs["steps"] >= STEPS
    said = method.compute_per_step(
        method.options, method.space, method.setting.recipe, len(method.data.train)
    )
    counted = method.costs["compute"] / (STEPS * BATCH)
    assert counted == pytest.approx(said, rel=FEW.get(name, 0.02))


@pytest.mark.parametrize(("name", "per_image"), ALONE.items())
def test_by_hand(name, per_image):
    """Macro has three operators at each layer; a backward costs two forwards."""
    options = options_class(name)()
    space = setting_of("macro").space
    recipe = Recipe(steps=4000, batch_size=64)
    assert METHODS[name].compute_per_step(options, space, recipe, 3000) == pytest.approx(per_image)


def test_cream_pays_for_its_teacher_and_for_choosing_it():
    """After a sixth of the steps: a teacher's forward, and ten times four stored images.

    These once more in every 750th of the steps, and four images thrice, twice of them back.
    """
    space, recipe = setting_of("macro").space, Recipe(steps=4000, batch_size=64)
    said = METHODS["cream"].compute_per_step(options_class("cream")(), space, recipe, 3000)
    assert said == pytest.approx(3 + 5 / 6 * (1 + 40 / 64 + (40 + 4 * 7) / 64 / 5))


def test_ennas_pays_for_its_probes():
    """Four paths; before every 11 steps (a quarter of 46) but the first, 64 images by each of 3."""
    space, recipe = setting_of("macro").space, Recipe(steps=111, batch_size=64)
    kind, options = METHODS["ennas"], options_class("ennas")
    said = kind.compute_per_step(options(), space, recipe, 3000)
    assert said == pytest.approx(12 + 10 * 64 * 3 / (111 * 64))
    assert kind.compute_per_step(options(diversity=False), space, recipe, 3000) == 12
    few = kind.compute_per_step(options(), space, Recipe(steps=10, batch_size=64), 40)
    assert few == pytest.approx(12 + 9 * 40 * 3 / (10 * 40))  # an epoch and a probe each step
    uneven = PlantedSpace()
    uneven.sites = (*uneven.sites[:2], Site("two", ("poor", "good")))
    assert kind.compute_per_step(options(), uneven, recipe, 3000) == said  # the largest site's


def test_a_probe_is_a_pass_for_each_operator_of_the_largest_site():
    method = scored.make("ennas", options={"probe_images": 6})
    method.operators[next(iter(method.operators))] = 1
    method.costs.clear()
    method._begin_epoch(1)
    passes = 6 * max(method.operators.values())
    assert method.costs == {"image_passes": passes, "compute": passes, "probe_image_passes": passes}


def test_counting():
    counter = type("Counting", (METHODS["spos"],), {})
    method = counter.__new__(counter)
    method.costs = Counter()
    method.count(3, 2, 12)
    method.count(1, 0, 5)
    assert method.costs == {
        "path_forwards": 4,
        "path_backwards": 2,
        "image_passes": 17,
        "compute": 12 + 2 * 8 + 5,
    }
    assert compute(1, 1) == 3


@pytest.mark.slow
def test_mngnas_counts_what_its_scores_need():
    """Students forward and back, teachers forward, and the scores that choose these."""
    method = scored.make("mngnas", options={"kd": "none", "population": 4, "removed": 1})
    before = method.costs["compute"]
    method.search_epoch(0)
    retrain = method.options.retrain_steps * 8 * 4 * 3
    assert method.costs["compute"] - before == retrain + 4 * scored.PASSES
