"""What the training of BossNAS costs: passes of stages, of which each is a part of a path."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from itertools import pairwise

from methods.base import compute
from methods.bossnas.options import BossNASOptions
from methods.dna.blocks import Blocks
from methods.lazy import torch
from methods.options import Recipe
from searchspaces.base import ImageSpec, SearchSpace, choices

Passes = tuple[int, int]
"""Of one stage by one image: forwards and backwards."""


def operators(space: SearchSpace) -> int:
    """Of the largest site: as many paths use each once."""
    return max(choices(space).values())


def starts(stages: int, steps: int) -> list[int]:
    """The first step of each stage, and behind them the number of steps."""
    return [-(-stage * steps // stages) for stage in range(stages + 1)]


@lru_cache(maxsize=64)
def stages_of(space: SearchSpace) -> int:
    """Of its supernets."""
    own = space.stage_sites()
    if own is not None:
        return len(own)
    with torch.device("meta"):
        return space.supernet(ImageSpec(3, 32, 10)).stages_number


def of_step(stage: int, paths: int) -> Passes:
    """Two views pass two networks, to the stage and through it; one of them learns."""
    return 4 * (stage + paths), 2 * paths


def of_choice(stage: int, paths: int) -> Passes:
    """The images that choose the best path of a stage pass two networks."""
    return 2 * (stage + paths), 0


def mean_of_steps(space: SearchSpace) -> dict[str, float]:
    """Path-forwards and path-backwards of a step."""
    stages, paths = stages_of(space), operators(space)
    steps = [of_step(stage, paths) for stage in range(stages)]
    forwards, backwards = (sum(passes) / stages**2 for passes in zip(*steps, strict=True))
    return {"forwards": forwards, "backwards": backwards}


def of_training(options: BossNASOptions, space: SearchSpace, recipe: Recipe, images: int) -> float:
    """Compute of a step for each image of its batch, on average, with all choices of best paths."""
    stages, paths, batch = stages_of(space), operators(space), min(recipe.batch_size, images)
    numbers, total = Blocks(space, stages).numbers, 0.0
    for stage, (first, last) in enumerate(pairwise(starts(stages, recipe.steps))):
        total += (last - first) * batch * compute(*of_step(stage, paths))
        if stage + 1 < stages:
            size = min(options.population, numbers[stage])
            total += compute(*of_choice(stage, size)) * min(options.images, images)
    return total / stages / recipe.steps / batch


def counted(step: int, stages: int, passes: Passes, images: int) -> Mapping[str, int]:
    """What ``passes`` add to the costs of a run, all stages alike; of paths, whole ones in the end."""
    there, back = (number / stages for number in passes)
    return {
        "path_forwards": round((step + 1) * there) - round(step * there),
        "path_backwards": round((step + 1) * back) - round(step * back),
        "image_passes": round(images * there),
        "compute": round(images * compute(there, back)),
    }
