"""Options of BossNAS."""

from __future__ import annotations

from dataclasses import dataclass

from methods.options import check_limits, option


@dataclass(frozen=True)
class BossNASOptions:
    """Defaults of the released code but for sizes, which are for small networks and many paths."""

    momentum: float = option(0.99, "of the target's weights at first; it grows to 1 by a cosine")
    hidden: int = option(256, "units of the heads' hidden layers; the released code has 4096")
    features: int = option(64, "features that are predicted; the released code has 256")
    population: int = option(32, "most paths of a stage to whose mean a path is to come near")
    images: int = option(256, "training images by which the best path of a stage is chosen")
    blocks: int = option(
        6000, "most blocks, of all stages, that an exhaustive search scores; evolution beyond"
    )

    def __post_init__(self) -> None:
        """Raises :class:`UsageError` for numbers out of bounds."""
        limits = dict.fromkeys(("hidden", "features", "population"), (1.0, 1e6))
        limits |= {"momentum": (0.0, 1.0), "images": (2.0, 1e6)}
        values = {f"options.{name}": value for name, value in vars(self).items()}
        check_limits(values, {f"options.{name}": limit for name, limit in limits.items()})
