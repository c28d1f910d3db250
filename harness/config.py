"""One frozen tree of dataclasses: the command line, and what is written beside the result."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from methods.options import Recipe, Scoring, SearchLimits, option
from searchspaces.errors import UsageError
from searchspaces.registry import nearest

SCHEMA_VERSION = 1


@dataclass(frozen=True)
class SupernetScale:
    """The supernet's size where it is not the ground truth's own."""

    width: int = option(0, "channels of the first stage; 0: as the ground truth's networks")
    cells: int = option(0, "cells per stage; 0: as the ground truth's networks")
    affine: bool = option(False, "give the BNs of choice blocks scale and shift")


@dataclass(frozen=True)
class Ranking:
    """Which architectures are ranked."""

    architectures: int = option(
        0, "size of a random sample of the ground truth; 0: all its architectures"
    )
    measure_found: bool = option(
        True, "train the found architecture stand-alone where the ground truth lacks it"
    )


@dataclass(frozen=True)
class Config:
    """Everything a result depends on, and where it goes."""

    method: str = option("spos", "method: see 'nas-harness list'")
    space: str = option("nb201", "search space")
    task: str = option("digits", "task: the embedded 'digits', 'cifar10', 'cifar100'")
    scale: str = option("", "scale of the ground truth's networks; empty: the task's usual one")
    seed: int = option(0, "seed of the supernet, its training and the search")
    preset: str = option("laptop", "base values of all options", ("smoke", "laptop", "paper"))
    train_images: int = option(0, "use only this many training images; 0: all")
    supernet: SupernetScale = field(default_factory=SupernetScale)
    train: Recipe = field(default_factory=Recipe)
    score: Scoring = field(default_factory=Scoring)
    search: SearchLimits = field(default_factory=SearchLimits)
    rank: Ranking = field(default_factory=Ranking)
    options: Any = None

    def __post_init__(self) -> None:
        positive = {
            "train.steps": self.train.steps,
            "train.batch_size": self.train.batch_size,
            "score.batch_size": self.score.batch_size,
            "score.calibration_images": self.score.calibration_images,
            "search.population": self.search.population,
            "search.parents": self.search.parents,
        }
        for name, value in positive.items():
            if value < 1:
                raise UsageError(f"--{name.replace('_', '-')} must be at least 1, not {value}.")
        if self.seed < 0:
            raise UsageError(f"--seed must not be negative, but is {self.seed}.")

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    def run_name(self, ground_truth: str) -> str:
        """The folder name of a run; ``ground_truth`` identifies the table it is ranked against."""
        shared = {k: v for k, v in self.to_dict().items() if k not in ("seed", "preset")}
        name = digest({"config": shared, "ground_truth": ground_truth})
        return f"{self.space}-{self.task}-{self.method}-{name}-s{self.seed}"


def digest(content: Any) -> str:
    """Eight hexadecimal digits of the SHA-256 of ``content`` as canonical JSON."""
    text = json.dumps(content, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:8]


# What each preset changes, per task family ("*": all): dotted option names and their values.
PRESETS: dict[str, dict[str, dict[str, Any]]] = {
    "smoke": {
        "*": {
            "train.steps": 200,
            "score.calibration_images": 256,
            "search.population": 8,
            "search.generations": 2,
            "search.parents": 4,
            "rank.architectures": 60,
            "rank.measure_found": False,
            "options.search_epochs": 2,
            "options.population": 6,
            "options.removed": 2,
            "options.retrain_steps": 3,
            "options.perturb_steps": 1,
        },
        "cifar": {
            "train_images": 2000,
            "train.steps": 60,
            "supernet.width": 4,
            "supernet.cells": 1,
            "score.images": 500,
        },
    },
    "laptop": {
        "*": {
            "search.population": 20,
            "search.generations": 8,
            "options.search_epochs": 6,
            "options.population": 16,
            "options.removed": 6,
            "options.retrain_steps": 10,
            "options.perturb_steps": 5,
        },
        "cifar": {
            "train_images": 10000,
            "train.steps": 1500,
            "supernet.width": 8,
            "supernet.cells": 1,
            "score.images": 2000,
            "rank.architectures": 200,
            "search.generations": 3,
        },
    },
    "paper": {
        "*": {
            "train.batch_size": 96,
            "train.steps": 150_000,
            "train.lr": 0.025,
            "train.weight_decay": 3e-4,
            "score.calibration_images": 20_000,
        },
        "cifar": {},
    },
}


def preset_values(preset: str, task: str, method_options: type | None) -> dict[str, Any]:
    """The dotted options that ``preset`` sets for ``task``.

    Options of other methods are left out. Raises :class:`UsageError` for an unknown preset.
    """
    if preset not in PRESETS:
        raise UsageError(f"unknown preset '{preset}'{nearest(preset, PRESETS)}")
    layers = PRESETS[preset]
    values = layers["*"] | (layers["cifar"] if task.startswith("cifar") else {})
    known = set(getattr(method_options, "__dataclass_fields__", ()))
    return {
        name: value
        for name, value in values.items()
        if not name.startswith("options.") or name.split(".")[1] in known
    }


def with_values(config: Any, values: dict[str, Any]) -> Any:
    """A copy of a dataclass tree with dotted options replaced."""
    direct = {name: value for name, value in values.items() if "." not in name}
    branches: dict[str, dict[str, Any]] = {}
    for name, value in values.items():
        if "." in name:
            head, rest = name.split(".", 1)
            branches.setdefault(head, {})[rest] = value
    for head, inner in branches.items():
        direct[head] = with_values(getattr(config, head), inner)
    return replace(config, **direct)
