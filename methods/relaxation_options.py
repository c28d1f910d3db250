"""What the gradient-based baselines leave open."""

from __future__ import annotations

from dataclasses import dataclass

from methods.options import option
from searchspaces.errors import UsageError


@dataclass(frozen=True)
class DARTSOptions:
    """Adam on the architecture parameters, as DARTS and NAS-Bench-201 set it."""

    arch_lr: float = option(3e-4, "learning rate of the architecture parameters")
    arch_weight_decay: float = option(1e-3, "their L2 penalty")

    def __post_init__(self) -> None:
        """Raises :class:`UsageError` for values that no training can have."""
        for name in ("arch_lr", "arch_weight_decay"):
            if getattr(self, name) < 0:
                flag = name.replace("_", "-")
                raise UsageError(f"--options.{flag} must be at least 0, not {getattr(self, name)}.")


@dataclass(frozen=True)
class GDASOptions(DARTSOptions):
    """And the temperature of the Gumbel softmax, linear over the training."""

    temperature: float = option(10.0, "temperature at the first step")
    last_temperature: float = option(0.1, "temperature at the last step")

    def __post_init__(self) -> None:
        super().__post_init__()
        if min(self.temperature, self.last_temperature) <= 0:
            raise UsageError("--options.temperature and last-temperature must be above 0.")
