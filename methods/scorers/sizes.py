"""The size of a network as its score: parameters, multiply-adds, layers. Nothing is run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from methods.lazy import torch
from methods.scorers.scorer import NOTHING, Scorer
from methods.scorers.weights import weights
from searchspaces.base import Arch


@dataclass(frozen=True)
class SizeOptions:
    """There is nothing to choose."""


class Size(Scorer):
    """A size counts also where input and output are not joined, as the tables count it."""

    Options: ClassVar[type] = SizeOptions
    sees = NOTHING

    def _score(self, arch: Arch) -> float:
        return float(self.size(arch))

    def size(self, arch: Arch) -> int:
        raise NotImplementedError(f"{type(self).__name__} has no size.")

    def notes(self) -> list[str]:
        return ["nothing was trained: scores are sizes"]


class Params(Size):
    """Parameters of the stand-alone network, as `SearchSpace.cost` counts them."""

    def size(self, arch: Arch) -> int:
        return self.cost_of(arch).params


class Flops(Size):
    """Multiply-adds of the stand-alone network on one image."""

    def size(self, arch: Arch) -> int:
        return self.cost_of(arch).madds


class Layers(Size):
    """Convolutions and linear layers of the stand-alone network, those on dead edges included."""

    def size(self, arch: Arch) -> int:
        with torch.device("meta"):  # without memory or random numbers
            return len(weights(self.space.standalone(arch, self.data.image)))
