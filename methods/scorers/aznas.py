"""AZ-NAS: four scores of a network, joined by their ranks (Lee and Ham 2024)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from methods.lazy import functional, torch
from methods.options import option
from methods.scorers.scorer import IMAGES, LOWEST, Scorer, ScorerOptions, initial, inputs
from searchspaces.base import Arch
from searchspaces.errors import UsageError

if TYPE_CHECKING:
    from searchspaces.supernet import Supernet

TRIES = 100  # draws for each architecture of the reference


@dataclass(frozen=True)
class AZNASOptions(ScorerOptions):
    inputs: str = inputs("gaussian")
    init: str = initial("kaiming")
    reference: int = option(128, "random architectures of the space among which ranks are taken")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.reference < 1:
            raise UsageError(f"--options.reference must be at least 1, not {self.reference}.")


class AZNAS(Scorer):
    """Σ log(rank / number) over expressivity, progressivity, trainability and complexity.

    "AZ-NAS: assembling zero-cost proxies for network architecture search" (CVPR 2024), eq. 7.
    Ranks there are among those that are scored. A score here depends on nobody else: ranks are
    among ``reference`` architectures of the space, the same for every run, and between two of
    these linear in the value. Gaussian images and He's initial weights as in the released code;
    complexity is multiply-adds.
    """

    Options = AZNASOptions
    of_function = True
    sees = IMAGES
    _reference: np.ndarray | None = None  # [reference, 4]

    def of(self, arch: Arch) -> float:
        own, others = self.components(arch), self.reference()
        shares = [share(value, column) for value, column in zip(own, others.T, strict=True)]
        return float(np.log(shares).sum())

    def components(self, arch: Arch) -> np.ndarray:
        """Expressivity, progressivity, trainability and multiply-adds ``[4]`` of ``arch``."""
        means = [value if math.isfinite(value) else LOWEST for value in self.once(arch)]
        return np.array([*means, float(self.cost_of(arch).madds)])

    def look(self, network: Supernet, images: torch.Tensor, labels: torch.Tensor) -> np.ndarray:
        return np.array(self.indicators(network, images))

    def indicators(self, network: Supernet, images: torch.Tensor) -> tuple[float, float, float]:
        outputs = block_outputs(network, images)
        self.count_passes(len(images), len(images))  # blocks are passed back one by one
        entropies = [expressivity(output.detach()) for output in outputs]
        pairs = list(zip(outputs, outputs[1:], strict=False))
        return (
            sum(entropies),
            min(np.diff(entropies), default=-math.inf),
            float(np.mean([trainability(*pair) for pair in pairs])) if pairs else -math.inf,
        )

    # The reference --------------------------------------------------------------------------

    def reference(self) -> np.ndarray:
        """The components ``[reference, 4]`` of the architectures among which ranks are taken."""
        if self._reference is None:
            met, self._looked_at = self._looked_at, {}  # it costs the same whoever was scored
            self._reference = np.array([self.components(arch) for arch in self._drawn()])
            self._looked_at = met
        return self._reference

    def _drawn(self) -> Sequence[Arch]:
        rng, drawn = np.random.default_rng(0), []
        for _ in range(TRIES * self.options.reference):
            arch = self.space.sample(rng)
            drawn += [arch] * self.space.is_valid(arch)
            if len(drawn) == self.options.reference:
                break
        return drawn

    def state_dict(self) -> dict[str, Any]:
        kept = None if self._reference is None else torch.from_numpy(self._reference)
        return super().state_dict() | {"reference": kept}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        super().load_state_dict(state)
        kept = state["reference"]
        self._reference = None if kept is None else kept.numpy()


def share(value: float, others: np.ndarray) -> float:
    """The rank of ``value`` among ``others`` ``[n]``, as a share above 0 and below 1.

    Equal others share the mean of their ranks; between two others it is linear in the value.
    """
    levels, counts = np.unique(others, return_counts=True)
    ranks = np.cumsum(counts) - (counts - 1) / 2
    return float(np.interp(value, levels, ranks)) / (len(others) + 1)


def expressivity(output: torch.Tensor) -> float:
    """Entropy of the shares of the principal components of features ``[B, C, H, W]`` (eq. 1, 2)."""
    rows = _pixels(output)
    mean = rows.mean(0)
    covariance = rows.T @ rows / len(rows) - torch.outer(mean, mean)
    if not covariance.isfinite().all():
        return math.nan
    variances = torch.linalg.eigvalsh(covariance).clamp(min=0)
    variances[variances < 1e-13 * mean.square().sum()] = 0  # rounding of what does not vary
    parts = variances / variances.sum()
    return float(-(parts * torch.log(parts + 1e-8)).sum())


def trainability(given: torch.Tensor, output: torch.Tensor) -> float:
    """2 - σ - 1 / σ of the spectral norm σ of how a block passes gradients back (eq. 5, 6).

    σ is of E[g_in g_outᵀ] over images and pixels, where g_out ``[B, C', H', W']`` is ±1 at random
    and g_in ``[B, C, H, W]`` what the block makes of it. Where the block reduces the resolution,
    the pixels that become one are channels of it.
    """
    signs = torch.randint(0, 2, output.shape, dtype=output.dtype)
    sent = torch.empty_like(output).copy_(signs).mul_(2).sub_(1)
    (back,) = torch.autograd.grad(output, given, sent, retain_graph=True, allow_unused=True)
    if back is None or torch.equal(back, sent):
        return -math.inf
    height, width = output.shape[-2:]
    stride = max(-(-back.shape[-2] // height), -(-back.shape[-1] // width))
    if stride > 1:
        spare = width * stride - back.shape[-1], height * stride - back.shape[-2]
        back = functional.pad(back, (0, spare[0], 0, spare[1]))
        back = functional.pixel_unshuffle(back, stride)
    passed = _pixels(back).T @ _pixels(sent) / sent[:, 0].numel()
    if not passed.isfinite().all():
        return -math.inf
    norm = float(torch.linalg.matrix_norm(passed, 2))
    return 2 - norm - 1 / (norm + 1e-6)


def _pixels(features: torch.Tensor) -> torch.Tensor:
    """Features ``[B, C, H, W]`` as float64 rows ``[B·H·W, C]``; held channels last, in one pass."""
    return features.movedim(1, -1).flatten(0, -2).double()


def block_outputs(network: Supernet, images: torch.Tensor) -> list[torch.Tensor]:
    """Of the stem and of each block ``[B, C, H, W]``: cells, or stages where there are none."""
    state = network.begin(images)
    outputs, cells = [state[-1]], list(_cells(network))

    def keep(module: torch.nn.Module, given: Any, output: torch.Tensor) -> None:
        outputs.append(output)

    hooks = [cell.register_forward_hook(keep) for cell in cells]
    for index in range(network.stages_number):
        state = network.stage(index, state)
        outputs += [] if cells else [state[-1]]
    for hook in hooks:
        hook.remove()
    return outputs


def _cells(network: Supernet) -> Sequence[torch.nn.Module]:
    stages = getattr(network, "stages", None)
    if stages is None:
        return list(getattr(network, "cells", []))
    return [cell for stage in stages for cell in stage]
