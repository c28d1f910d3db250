"""RLNAS: neural architecture search with random labels (Zhang et al., CVPR 2021, arXiv:2101.11834).

A supernet is trained as SPOS's, but on labels drawn at random, one for each training image, once
for all. What counts is how fast weights move: an architecture is scored by the angle between its
initial and its trained weight vector (section 3.3; Hu et al. 2020, ABS, has the vector).

The vector has every weight of the architecture, stem and classifier too. Pooling of k x k counts as
a kernel of 1/k² in each channel, ``none`` breaks the way that it is on, and what lies on several ways
through a cell of NAS-Bench-201 counts once for each. In other cells each operator counts once; the
released code of the DARTS space follows the ways between nodes there too.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from methods.base import Method, Setting
from methods.lazy import torch
from methods.options import option
from methods.processes import divisible
from searchspaces.base import Arch

if TYPE_CHECKING:
    from torch import nn

    from searchspaces.supernet import Operator

LABELS = 71
POOL = re.compile(r"pool_?(\d)x")


@dataclass(frozen=True)
class RLNASOptions:
    """What the papers leave open."""

    identity: str = option(
        "empty",
        "what a skip connection without weights adds to the vector: nothing (ABS, and the released "
        "code of NAS-Bench-201), or an identity matrix (that of the DARTS and MobileNet spaces)",
        ("empty", "matrix"),
    )


class RLNAS(Method):
    """Scores are angles in radians, from 0 on; an architecture that joins nothing has 0."""

    Options = RLNASOptions
    scores_images = False
    revision = 2  # angles are of convolutions and linear layers, without biases
    weights_are = (
        "inherited from a supernet that learned random labels, so that it classifies nothing"
    )

    def __init__(self, setting: Setting, options: RLNASOptions):
        rng = np.random.default_rng([LABELS, setting.seed])
        labels = rng.integers(setting.data.image.classes, size=len(setting.data.train))
        super().__init__(replace(setting, data=setting.data.labelled(labels)), options)
        self.initial = {n: p.detach().clone() for n, p in self.supernet.named_parameters()}
        self._moments: dict[tuple[str, torch.Size], np.ndarray] = {}

    @cached_property
    def names(self) -> dict[nn.Module, str]:
        """Of all modules of the supernet."""
        return {module: name for name, module in self.supernet.named_modules()}

    @divisible
    def train_step(self, step: int) -> dict[str, torch.Tensor]:
        self._moments.clear()
        return super().train_step(step)

    def score(self, archs: Sequence[Arch]) -> np.ndarray:
        return np.array([self.angle(arch) for arch in archs], dtype=float)

    def angle(self, arch: Arch) -> float:
        """Between the weight vectors of ``arch`` before and after training."""
        if not self.space.is_valid(arch):
            return 0.0
        times, fixed = self.traced(arch)
        inner = np.full(3, fixed)
        for name, parameter in self.supernet.subnet(arch).named_parameters():
            if parameter.dim() == 1:  # of a BN, or a bias in front of one, which never moves
                continue
            inner += times.get(name, 1) * self.moments(name, parameter.shape)
        both, before, after = inner
        return math.acos(min(max(both / math.sqrt(before * after), -1.0), 1.0))

    def moments(self, name: str, shape: torch.Size) -> np.ndarray:
        """Products of the initial and trained values of a parameter: with each other, themselves."""
        if (name, shape) not in self._moments:
            leading = tuple(map(slice, shape))
            trained = self.supernet.get_parameter(name).detach()[leading].double()
            initial = self.initial[name][leading].double()
            pairs = ((initial, trained), (initial, initial), (trained, trained))
            sums = torch.stack([(a * b).sum() for a, b in pairs])
            self._moments[name, shape] = sums.cpu().numpy()
        return self._moments[name, shape]

    def traced(self, arch: Arch) -> tuple[dict[str, int], float]:
        """How often weights count that do not count once; the square of what has no weights."""
        routes, times, fixed = self.space.routes(arch), dict[str, int](), 0.0

        def hook(site: int, operators: Sequence[Operator], x: torch.Tensor) -> torch.Tensor:
            nonlocal fixed
            operator = operators[arch[site]]
            y = operator(x)
            if pool := POOL.search(self.space.sites[site].operators[arch[site]]):
                fixed += routes[site] * x.shape[1] / int(pool[1]) ** 2
            elif y is x and self.options.identity == "matrix":
                fixed += routes[site] * x.shape[1]
            elif routes[site] != 1 and isinstance(operator, torch.nn.Module):
                for name, _ in operator.named_parameters(self.names[operator]):
                    times[name] = routes[site]
            return y

        image, mode = self.data.image, self.supernet.training
        blank = torch.zeros(1, image.channels, image.size, image.size, device=self.setting.device)
        with torch.no_grad():
            self.supernet.eval().features(blank, arch, hook)
        self.supernet.train(mode)
        return times, fixed

    # State ------------------------------------------------------------------------------------

    def trained_state(self) -> dict[str, Any]:
        return super().trained_state() | {"initial": dict(self.initial)}

    def load_trained_state(self, state: dict[str, Any]) -> None:
        super().load_trained_state(state)
        for name, stored in state["initial"].items():
            self.initial[name].copy_(stored)
        self._moments.clear()
