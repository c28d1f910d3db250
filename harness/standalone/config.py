"""The configuration of ``nas-harness train-standalone``: everything its result depends on."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from math import inf
from typing import Any

from harness.config.config import digest, with_values
from harness.standalone.recipes import RECIPES, recipe_values, usual_recipe
from harness.tasks.own.place import is_own
from methods.options import check_limits, option
from methods.standalone.recipe import TrainingRecipe
from searchspaces.errors import UsageError
from searchspaces.registry import nearest, stem


@dataclass(frozen=True)
class StandaloneConfig:
    """One architecture, its images, its network's size and its recipe.

    ``arch`` is as the space encodes it. Raises :class:`UsageError` for values that no training can
    have.
    """

    space: str = option("nb201", "search space")
    arch: str = option("", "the architecture, as its space writes it")
    task: str = option(
        "digits", "task: see 'nas-harness list'; or FILE.py:FUNCTION, folder:PATH, hf:PATH"
    )
    scale: str = option("", "scale of the network; empty: the task's usual one")
    seed: int = option(0, "seed of the weights and of the training")
    preset: str = option("laptop", "base values of all options", ("smoke", "laptop", "paper"))
    recipe: str = option(
        "tables", f"base values of --train.*: {', '.join(RECIPES)}; left out: as papers do"
    )
    train_on: str = option(
        "train",
        "images to learn from: the training part, or the validation part as well, as papers do for "
        "their tables; then there is no validation accuracy",
        ("train", "train+val"),
    )
    train_images: int = option(0, "learn from only this many of them; 0: all")
    eval_images: int = option(0, "validate and test on only so many images, the first; 0: all")
    validate_every: int = option(1, "epochs between two validations; 0: only at the end")
    width: int = option(0, "channels of the first stage; 0: as the scale has it")
    cells: int = option(0, "cells per stage; 0: as the scale has it")
    start: str = ""  # SHA-256 of the weights that it begins with, where they are not drawn
    train: TrainingRecipe = field(default_factory=TrainingRecipe)

    def __post_init__(self) -> None:
        if self.recipe not in RECIPES:
            raise UsageError(f"unknown recipe '{self.recipe}'{nearest(self.recipe, RECIPES)}")
        counts = ("train_images", "eval_images", "validate_every", "width", "cells")
        check_limits({name: getattr(self, name) for name in counts}, {n: (0, inf) for n in counts})
        check_limits({"seed": self.seed}, {"seed": (0, 2**32 - 1)})

    def to_dict(self) -> dict[str, Any]:
        """Without ``start`` where there is none, as before there was one."""
        tree = asdict(self)
        if not self.start:
            del tree["start"]
        return tree

    @property
    def name(self) -> str:
        """Of the folder: equal for equal trainings up to the seed, whoever found the architecture."""
        shared = {k: v for k, v in self.to_dict().items() if k not in ("seed", "preset", "recipe")}
        return f"{stem(self.space)}-{self.task}-{digest(shared)}-s{self.seed}"

    @property
    def settings(self) -> str:
        """Of all that the result depends on but images."""
        tree = self.to_dict()
        return digest({name: tree[name] for name in tree.keys() - {"task", "preset", "recipe"}})

    def changed(self) -> dict[str, Any]:
        """The options of the training that are not those of its named recipe."""
        named = with_values(TrainingRecipe(), recipe_values(self.recipe, self.space))
        before = asdict(named)
        return {name: value for name, value in asdict(self.train).items() if value != before[name]}


_SHORT = {"width": 8, "train.warmup": 0.0}
_IMAGENET = _SHORT | {"train.lr": 0.01}
# What each preset changes of a recipe, by the task's name without digits at its end. The embedded
# task is small anyway, and its recipe that of the tables; images of the user's own are as these.
PRESETS: dict[str, dict[str, dict[str, Any]]] = {
    "smoke": {
        "digits": {"train.epochs": 1},
        "cifar": _SHORT | {"train.epochs": 1, "train_images": 960, "eval_images": 1000},
        "imagenet16-": _SHORT | {"train.epochs": 1, "train_images": 960, "eval_images": 1000},
        "imagenet": _IMAGENET
        | {"train.epochs": 1, "train.batch_size": 16, "train_images": 64, "eval_images": 64},
    },
    "laptop": {
        "cifar": _SHORT | {"train.epochs": 10, "train_images": 5000, "eval_images": 2000},
        "imagenet16-": _SHORT | {"train.epochs": 10, "train_images": 5000, "eval_images": 2000},
        "imagenet": _IMAGENET
        | {"train.epochs": 5, "train.batch_size": 64, "train_images": 2000, "eval_images": 1000},
    },
    # Papers train what they tabulate on all training images; our validation part is cut from them.
    "paper": {"cifar": {"train_on": "train+val"}, "imagenet": {"train_on": "train+val"}},
}
_OF_CELLS = ("darts", "nb101", "nb201")  # elsewhere fewer layers would be another architecture


def preset_values(preset: str, space: str, task: str) -> dict[str, Any]:
    """The dotted options that ``preset`` sets for a space and a task.

    Raises :class:`UsageError` for an unknown preset.
    """
    if preset not in PRESETS:
        raise UsageError(f"unknown preset '{preset}'{nearest(preset, PRESETS)}")
    kind = "digits" if is_own(task) else task.rstrip("0123456789")
    values = PRESETS[preset].get(kind, {})
    if "width" in values and space.split("-")[0] in _OF_CELLS:
        return values | {"cells": 1}
    return values


def base_config(space: str, task: str, preset: str, recipe: str = "") -> StandaloneConfig:
    """The configuration without options: the recipe's values, then the preset's.

    Raises :class:`UsageError` for an unknown recipe or preset.
    """
    recipe = recipe or usual_recipe(space, task)
    config = StandaloneConfig(space=space, task=task, preset=preset, recipe=recipe)
    named = {f"train.{name}": value for name, value in recipe_values(recipe, space).items()}
    return with_values(config, named | preset_values(preset, space, task))
