"""Options every method shares; each is a key of the configuration and echoed into the record."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any

from searchspaces.errors import UsageError


def check_limits(values: Mapping[str, Any], limits: Mapping[str, tuple[float, float]]) -> None:
    """Raise :class:`UsageError` for a number that is not finite or not within its limits.

    Where ``limits`` has none they are 0 and infinity.
    """
    for name, value in values.items():
        low, high = limits.get(name, (0, math.inf))
        if not isinstance(value, int | float) or (low <= value <= high and math.isfinite(value)):
            continue
        bounds = "finite numbers"
        if math.isfinite(low):
            bounds = f"numbers from {low:,} to {high:,}" if high < math.inf else f"at least {low:,}"
        raise UsageError(f"--{name.replace('_', '-')} takes {bounds}, not {value}.")


def option(
    default: Any, text: str, choices: tuple[str, ...] = (), *, added_later: bool = False
) -> Any:
    """A dataclass field with its help text and, where the values are a fixed set, the choices.

    ``added_later``: there are records from before the option; see :func:`written`.
    """
    metadata = {"help": text, "choices": choices, "added_later": added_later}
    return field(default=default, metadata=metadata)


def written(options: Any) -> dict[str, Any]:
    """A tree of options as nested dicts, as names and records hold it.

    An option that was added later is not in it while it has its default: such runs keep the names
    and records from before there was a choice.
    """
    tree = {}
    for item in fields(options):
        value = getattr(options, item.name)
        if not (item.metadata.get("added_later") and value == item.default):
            tree[item.name] = written(value) if is_dataclass(value) else value
    return tree


@dataclass(frozen=True)
class Recipe:
    """How the supernet is trained: SGD on cross-entropy."""

    steps: int = option(4000, "optimiser steps")
    batch_size: int = option(64, "images per step")
    lr: float = option(0.1, "initial learning rate")
    schedule: str = option(
        "cosine",
        "decay of the learning rate: to zero, by 0.9 after each twentieth of the steps (staircase), "
        "or none (constant)",
        ("cosine", "linear", "staircase", "constant"),
    )
    momentum: float = option(0.9, "SGD momentum")
    nesterov: bool = option(False, "Nesterov momentum")
    weight_decay: float = option(5e-4, "L2 penalty on tensors of more than one dimension")
    clip: float = option(5.0, "largest norm of the gradient; 0 leaves it")
    label_smoothing: float = option(0.0, "label smoothing of the cross-entropy")

    def decay(self, step: int) -> float:
        """The factor of the learning rate at ``step``: 1 at step 0, then as the schedule says."""
        done = step / self.steps
        return {
            "linear": 1 - done,
            "cosine": 0.5 * (1 + math.cos(math.pi * done)),
            "staircase": 0.9 ** math.floor(20 * done),
            "constant": 1.0,
        }[self.schedule]


@dataclass(frozen=True)
class Scoring:
    """How a network is scored: on validation images, under a stated BN policy."""

    bn: str = option(
        "recalibrate",
        "BN statistics: re-estimated on training images, taken from each batch scored, "
        "or the supernet's running ones (to demonstrate that these fail)",
        ("recalibrate", "batchstat", "running"),
    )
    calibration_images: int = option(1024, "training images that re-estimate the BN statistics")
    calibration_batch: int = option(
        0, "how many of them are normalised together; 0: all, so that no batches show"
    )
    images: int = option(0, "validation images that are scored, the first ones; 0: all")
    by: str = option(
        "accuracy",
        "what a score is: the accuracy on the validation images in percent, or minus the mean "
        "cross-entropy on them; larger is better",
        ("accuracy", "loss"),
        added_later=True,
    )
    snapshots: int = option(
        1,
        "of the supernet, evenly over the second half of its training and the last at its end, over "
        "which a score is the mean",
        added_later=True,
    )
    batch_size: int = option(500, "images per forward pass; 2500 keep a GPU busier")
    precision: str = option(
        "float32",
        "type of activations when images are scored and BN statistics re-estimated; weights and "
        "statistics stay float32",
        ("float32", "bfloat16"),
        added_later=True,
    )


@dataclass(frozen=True)
class SearchLimits:
    """The evolutionary search of SPOS and its constraint."""

    population: int = option(50, "architectures per generation")
    generations: int = option(20, "generations")
    parents: int = option(10, "best architectures seen so far that breed")
    mutation_rate: float = option(0.1, "probability that a mutation resamples a gene")
    max_madds: float = option(0.0, "largest number of multiply-adds, in millions; 0: no limit")
    min_madds: float = option(
        0.0, "smallest number of multiply-adds, in millions", added_later=True
    )
    max_params: float = option(
        0.0, "largest number of parameters, in millions; 0: no limit", added_later=True
    )
    min_params: float = option(0.0, "smallest number of parameters, in millions", added_later=True)

    cost: str = option(
        "",
        "a cost that the ground truth's table knows, such as a measured latency, for the next two "
        "to limit; architectures that the table lacks are then out",
        added_later=True,
    )
    max_cost: float = option(
        0.0, "its largest value, in its own unit; 0: no limit", added_later=True
    )
    min_cost: float = option(0.0, "its smallest value, in its own unit", added_later=True)
    latency: str = option(
        "",
        "file of `nas-harness latency measure`, which then predicts the cost latency_ms",
        added_later=True,
    )

    def admits(self, madds: int, params: int, cost: float = math.nan) -> bool:
        """Whether a network of this cost is within all limits; ``cost`` NaN is not known."""
        within: list[tuple[float, float, float]] = [
            (self.min_madds * 1e6, madds, self.max_madds * 1e6),
            (self.min_params * 1e6, params, self.max_params * 1e6),
        ]
        if self.cost:
            within.append((self.min_cost, cost, self.max_cost))
        return all(low <= cost <= (high or math.inf) for low, cost, high in within)

    @property
    def limited(self) -> bool:
        limits = self.max_madds, self.min_madds, self.max_params, self.min_params
        return bool(self.cost or any(limits))

    def described(self) -> str:
        """The limits in words, such as ``at most 3 million multiply-adds``."""
        words = (
            ("at least", self.min_madds, "multiply-adds"),
            ("at most", self.max_madds, "multiply-adds"),
            ("at least", self.min_params, "parameters"),
            ("at most", self.max_params, "parameters"),
        )
        given = [f"{how} {value:g} million {what}" for how, value, what in words if value]
        own = (("at least", self.min_cost), ("at most", self.max_cost))
        given += [f"{how} {value:g} {self.cost}" for how, value in own if value]
        return " and ".join(given)
