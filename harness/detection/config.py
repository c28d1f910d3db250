"""The configuration of ``nas-harness detect``: everything its result depends on."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import inf
from typing import Any

from harness.config.config import digest
from methods.options import check_limits, option
from searchspaces.errors import UsageError
from searchspaces.registry import nearest

_LIMITS = {"epochs": (1, inf), "batch_size": (1, inf), "side": (32, inf), "longest": (32, inf)}


@dataclass(frozen=True)
class DetectionConfig:
    """A fine-tuning; the defaults are those of RetinaNet's usual twelve epochs.

    FairNAS (arXiv:1907.01845) prints the same for its backbones: SGD, batches of 16, learning
    rate 0.01 divided by ten at epochs 8 and 11. MNGNAS prints none of it. Raises
    :class:`UsageError` for values that no training can have.
    """

    seed: int = option(0, "seed of the new layers and of the order of images")
    preset: str = option("laptop", "base values of all options", ("smoke", "laptop", "paper"))
    epochs: int = option(12, "passes over the training images")
    batch_size: int = option(16, "images per step")
    lr: float = option(
        0.01, "learning rate; a tenth from two thirds of the epochs, then from 11/12"
    )
    warmup: int = option(500, "steps in which the learning rate rises linearly")
    momentum: float = option(0.9, "momentum of SGD")
    weight_decay: float = option(1e-4, "L2 penalty")
    clip: float = option(35.0, "largest norm of the gradient; 0: any")
    side: int = option(800, "shorter side of an image in pixels")
    longest: int = option(1333, "longer side at most, in pixels")
    train_images: int = option(0, "learn from only so many images, the first; 0: all")
    eval_images: int = option(0, "measure on only so many images, the first; 0: all")

    def __post_init__(self) -> None:
        numbers = {k: v for k, v in asdict(self).items() if k != "preset"}
        check_limits(numbers, _LIMITS | {"seed": (0, 2**32 - 1), "momentum": (0, 1)})

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    def name(self, backbone: str, weights: str) -> str:
        """Of the folder: equal for equal fine-tunings of the same weights up to the seed."""
        return f"{backbone}-{digest(self.recipe() | {'weights': weights})}-s{self.seed}"

    @property
    def reduced(self) -> bool:
        """Whether anything of the recipe is not as it is printed."""
        return self.recipe() != DetectionConfig().recipe()

    def recipe(self) -> dict[str, Any]:
        return {k: v for k, v in self.to_dict().items() if k not in ("seed", "preset")}


PRESETS: dict[str, dict[str, Any]] = {
    "smoke": {
        "epochs": 1, "batch_size": 2, "side": 64, "longest": 96, "warmup": 2, "train_images": 4,
        "eval_images": 4,
    },
    "laptop": {
        "epochs": 2, "batch_size": 4, "side": 320, "longest": 533, "warmup": 50,
        "train_images": 1000, "eval_images": 500,
    },
    "paper": {},
}  # fmt: skip


def base_config(preset: str) -> DetectionConfig:
    """Raises :class:`UsageError` for an unknown preset."""
    if preset not in PRESETS:
        raise UsageError(f"unknown preset '{preset}'{nearest(preset, PRESETS)}")
    return DetectionConfig(**PRESETS[preset], preset=preset)
