"""What a run is made of: space, ground truth, task and method, from a configuration."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from harness.config.config import TRUTH_SCALE, Config
from harness.config.constraints import LATENCY
from harness.environment import use_device, use_tf32
from harness.latency.table import LatencyTable
from harness.resuming.workspace import load_tensors
from harness.running.budget import equalised
from harness.running.own_files import errors_located
from harness.standalone.checkpoint import load_trained
from harness.tabular.ground_truth import space_with_table, usual_scale
from harness.tabular.table import Table
from harness.tasks import IMAGES, load_task, settled_task
from harness.tasks.augment import Augmentation
from harness.tasks.base import Split, Task
from methods.base import Method, Setting
from methods.options import written
from methods.registry import METHODS
from searchspaces.base import Arch, ImageSpec, SearchSpace
from searchspaces.errors import UsageError
from searchspaces.registry import SPACES

SAMPLE_SEED = 2023


def with_settled_task(config: Config, data: Path | None) -> Config:
    """``config``, in which images of the user's own are named by their content.

    So that a run of changed images is another run. Raises as :func:`settled_task` does.
    """
    return replace(config, task=settled_task(config.task, data))


def ground_truth(config: Config, data: Path | None) -> tuple[SearchSpace, Table]:
    """The space at the scale of its ground truth, and the table.

    Raises :class:`UsageError` where there is none, or none with test accuracies.
    """
    space, table = space_with_table(config.space, config.task, config.scale, data, config.truth)
    table.truth("test")
    return space, table


def load_limited(config: Config, data: Path | None) -> Task:
    """The task as the supernet sees it: its first training images, averaged, as configured.

    Of a built-in task none is read, or has to be there, where the method looks at none. Raises
    :class:`UsageError` for more images than there are. Their order is shuffled by class.
    """
    if config.task in IMAGES and not METHODS[config.method].looks_at_images(config.options):
        task = Task.unread(config.task, IMAGES[config.task])
        return task.averaged(config.supernet.side(task.image.size))
    task = load_task(config.task, data)
    number = config.train_images or len(task.train)
    if not 0 < number <= len(task.train):
        raise UsageError(
            f"--train-images {number} is not between 1 and the {len(task.train)} of {task.name}."
        )
    if config.cutout:  # to mean pixels, which are zeros after normalisation, as released scripts
        if not isinstance(task.augmentation, Augmentation):
            raise UsageError(f"--cutout cannot be added to the augmentation of {task.name}.")
        mean = tuple(round(value) for value in task.mean)
        cut = replace(task.augmentation, cutout=config.cutout, fill=mean)
        task = replace(task, augmentation=cut)
    task = replace(task, train=Split(task.train.images[:number], task.train.labels[:number]))
    return task.averaged(config.supernet.side(task.image.size))


def supernet_space(config: Config) -> tuple[SearchSpace, SearchSpace]:
    """The space at the scale of the supernet, and at that of its ground truth's networks.

    Raises :class:`UsageError` for a scale that the space has not, and where a size of the supernet
    makes architectures others than those of the ground truth.
    """
    kind, own = SPACES[config.space], config.supernet
    usual = config.scale or usual_scale(config.space, config.task)
    scale = usual if own.scale == TRUTH_SCALE else own.scale
    if scale not in kind.scales:
        raise UsageError(
            f"{config.space} has no scale '{scale}' for its supernet; --supernet.scale takes "
            f"{TRUTH_SCALE} or {', '.join(kind.scales)}."
        )
    space, truth = kind(scale, own.width, own.cells), kind(usual)
    if space.sites != truth.sites:
        raise UsageError(
            f"a supernet of {config.space} at scale {scale}"
            f"{f' with {own.cells} cells per stage' if own.cells else ''} has other architectures "
            f"than the ground truth ({len(space.sites)} choice sites for {len(truth.sites)}); take "
            "another --supernet.scale or leave --supernet.cells out."
        )
    return space, truth


def make_method(
    config: Config, task: Task, device: torch.device, data: Path | None = None
) -> Method:
    """The method with a freshly initialised supernet, at the supernet's own scale."""
    use_tf32(config.accelerate.tf32)
    space, truth = supernet_space(config)
    method = METHODS[config.method]
    setting = Setting(
        space=space,
        data=task,
        recipe=equalised(config, space, len(task.train)),
        scoring=config.score,
        search=config.search,
        seed=config.seed,
        device=device,
        affine=with_affine(config),
        costs=costs_of(config, data),
        latency=latency_of(config, truth, task.original or task.image),
        sized=(truth, task.original or task.image),
    )
    options, weights = with_teacher(config, data)
    made = method(setting, options)
    if options is not config.options:
        made.teacher_from = config.options.teacher
    if weights is not None:
        made.adopt(weights)
    return made


def costs_of(config: Config, data: Path | None) -> dict[str, float]:
    """What the ground truth knows of the cost that limits the search, by encoded architecture.

    Empty where none does. Raises :class:`UsageError` for one that the table lacks.
    """
    if not config.search.cost or config.search.latency:
        return {}
    _, table = ground_truth(config, data)
    if config.search.cost == LATENCY and LATENCY not in table.costs:
        raise UsageError(
            f"{LATENCY} is known of no architecture: give --latency FILE, which `nas-harness latency "
            "measure` makes."
        )
    return dict(zip(table.archs, table.cost(config.search.cost).tolist(), strict=True))


def latency_of(
    config: Config, space: SearchSpace, image: ImageSpec
) -> Callable[[Arch], float] | None:
    """What predicts the latency of the stand-alone networks of ``space``, if a file is given.

    Raises :class:`UsageError` where that is missing, damaged, or of other networks.
    """
    if not config.search.latency:
        return None
    return LatencyTable.load(config.search.latency).predictor(space, image)


def with_affine(config: Config) -> bool:
    """Whether BNs of choice blocks have scale and shift: as asked for, or as published."""
    if config.supernet.affine == "method":
        return METHODS[config.method].affine(config.options)
    return config.supernet.affine == "true"


def with_teacher(config: Config, data: Path | None) -> tuple[Any, dict[str, torch.Tensor] | None]:
    """The method's options, with the architecture of a teacher that they only point to.

    And its weights, if ``teacher`` is the folder of a stand-alone training. ``best`` is the best
    by validation accuracy, or by test accuracy where there is nothing else. Raises
    :class:`UsageError` for a training of another space or task.
    """
    options, teacher = config.options, getattr(config.options, "teacher", "")
    if teacher == "best":
        _, table = ground_truth(config, data)
        split = "val" if f"val.{table.meta.epochs}.mean" in table.accuracies else "test"
        best = table.archs[int(table.accuracy(split).argmax())]
        return replace(options, teacher=best), None
    if not teacher or not Path(teacher).is_dir():
        return options, None
    record, weights = load_trained(Path(teacher))
    for name in ("space", "task"):
        if record["config"][name] != getattr(config, name):
            raise UsageError(
                f"the teacher in {teacher} is of the {name} {record['config'][name]}, not of "
                f"{getattr(config, name)}."
            )
    return replace(options, teacher=record["arch"]), weights


def known_costs(config: Config, costs: Mapping[str, float], space: SearchSpace) -> list[str]:
    """A sentence on the cost that limits the search: how it is predicted, or whose is known."""
    if config.search.latency:
        return [LatencyTable.load(config.search.latency).sentence]
    known = sum(map(math.isfinite, costs.values()))
    if not config.search.cost or known == space.size:
        return []
    return [
        f"the search is among the {known:,} of {space.size:,} architectures whose "
        f"{config.search.cost} the ground truth knows"
    ]


def training_identity(config: Config, space: SearchSpace, images: int) -> dict[str, Any]:
    """What of ``config`` shapes the trained supernet, on so many ``images``.

    Where it is equal, and images, device and software are, runs may share one.
    """
    method = METHODS[config.method]
    limited = {"max_madds": config.search.max_madds}
    return {
        "method": method.training_identity(config.options),
        "space": config.space,
        "scale": space.scale,
        "supernet": written(config.supernet),
        "train": asdict(equalised(config, space, images)),
        "seed": config.seed,
        **(limited if method.trains_by_limits(config.options) else {}),
        **({"cutout": config.cutout} if config.cutout else {}),
        **({"snapshots": config.score.snapshots} if config.score.snapshots > 1 else {}),
        **config.accelerate.to_dict(),
        **config.revision(),
        **config.sources(),
    }


def revive_method(config: Config, data: Path | None, device: str, checkpoint: Path) -> Method:
    """The trained method of a run, from its checkpoint.

    Raises :class:`UsageError` if that is gone, and for an error in a file of the user's.
    """
    state = load_tensors(checkpoint)
    if state is None:
        raise UsageError(f"{checkpoint} is gone while its run ranks; run its command again.")
    task = load_limited(config, data)
    chosen = use_device(device)
    with errors_located(config.method, config.space):
        method = make_method(config, task.to(chosen), chosen, data)
        method.load_state_dict(state["method"])
    return method


def sampled_rows(table: Table, number: int) -> np.ndarray:
    """Rows of the ground truth to rank: all, or the same random sample for every method."""
    if not number or number >= len(table):
        return np.arange(len(table))
    rng = np.random.default_rng(SAMPLE_SEED)
    return np.sort(rng.choice(len(table), number, replace=False))
