"""The networks of DARTS (Liu et al. 2019): one class for supernet and stand-alone networks."""

from __future__ import annotations

from functools import partial, reduce
from itertools import count

import torch
from torch import nn

from searchspaces.base import Arch, ImageSpec
from searchspaces.batchnorm import BatchNorm
from searchspaces.darts.cell import EDGES, NODES, OPERATORS, CellGenotype, genotype_of
from searchspaces.darts.operators import FactorizedReduction, drop_images, none, operator
from searchspaces.darts.skeleton import CellShape, Skeleton
from searchspaces.errors import UsageError
from searchspaces.operators import relu_conv_bn
from searchspaces.shadow_bn import ShadowBN
from searchspaces.supernet import SiteHook, State, Supernet, inheriting

ALL_CHOICES = dict.fromkeys(EDGES, OPERATORS)


class CellModule(nn.Module):
    """One cell holding the operators of ``cell``, or those of all edges."""

    def __init__(
        self,
        shape: CellShape,
        cell: CellGenotype | None,
        affine: bool,
        norm_pools: bool,
        shadow: ShadowBN | None,
    ):
        super().__init__()
        channels, self.shape = shape.channels, shape
        if shape.halve:
            self.before = FactorizedReduction(shape.before, channels, affine=True)
        else:
            self.before = relu_conv_bn(shape.before, channels, 1, 1, affine=True)
        self.last = relu_conv_bn(shape.last, channels, 1, 1, affine=True)
        choices = (
            ALL_CHOICES
            if cell is None
            else {
                (number, source): (name,)
                for number, node in zip(NODES, cell, strict=True)
                for name, source in node
            }
        )
        self.edges = nn.ModuleDict()
        for (node, source), names in choices.items():
            stride = shape.stride(source)
            self.edges[f"{node}<-{source}"] = nn.ModuleDict(
                {name: operator(name, channels, stride, affine, norm_pools) for name in names}
            )

        build = partial(BatchNorm, channels)
        self.norms = nn.ModuleDict(
            {str(node): shadow.norm(range(node), (2,), build) for node in NODES} if shadow else {}
        )

    def forward(
        self,
        before: torch.Tensor,
        last: torch.Tensor,
        cell: CellGenotype,
        drop: float,
        hook: SiteHook | None,
    ) -> torch.Tensor:
        """``[B, 4 * channels, H, W]``; each image loses each edge with probability ``drop``."""
        values = [self.before(before), self.last(last)]
        site = count(2 * len(NODES) * self.shape.reduces)
        for number, node in zip(NODES, cell, strict=True):
            terms = []
            for name, source in node:
                held = self.edges[f"{number}<-{source}"]
                if hook is not None:
                    terms.append(hook(next(site), list(held.values()), values[source]))
                    continue
                module = held[name]
                term = module(values[source])
                if drop and not isinstance(module, nn.Identity):
                    term = drop_images(term, drop)
                terms.append(term)
            total = terms[0] + terms[1]
            if self.norms:
                total = self.norms[str(number)](total, tuple(source for _, source in node))
            values.append(total)
        return torch.cat(values[2:], dim=1)

    def relaxed(self, before: torch.Tensor, last: torch.Tensor, hook: SiteHook) -> torch.Tensor:
        """``[B, 4 * channels, H, W]``: see :meth:`DARTSNetwork.relaxed`."""
        values = [self.before(before), self.last(last)]
        site = count(len(EDGES) * self.shape.reduces)
        for node in NODES:
            terms = []
            for source in range(node):
                zero = partial(none, stride=self.shape.stride(source))
                operators = [*self.edges[f"{node}<-{source}"].values(), zero]
                terms.append(hook(next(site), operators, values[source]))
            values.append(reduce(torch.add, terms))
        return torch.cat(values[2:], dim=1)


class AuxiliaryHead(nn.Sequential):
    """A second classifier for training, of maps ``side`` x ``side``.

    They are pooled to 2x2 in windows of 5x5 on CIFAR's 8x8 and ImageNet's 7x7, in proportion
    elsewhere. DARTS's ImageNet network has no BN after the last convolution: not ``normed``.
    """

    def __init__(self, c_in: int, side: int, classes: int, normed: bool):
        window = -(-5 * side // 8)
        super().__init__(
            nn.ReLU(),
            nn.AvgPool2d(window, side - window),
            nn.Conv2d(c_in, 128, 1, bias=False),
            BatchNorm(128),
            nn.ReLU(),
            nn.Conv2d(128, 768, 2, bias=False),
            BatchNorm(768) if normed else nn.Identity(),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(768, classes),
        )


class DARTSNetwork(Supernet):
    """Stem, cells, global average pooling, classifier: of ``arch``, or of all as a supernet.

    ``norm_pools`` puts a BN without scale and shift behind pooling operators, as DARTS does in
    supernets only. ``drop_probability`` is that of path drop, in training mode; 0 unless set.
    """

    def __init__(
        self,
        skeleton: Skeleton,
        image: ImageSpec,
        arch: Arch | None,
        *,
        affine: bool,
        norm_pools: bool,
        auxiliary: bool = False,
        shadow: ShadowBN | None = None,
    ):
        super().__init__()
        self.shadow = shadow
        self.skeleton, self.image, self.arch = skeleton, image, arch
        self.affine, self.norm_pools, self.drop_probability = affine, norm_pools, 0.0
        self.stages_number = skeleton.stages
        self.stem, self.second_stem = _stem(skeleton, image)
        genotype = (None, None) if arch is None else genotype_of(arch)
        self.cells = nn.ModuleList(
            CellModule(shape, genotype[shape.reduces], affine, norm_pools, shadow)
            for shape in skeleton.shapes
        )
        self.head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.classifier = nn.Linear(skeleton.out_channels, image.classes)
        self.auxiliary = _auxiliary_head(skeleton, image) if auxiliary else None
        self.to(memory_format=torch.channels_last)

    def begin(self, x: torch.Tensor) -> State:
        before = self.stem(x)
        return before, self.second_stem(before)

    def stage(
        self, index: int, state: State, path: Arch | None = None, hook: SiteHook | None = None
    ) -> State:
        first, end = self.skeleton.stage_ends[index : index + 2]
        for number in range(first, end):
            state = self._cell(number, state, path, hook)
        return state

    def stage_parts(self, index: int) -> list[nn.Module]:
        first, end = self.skeleton.stage_ends[index : index + 2]
        return list(self.cells[first:end])

    def chosen(self, path: Arch) -> dict[int, list[nn.Module]]:
        found: dict[int, list[nn.Module]] = {}
        for shape, cell in zip(self.skeleton.shapes, self.cells, strict=True):
            nodes = zip(NODES, genotype_of(path)[shape.reduces], strict=True)
            edges = [(f"{node}<-{source}", name) for node, pair in nodes for name, source in pair]
            for site, (edge, name) in enumerate(edges, len(edges) * shape.reduces):
                found.setdefault(site, []).append(cell.edges[edge][name])
        return found

    def finish(self, state: State) -> torch.Tensor:
        return self.classifier(self.head(state[-1]))

    def _cell(self, number: int, state: State, path: Arch | None, hook: SiteHook | None) -> State:
        genotype = genotype_of(self.arch if path is None else path)
        drop = self.drop_probability if self.training else 0.0
        before, last = state
        cell = genotype[self.skeleton.shapes[number].reduces]
        return last, self.cells[number](before, last, cell, drop, hook)

    def relaxed(self, x: torch.Tensor, hook: SiteHook) -> torch.Tensor:
        """Logits ``[B, classes]`` of a supernet whose nodes sum all their predecessors.

        ``hook`` is called at each edge with its number in
        :class:`~searchspaces.darts.relaxation.DARTSRelaxation`, its operators, and its input.
        """
        state = self.begin(x)
        for cell in self.cells:
            state = state[-1], cell.relaxed(*state, hook)
        return self.finish(state)

    def logits_and_auxiliary(
        self, x: torch.Tensor, path: Arch | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits ``[B, classes]`` of the network and of its auxiliary head.

        Raises :class:`UsageError` if it was built without one.
        """
        if self.auxiliary is None:
            raise UsageError("this network has no auxiliary head; build it with auxiliary=True.")
        state = self.begin(x)
        for number in range(len(self.cells)):
            state = self._cell(number, state, path, None)
            if number == self.skeleton.reductions[-1]:
                auxiliary = self.auxiliary(state[-1])
        return self.finish(state), auxiliary

    def subnet(self, arch: Arch) -> DARTSNetwork:
        build = partial(
            *(DARTSNetwork, self.skeleton, self.image, arch),
            affine=self.affine,
            norm_pools=self.norm_pools,
            shadow=self.shadow,
        )
        return inheriting(build, self)


def _stem(skeleton: Skeleton, image: ImageSpec) -> tuple[nn.Module, nn.Module]:
    """The first cell's first input from the image, and its second from its first."""

    def conv(c_in: int, c_out: int, stride: int) -> tuple[nn.Module, nn.Module]:
        return nn.Conv2d(c_in, c_out, 3, stride, 1, bias=False), BatchNorm(c_out)

    width = skeleton.width
    if not skeleton.deep_stem:
        return nn.Sequential(*conv(image.channels, 3 * width, skeleton.stem_stride)), nn.Identity()
    first = conv(image.channels, width // 2, 2)
    return (
        nn.Sequential(*first, nn.ReLU(), *conv(width // 2, width, 2)),
        relu_conv_bn(width, width, 3, 2, affine=True),
    )


def _auxiliary_head(skeleton: Skeleton, image: ImageSpec) -> AuxiliaryHead:
    side = skeleton.last_side(image)
    if side < 3:
        raise UsageError(
            f"images of {image.size}x{image.size} pixels are too small for an auxiliary head at "
            "this scale; train without one."
        )
    channels, normed = skeleton.out_channels, not skeleton.deep_stem
    return AuxiliaryHead(channels, side, image.classes, normed)
