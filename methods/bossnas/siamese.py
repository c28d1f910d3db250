"""A supernet and a second one that follows it: what one predicts, the ensemble of the other."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from methods.batchnorm import frozen_statistics
from searchspaces.base import ImageSpec, Path
from searchspaces.supernet import State, Supernet


class Headed(nn.Module):
    """A network with heads: its stages end with the features ``[B, features, 1, 1]`` of these."""

    def __init__(self, network: Supernet, heads: nn.ModuleList):
        super().__init__()
        self.network, self.heads = network, heads

    def stage(self, index: int, state: State, path: Path | None = None) -> State:
        """What the head makes of the features of stage ``index``, ``[B, outputs]``."""
        return (self.heads[index](self.network.stage(index, state, path)[-1]),)

    def inputs(self, x: torch.Tensor, ways: Sequence[Path]) -> list[State]:
        """What the stages read of images: the first the stem, others what ``ways`` before make.

        Where there are any, the stem is trained, as they are, and learns no more.
        """
        with torch.set_grad_enabled(torch.is_grad_enabled() and not ways):
            states = [self.network.begin(x)]
            for stage, path in enumerate(ways):
                states.append(self.network.stage(stage, states[-1], path))
        return states

    def one(self, stage: int, arch: Path) -> Headed:
        """The stage of ``arch`` alone, with weights of its own."""
        heads = nn.ModuleList(
            deepcopy(head) if index == stage else nn.Identity()
            for index, head in enumerate(self.heads)
        )
        return Headed(self.network.subnet(arch), heads)


class Siamese(nn.Module):
    """``online``, whose heads go on to predict, and ``target``, which is not trained.

    ``path`` is any of the supernet's, for images as ``image`` says.
    """

    def __init__(
        self, supernet: Supernet, image: ImageSpec, path: Path, hidden: int, features: int
    ):
        super().__init__()
        device = next(supernet.parameters()).device
        blank = torch.zeros(2, image.channels, image.size, image.size, device=device)
        with frozen_statistics(supernet), torch.no_grad():
            outputs = supernet.features(blank, path)[0]
        heads = nn.ModuleList(perceptron(out.shape[1], hidden, features) for out in outputs)
        self.target = Headed(deepcopy(supernet), deepcopy(heads)).requires_grad_(False)
        predictors = (perceptron(features, hidden, features) for _ in outputs)
        both = (nn.Sequential(*pair) for pair in zip(heads, predictors, strict=True))
        self.online = Headed(supernet, nn.ModuleList(both))
        self.to(device)

    def loss(
        self,
        stage: int,
        views: Sequence[torch.Tensor],
        ways: Sequence[Path],
        paths: Sequence[Path],
    ) -> torch.Tensor:
        """Distances of ``paths`` on each of two views from the ensemble on the other, summed."""
        self.train()
        goals = [self.ensemble(stage, x, ways, paths) for x in views]
        pairs = zip(views, reversed(goals), strict=True)
        return torch.stack([self.distances(stage, x, ways, paths, g) for x, g in pairs]).sum()

    def ensemble(
        self, stage: int, x: torch.Tensor, ways: Sequence[Path], paths: Sequence[Path]
    ) -> torch.Tensor:
        """The mean over ``paths`` of the target's normalised features."""
        with torch.no_grad():
            state = self.target.inputs(x, ways)[stage]
            return mean_of(self.target.stage(stage, state, path)[-1] for path in paths)

    def distances(
        self,
        stage: int,
        x: torch.Tensor,
        ways: Sequence[Path],
        paths: Sequence[Path],
        goal: torch.Tensor,
    ) -> torch.Tensor:
        """Of what each of ``paths`` predicts from ``goal``, ``[paths]``."""
        state = self.online.inputs(x, ways)[stage]
        outputs = (self.online.stage(stage, state, path)[-1] for path in paths)
        return torch.stack([distance(output, goal) for output in outputs])

    def compared(
        self, stage: int, x: torch.Tensor, ways: Sequence[Path], paths: Sequence[Path]
    ) -> torch.Tensor:
        """The distances of ``paths`` from their own ensemble on the same images; nothing learns."""
        with frozen_statistics(self), torch.no_grad():
            return self.distances(stage, x, ways, paths, self.ensemble(stage, x, ways, paths))

    def apart(self) -> dict[str, nn.Module]:
        """What there is beside the supernet."""
        return {"heads": self.online.heads, "target": self.target}

    def follow(self, share: float) -> None:
        """Move the target's weights so much of the way to those that are trained."""
        pairs = [(self.online.network, self.target.network)]
        pairs += [
            (both[0], head) for both, head in zip(self.online.heads, self.target.heads, strict=True)
        ]
        with torch.no_grad():
            for online, target in pairs:
                for own, other in zip(online.parameters(), target.parameters(), strict=True):
                    other.lerp_(own, share)


def mean_of(features: Any) -> torch.Tensor:
    """The mean over several of ``[B, features, 1, 1]``, each normalised."""
    return torch.stack([functional.normalize(one) for one in features]).mean(0)


def distance(predicted: torch.Tensor, goal: torch.Tensor) -> torch.Tensor:
    """2 - 2 cos, the mean over images."""
    return 2 - 2 * functional.cosine_similarity(predicted, goal).mean()


def perceptron(size: int, hidden: int, features: int) -> nn.Sequential:
    """Two layers on the mean over positions; as 1x1 convolutions, so that BN is calibrated alike."""
    return nn.Sequential(
        nn.AdaptiveAvgPool2d(1),
        nn.Conv2d(size, hidden, 1),
        nn.BatchNorm2d(hidden),
        nn.ReLU(),
        nn.Conv2d(hidden, features, 1),
    )
