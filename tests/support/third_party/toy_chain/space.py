"""Three layers in a row, each of them nothing, a 1x1 or a 3x3 convolution."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from searchspaces.base import Arch, Cost, ImageSpec, SearchSpace, Site
from searchspaces.errors import UsageError
from searchspaces.registry import nearest
from searchspaces.supernet import SiteHook, State, Supernet

KERNELS = {"skip": 0, "conv1x1": 1, "conv3x3": 3}
SKIP, *_ = OPERATORS = range(len(KERNELS))
WIDTHS = {"compact": 8, "cifar": 32}


class ToyChain(SearchSpace):
    """Encoded, an architecture is one digit per layer: 0 skip, 1 conv1x1, 2 conv3x3.

    ``width`` (channels) overrides the scale, ``layers`` the number of layers; 0 leaves either.
    """

    name = "toy-chain"
    scales = tuple(WIDTHS)

    def __init__(self, scale: str = "compact", width: int = 0, layers: int = 0):
        if scale not in WIDTHS:
            raise UsageError(f"unknown scale '{scale}' of {self.name}{nearest(scale, WIDTHS)}")
        self.scale, self.width = scale, width or WIDTHS[scale]
        self.sites = tuple(Site(f"layer {n}", tuple(KERNELS)) for n in range(layers or 3))

    def is_valid(self, arch: Arch) -> bool:
        return len(arch) == len(self.sites) and all(gene in OPERATORS for gene in arch)

    def canonical(self, arch: Arch) -> str:
        """Encoded with the skips behind the others: all layers have one shape."""
        return self.encode(tuple(sorted(arch, key=lambda gene: gene == SKIP)))

    def encode(self, arch: Arch) -> str:
        return "".join(str(gene) for gene in arch)

    def decode(self, text: str) -> Arch:
        arch = tuple("012".find(digit) for digit in text)
        if self.is_valid(arch):
            return arch
        raise UsageError(
            f"'{text[:120]}' is no architecture of {self.name}: write {len(self.sites)} digits "
            "from 0 to 2."
        )

    def cost(self, arch: Arch, image: ImageSpec) -> Cost:
        """Convolutions, BN parameters and the classifier, whose bias counts no multiply-add."""
        width, classifier = self.width, self.width * image.classes
        kernels = [kernel for kernel in (list(KERNELS.values())[gene] for gene in arch) if kernel]
        weights = 9 * image.channels * width + sum((kernel * width) ** 2 for kernel in kernels)
        norms = 2 * width * (1 + len(kernels))
        return Cost(
            weights + norms + classifier + image.classes, weights * image.size**2 + classifier
        )

    def supernet(self, image: ImageSpec, *, affine: bool = False) -> ToyNetwork:
        return ToyNetwork(self.width, image, [OPERATORS] * len(self.sites), affine)

    def standalone(self, arch: Arch, image: ImageSpec) -> ToyNetwork:
        return ToyNetwork(self.width, image, [(gene,) for gene in arch], affine=True)


class ToyNetwork(Supernet):
    """Stem, layers that hold the operators in ``choices``, global average pooling, classifier."""

    stages_number = 1

    def __init__(
        self, width: int, image: ImageSpec, choices: Sequence[Sequence[int]], affine: bool
    ):
        super().__init__()
        self.width, self.image, self.affine = width, image, affine
        self.fixed_path = tuple(genes[0] for genes in choices)
        self.stem = _block(image.channels, width, 3, affine=True)
        self.layers = nn.ModuleList(
            nn.ModuleDict({str(gene): _operator(gene, width, affine) for gene in genes})
            for genes in choices
        )
        self.classifier = nn.Linear(width, image.classes)

    def begin(self, x: torch.Tensor) -> State:
        return (self.stem(x),)

    def stage(
        self, index: int, state: State, path: Arch | None = None, hook: SiteHook | None = None
    ) -> State:
        (x,) = state
        for site, gene in enumerate(self.fixed_path if path is None else path):
            held = self.layers[site]
            x = held[str(gene)](x) if hook is None else hook(site, list(held.values()), x)
        return (x,)

    def finish(self, state: State) -> torch.Tensor:
        return self.classifier(state[-1].mean((2, 3)))

    def subnet(self, arch: Arch) -> ToyNetwork:
        net = type(self)(self.width, self.image, [(gene,) for gene in arch], self.affine)
        shared = self.state_dict()
        net.load_state_dict({name: shared[name] for name in net.state_dict()})
        net.to(next(self.parameters()).device)
        return net.train(self.training)


def _operator(gene: int, width: int, affine: bool) -> nn.Module:
    kernel = list(KERNELS.values())[gene]
    return _block(width, width, kernel, affine) if kernel else nn.Identity()


def _block(c_in: int, c_out: int, kernel: int, affine: bool) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(c_in, c_out, kernel, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(c_out, affine=affine),
        nn.ReLU(),
    )
