"""A toy space whose true ranking is known in closed form, and a task for it.

Each site has three operators; operator k of site s passes on its own channel of the image, a map
in which the pixel of the true class stands out of unit noise by ``STRENGTH[s][k]``. The sites'
maps are weighted and added to give the logits, so the best possible accuracy of an architecture
grows with the sum of the squared strengths of its operators and depends on nothing else.
Tests that plant other strengths exchange ``STRENGTH``.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import nn

from searchspaces.base import Arch, Cost, ImageSpec, SearchSpace, Site
from searchspaces.shadow_bn import ShadowBN
from searchspaces.supernet import Supernet

STRENGTH = np.sqrt([[0.0, 0.62, 1.43], [0.1, 1.05, 2.21], [0.0, 1.9, 3.97], [0.2, 3.1, 6.83]])
SIDE = 3  # maps of 3x3 pixels, nine classes


class PlantedSpace(SearchSpace):
    name, scale, scales = "planted", "toy", ("toy",)
    multipath = True
    sites = tuple(Site(f"site {s}", ("poor", "fair", "good")) for s in range(len(STRENGTH)))

    def is_valid(self, arch: Arch) -> bool:
        return any(arch)

    def canonical(self, arch: Arch) -> str:
        return self.encode(arch)

    def encode(self, arch: Arch) -> str:
        return "".join(map(str, arch))

    def decode(self, text: str) -> Arch:
        return tuple(int(digit) for digit in text)

    def cost(self, arch: Arch, image: ImageSpec) -> Cost:
        return Cost(len(arch), 1_000_000 * (1 + sum(arch)))

    def supernet(
        self, image: ImageSpec, *, affine: bool = False, shadow: ShadowBN | None = None
    ) -> PlantedNet:
        return PlantedNet([(0, 1, 2)] * len(self.sites), shadow)

    def standalone(self, arch: Arch, image: ImageSpec) -> PlantedNet:
        return PlantedNet([(op,) for op in arch])

    def truth(self, arch: Arch) -> float:
        return float(sum(STRENGTH[s][op] ** 2 for s, op in enumerate(arch)))


class PlantedNet(Supernet):
    """Logits: the weighted sum of the chosen maps."""

    stages_number = 1

    def __init__(self, choices, shadow=None):
        super().__init__()
        self.shadow, sites = shadow, len(choices)
        self.fixed = tuple(ops[0] for ops in choices) if len(choices[0]) == 1 else None
        self.gains = nn.ModuleList(
            nn.ParameterDict({str(op): nn.Parameter(torch.ones(1, 1)) for op in ops})
            for ops in choices
        )
        self.norm = nn.BatchNorm2d(1)
        if shadow:  # a BN per number of maps that are added up
            sums = range(sites, sites * shadow.most + 1)
            self.norm = shadow.norm(range(sums[-1]), sums, partial(nn.BatchNorm2d, 1))

    def begin(self, x):
        return (x,)

    def stage(self, index, state, path=None, hook=None):
        path, (x,) = self.fixed if path is None else path, state
        parts = x.flatten(2).split(3, dim=1)
        if hook is None:
            active = [(op,) if isinstance(op, int) else op for op in path]
            terms = [self.run(s, op, parts[s]) for s, ops in enumerate(active) for op in ops]
        else:
            terms = [hook(site, self.operators(site), part) for site, part in enumerate(parts)]
        total = sum(terms).view(len(x), 1, SIDE, SIDE)
        return (self.norm(total, range(len(terms))) if self.shadow else self.norm(total),)

    def run(self, site, op, part):
        return self.gains[site][str(op)] * part[:, op]

    def operators(self, site):
        return [partial(self.run, site, op) for op in range(3)]

    def finish(self, state):
        return state[-1].flatten(1)

    def subnet(self, arch):
        net = PlantedNet([(op,) for op in arch], self.shadow)
        shared = self.state_dict()
        net.load_state_dict({name: shared[name] for name in net.state_dict()})
        return net.train(self.training)


@dataclass
class PlantedData:
    """Images drawn once; ``train_batch`` as :class:`methods.base.Data` demands.

    ``shared_noise``: the operators of a site differ in strength only, not in their noise.
    """

    size: int = 3000
    shared_noise: bool = False
    image = ImageSpec(3 * len(STRENGTH), SIDE, SIDE**2)

    def __post_init__(self):
        self.train, self.val = self._draw(1), self._draw(2)

    def apart(self, every):
        chosen = range(every - 1, self.size, every)
        return self.selected(sorted({*range(self.size)} - {*chosen})), self.selected(chosen)

    def selected(self, rows):
        return self._with([self.train[row] for row in rows])

    def labelled(self, labels):
        return self._with([(x, y) for (x, _), y in zip(self.train, labels, strict=True)])

    def _with(self, train):
        other = copy(self)
        other.train, other.size = train, len(train)
        return other

    def _draw(self, seed):
        rng = np.random.default_rng(seed)
        y = rng.integers(SIDE**2, size=self.size)
        maps = len(STRENGTH) if self.shared_noise else STRENGTH.size
        x = rng.standard_normal((self.size, maps, SIDE**2)).repeat(STRENGTH.size // maps, axis=1)
        x[np.arange(self.size)[:, None], np.arange(x.shape[1]), y[:, None]] += STRENGTH.ravel()
        shape = (self.size, -1, SIDE, SIDE)
        return list(zip(torch.tensor(x).float().view(shape), torch.tensor(y), strict=True))

    def train_batch(self, step, batch_size, seed):
        chosen = np.random.default_rng([seed, step]).integers(self.size, size=batch_size)
        images, labels = zip(*(self.train[i] for i in chosen), strict=True)
        return torch.stack(images), torch.stack(labels)

    def batches(self, part, batch_size):
        examples = getattr(self, part)
        for start in range(0, len(examples), batch_size):
            images, labels = zip(*examples[start : start + batch_size], strict=True)
            yield torch.stack(images), torch.stack(labels)
