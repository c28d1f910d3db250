"""Options of EnNAS."""

from __future__ import annotations

from dataclasses import dataclass

from methods.options import option
from searchspaces.errors import UsageError


@dataclass(frozen=True)
class EnNASOptions:
    """What the paper sets or leaves open; the two switches of its sampling.

    Raises :class:`UsageError` for values that no training can have.
    """

    subnets: int = option(4, "subnets trained on each batch, which together are the teacher")
    lam: float = option(1.0, "weight of the distillation beside the cross-entropy")
    temperature: float = option(1.0, "softens teacher and subnets in the distillation")
    weights: str = option(
        "simplex",
        "the teacher's weights add up to one and are not negative, or (affine) lie within -10 "
        "and 10",
        ("simplex", "affine"),
    )
    solver: str = option(
        "own",
        "what finds these weights: a Newton method written for them, on a GPU in many small "
        "operations for which no host waits, or (host) on the host, which reads the logits in each "
        "step; or CVXPY with ECOS as a reference (extra bench)",
        ("own", "host", "cvxpy"),
        added_later=True,
    )
    warmup: float = option(1 / 6, "share of the training steps before distillation begins")
    data_share: float = option(0.25, "share of the training images that an epoch goes through")
    diversity: bool = option(
        True, "after the first epoch, prefer operators that differ from those of the other subnets"
    )
    replacement: bool = option(True, "whether an operator may serve several subnets of a step")
    probe_images: int = option(64, "training images that measure how much operators differ")
    report_images: int = option(
        256, "validation images that the teacher is watched on after each epoch; 0: none"
    )

    def __post_init__(self) -> None:
        self._check(self.subnets >= 2, "subnets", "at least 2, for there is no teacher of one")
        self._check(self.lam >= 0, "lam", "at least 0")
        self._check(self.temperature > 0, "temperature", "greater than 0")
        self._check(0 <= self.warmup <= 1, "warmup", "a share between 0 and 1")
        self._check(0 < self.data_share <= 1, "data_share", "a share above 0, at most 1")
        self._check(self.probe_images >= 1, "probe_images", "at least 1")
        self._check(self.report_images >= 0, "report_images", "at least 0")

    def _check(self, fine: bool, name: str, demand: str) -> None:
        if not fine:
            flag = name.replace("_", "-")
            raise UsageError(f"--options.{flag} must be {demand}; it is {getattr(self, name)}.")
