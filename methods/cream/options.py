"""Options of Cream."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from methods.options import option
from searchspaces.errors import UsageError


@dataclass(frozen=True)
class CreamOptions:
    """What the paper and its released code leave open, or do differently from each other.

    Raises :class:`UsageError` for values that no training can have.
    """

    board: int = option(10, "paths on the prioritised board")
    warmup: float = option(1 / 6, "share of the steps before the board fills and distillation")
    slice: int = option(4, "images stored with a path on the board, and in each half of an update")
    update_share: float = option(
        1 / 750,
        "share of the steps between two updates of the matching network: 200 of the 150,000 that "
        "the released code takes",
    )
    meta_lr: float = option(1e-4, "learning rate of the matching network")
    loss: str = option(
        "code",
        "half of (2 - rho) CE + rho KD (the released code) or CE + rho KD (the paper)",
        ("code", "paper"),
    )
    teacher: str = option(
        "score",
        "path of the board with the largest matching score (the released code; it has the "
        "smallest rho) or with the largest rho",
        ("score", "rho"),
    )
    pre_prob: str = option(
        "", "relative probability of each operator of a site, comma-separated; empty: uniform"
    )
    report_images: int = option(
        256, "validation images that teachers are watched on after each epoch; 0: none"
    )
    official_quirks: bool = option(False, "repeat the six defects of the released code")

    def __post_init__(self) -> None:
        for name, (low, high) in {
            "board": (1, math.inf),
            "warmup": (0, 1),
            "slice": (2, math.inf),  # batch statistics of one 1x1 image are undefined
            "update_share": (0, 1),
            "meta_lr": (0, 1),
            "report_images": (0, math.inf),
        }.items():
            value = getattr(self, name)
            if not low <= value <= high:
                bounds = f"at least {low}" if high == math.inf else f"from {low} to {high}"
                flag = name.replace("_", "-")
                raise UsageError(f"--options.{flag} must be {bounds}, not {value}.")
        parse_prior(self.pre_prob)

    def update_every(self, steps: int) -> int:
        """Steps between two updates of the matching network in a training of ``steps``."""
        return max(round(self.update_share * steps), 1)

    @property
    def prior(self) -> tuple[float, ...]:
        """``pre_prob`` as probabilities that add up to one; empty if uniform."""
        return parse_prior(self.pre_prob)


def parse_prior(text: str) -> tuple[float, ...]:
    """Comma-separated weights as probabilities; raises :class:`UsageError` for anything else."""
    if not text:
        return ()
    try:
        weights = [float(weight) for weight in text.split(",")]
    except ValueError:
        weights = []
    total = sum(weights)
    if not (all(weight >= 0 for weight in weights) and 0 < total < math.inf):
        raise UsageError(
            f"--options.pre-prob takes numbers of at least 0, not all 0, separated by commas, "
            f"not '{text}'."
        )
    return tuple(weight / total for weight in weights)


@dataclass(frozen=True)
class Quirks:
    """Defects of the released code, each on its own.

    Two more have no counterpart here: a base learning rate that its schedule multiplies twice
    (the recipe has the schedule), and a limit on multiply-adds that rejects no sampled path
    (the limit is one on what is found).
    """

    uniform_prior: bool = False  # the prior is drawn with as if it were not given
    last_score: bool = False  # ρ comes from the last entry of the board, not from the teacher
    borrowed_outputs: bool = False  # an entry stores its teacher's probabilities, not its own
    first_tensor_only: bool = False  # of the virtual student one tensor reaches the meta gradient
    live_statistics: bool = False  # teachers and scoring update the BN statistics, 4 images each
    live_matching: bool = False  # each step trains the matching network too, and the student by ρ

    @classmethod
    def all(cls, on: bool) -> Quirks:
        return cls(**{item.name: on for item in fields(cls)})
