"""The budget of a training: steps that cost what was asked for, and whether they did."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import replace
from typing import Any

from harness.config.config import BY_DECLARED, OVER, Config
from methods.base import compute
from methods.options import Recipe
from methods.registry import METHODS
from searchspaces.base import SearchSpace
from searchspaces.errors import UsageError

SETTLED = 3  # rounds until steps and what one costs fit each other


def equalised(config: Config, space: SearchSpace, images: int) -> Recipe:
    """The recipe with as many steps as cost what ``train.steps`` steps of one path cost.

    ``images``: there are to train on. Compute is that of the training, with all that the method
    passes beside its paths; what it spends afterwards until its scores exist is counted, and said
    where it exceeds the budget (:func:`over_budget`). Seconds are not known here: a run that goes
    by them replaces ``train.steps`` before (:mod:`harness.running.timing`). Raises
    :class:`UsageError` for a step that costs nothing.
    """
    method, recipe = METHODS[config.method], config.train
    if not method.trains:
        return replace(recipe, steps=0)
    paths = _declared_paths(config, space)
    cost = {"images": paths["forwards"], "backwards": paths["backwards"]}.get(config.equalise, 1.0)
    steps = max(round(recipe.steps / cost), 1)
    for _ in range(SETTLED if config.equalise == "compute" else 0):
        now = replace(recipe, steps=steps)  # a step may cost more in a shorter training
        per_step = method.compute_per_step(config.options, space, now, images)
        steps = max(round(recipe.steps * compute(1, 1) / per_step), 1)
    if config.equalise == "compute":
        steps = _settled(config, space, images, steps)
    return replace(recipe, steps=steps)


def _settled(config: Config, space: SearchSpace, images: int, steps: int) -> int:
    """``steps`` where they cost what they may; else, where they are far off, the most that do not cost more.

    As of a method whose first steps cost much less than later ones.
    """
    budget = config.train.steps * compute(1, 1)

    def cost(number: int) -> float:
        now = replace(config.train, steps=number)
        method = METHODS[config.method]
        return number * method.compute_per_step(config.options, space, now, images)

    step = cost(steps + 1) - cost(steps)
    if abs(cost(steps) - budget) <= max((OVER - 1) * budget, step):
        return steps
    return max(bisect_right(range(1, 3 * config.train.steps), budget, key=cost), 1)


def _declared_paths(config: Config, space: SearchSpace) -> dict[str, float]:
    """What the method declares of a step; all of it above 0."""
    paths: Any = METHODS[config.method].paths_per_step(config.options, space)
    fine = isinstance(paths, dict) and {*paths} == {"forwards", "backwards"}
    if fine and all(number > 0 for number in paths.values()):
        return dict(paths)
    raise UsageError(
        f"paths_per_step of {config.method} is {paths} with these --options; forwards and "
        "backwards above 0 are due: take other --options, or correct the method."
    )


def over_budget(config: Config, spent: float, images: int) -> list[str]:
    """A sentence where scores cost clearly more compute than ``train.steps`` steps of one path."""
    batch = config.train.batch_size
    step = (min(batch, images) or batch) * compute(1, 1)  # of a scorer that reads no images
    if config.equalise != "compute" or spent <= OVER * config.train.steps * step:
        return []
    return [
        f"its scores cost {spent / (config.train.steps * step):.2g} times the compute of "
        f"{config.train.steps:,} steps of one path, search and retraining included; compare with "
        f"one that takes {round(spent / step):,} such steps"
    ]


def declared_compute(config: Config, space: SearchSpace, images: int) -> float:
    """What the training should cost by what the method declares of its steps.

    ``config`` as trained, its steps those of the method; on so many ``images``.
    """
    recipe = config.train
    per_image = METHODS[config.method].compute_per_step(config.options, space, recipe, images)
    return per_image * recipe.steps * min(recipe.batch_size, images)


def unlike_declared(config: Config, declared: float, counted: float) -> list[str]:
    """A sentence where a training took another compute than its method declares of its steps.

    Where their number follows from what is declared, such a run is not at equal cost.
    """
    follows = config.equalise in BY_DECLARED
    if not declared or not follows or 1 / OVER <= counted / declared <= OVER:
        return []
    return [
        f"its training cost {counted / declared:.2g} times the compute that {config.method} declares of "
        "its steps, from which their number follows: with batches and steps enough for its parts, "
        "paths_per_step or compute_per_step of the method is wrong"
    ]
