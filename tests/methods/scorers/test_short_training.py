"""Short trainings are those of the tables, on the images that a method may see."""

from dataclasses import asdict, fields, replace

import numpy as np
import pytest
import torch
from scorers import scorer

from harness.conformance.noise import Noise
from harness.standalone.images import first
from harness.standalone.trainings import train_standalone
from harness.tasks import load_task
from methods.base import Setting
from methods.options import Recipe, Scoring, SearchLimits
from methods.scorers.short_training import ShortTraining, ShortTrainingOptions
from methods.standalone.recipe import StandaloneRecipe
from searchspaces.base import ImageSpec
from searchspaces.errors import UsageError
from searchspaces.nb201.space import NASBench201

SPACE = NASBench201("compact", width=4)
ARCHS = [(3, 1, 2, 3, 4, 3), (2, 3, 4, 0, 1, 2)]


def made(data, seed=0, by="accuracy", images=0, **options):
    setting = Setting(
        space=SPACE,
        data=data,
        recipe=Recipe(steps=0),
        scoring=Scoring(by=by, images=images),
        search=SearchLimits(),
        seed=seed,
        device=torch.device("cpu"),
    )
    return ShortTraining(setting, ShortTrainingOptions(**options))


@pytest.fixture(scope="module")
def task():
    whole = load_task("digits")
    return replace(whole, **{p: first(getattr(whole, p), 96) for p in ("train", "val", "test")})


@pytest.mark.slow
def test_scores_are_the_validation_accuracies_that_a_table_of_so_many_epochs_has(task):
    method = made(task, seed=3, epochs=2, batch_size=32)
    scores = method.score(ARCHS)
    recipe = StandaloneRecipe(epochs=2, batch_size=32)
    assert scores.tolist() == [train_standalone(SPACE, a, task, recipe, 3)["val"] for a in ARCHS]
    assert scores[0] != scores[1]


def test_by_default_the_recipe_is_that_of_the_tables_but_for_its_length():
    assert asdict(ShortTrainingOptions()) == asdict(StandaloneRecipe()) | {"epochs": 1}
    assert all(field.metadata["help"] for field in fields(ShortTrainingOptions))


@pytest.mark.slow
def test_it_is_content_with_what_a_method_sees_and_leaves_random_numbers_alone():
    """Noise has no test images."""
    method = made(Noise(ImageSpec(1, 8, 4)), epochs=1, batch_size=16)
    torch.manual_seed(3)
    expected = torch.rand(3)
    torch.manual_seed(3)
    method.score(ARCHS)
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("batch", "images", "steps", "seen", "scored"),
    [(16, 0, 2, 16, 48), (64, 8, 1, 40, 8), (16, 99, 2, 16, 48)],
)
def test_every_pass_is_counted(batch, images, steps, seen, scored):
    """Of 40 training images, perhaps fewer than a batch, and 48 to validate on."""
    data = Noise(ImageSpec(1, 8, 4), size=64).selected(slice(40))
    method = made(data, images=images, epochs=3, batch_size=batch)
    method.score(ARCHS)
    assert method.costs["steps"] == method.costs["path_backwards"] == 2 * 3 * steps
    assert method.costs["image_passes"] == 2 * 3 * steps * seen
    assert method.costs["compute"] == 3 * method.costs["image_passes"]
    assert method.costs["scoring_image_passes"] == 2 * scored


@pytest.mark.parametrize(("epochs", "told"), [(1, "one epoch"), (2, "2 epochs")])
def test_it_says_how_long_it_trains_and_goes_one_by_one(epochs, told):
    method = made(Noise(), epochs=epochs)
    (note,) = method.notes()
    assert note == f"each architecture is trained by itself, for {told}: no weights are shared"
    assert method.chunks(ARCHS * 5) == [[place] for place in range(10)]


def test_a_cell_without_a_path_is_trained_like_any_other():
    """It can learn how often classes are, no more."""
    data = Noise(ImageSpec(1, 8, 4))
    score = made(data, epochs=1, batch_size=16).score([(0,) * 6]).item()
    shares = np.bincount(data.val.labels, minlength=4) / len(data.val)
    assert score in [pytest.approx(100 * share) for share in shares]


def test_scores_can_be_losses():
    assert made(Noise(ImageSpec(1, 8, 4)), by="loss").score(ARCHS).max() < 0
    assert scorer("short-training").score([ARCHS[0]]).item() > 0


def test_an_impossible_option_is_named_by_its_flag():
    with pytest.raises(UsageError, match="^--options.epochs takes at least 1, not 0"):
        ShortTrainingOptions(epochs=0)
    with pytest.raises(UsageError, match="^--batch-size takes at least 1, not 0"):
        StandaloneRecipe(batch_size=0)
