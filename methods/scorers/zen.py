"""Zen-score: how far a small change of the image moves the features (Lin et al. 2021)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from methods.lazy import torch
from methods.options import option
from methods.scorers.scorer import (
    IMAGES,
    Scorer,
    ScorerOptions,
    images,
    initial,
    inputs,
)
from methods.scorers.weights import initialise
from searchspaces.errors import UsageError

if TYPE_CHECKING:
    from searchspaces.base import Arch
    from searchspaces.supernet import Supernet


@dataclass(frozen=True)
class ZenOptions(ScorerOptions):
    images: int = images(16)
    inputs: str = inputs("gaussian")
    init: str = initial("normal")
    repeats: int = option(32, "initialisations, of whose scores the mean is taken")
    step: float = option(0.01, "size of the change, in standard deviations of Gaussian noise")

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.step > 0:
            raise UsageError(f"--options.step must be above 0, not {self.step}.")


class Zen(Scorer):
    """log mean ‖f(x + α ε) - f(x)‖₁ + Σ over BNs of log √(mean over channels of σ²).

    "Zen-NAS: a zero-shot NAS for high-performance deep image recognition", algorithm 1: f are the
    features before the head, σ² the variances by which the BNs divided f(x), which the second term
    gives back; a BN of a constant, behind a node that no image reaches, scales nothing. Weights and
    x, ε are standard normal; 16 images, 32 initialisations, α = 0.01 as in the released code. That
    has running variances, of one step from 1, in the place of σ², and leaves out shortcuts, which a
    space here may have chosen.
    """

    Options = ZenOptions
    of_function = True
    sees = IMAGES
    _last: tuple[Arch, Supernet] | None = None

    def network(self, arch: Arch, repeat: int) -> Supernet:
        """As of any scorer; a further initialisation draws the last network's weights anew."""
        if repeat and self.options.init != "default" and self._last and self._last[0] == arch:
            network = self._last[1]
            initialise(network, self.options.init)
            self.begin_measure(repeat)
        else:
            network = super().network(arch, repeat)
            self._last = arch, network
        return network

    def measure(self, network: Supernet, images: torch.Tensor, labels: torch.Tensor) -> float:
        from methods.scorers.watching import NORMS, Watching

        moved = images + self.options.step * torch.randn(images.shape).to(images)
        variances: list[torch.Tensor] = []

        def see(given: torch.Tensor, output: torch.Tensor) -> None:
            variance = variance_of(given).mean()
            if variance > 0:
                variances.append(variance)

        with torch.no_grad():
            with Watching(NORMS, see):
                before = features(network, images)
            apart = (features(network, moved) - before).abs().flatten(1).sum(1).mean()
            scales = torch.stack(variances).double().sqrt().log().sum() if variances else 0.0
        self.count_passes(2 * len(images), 0)
        return float(apart.double().log() + scales)


def variance_of(given: torch.Tensor) -> torch.Tensor:
    """Unbiased, of each channel ``[C]`` of ``given`` ``[B, C, H, W]``; PyTorch's own is slow on CPUs."""
    apart = given - given.mean((0, 2, 3), keepdim=True)
    return apart.square_().sum((0, 2, 3)) / (given.numel() // given.shape[1] - 1)


def features(network: Supernet, images: torch.Tensor) -> torch.Tensor:
    """The output ``[B, C, H, W]`` of the last stage."""
    state = network.begin(images)
    for index in range(network.stages_number):
        state = network.stage(index, state)
    return state[-1]
