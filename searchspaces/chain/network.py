"""The networks of chain spaces: one class for supernets and stand-alone networks."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from copy import deepcopy
from functools import partial, reduce

import torch
from torch import nn

from searchspaces.base import Arch, ImageSpec, Path
from searchspaces.batchnorm import BatchNorm
from searchspaces.chain.blocks import Operator
from searchspaces.chain.modules import sequence
from searchspaces.chain.skeleton import Skeleton
from searchspaces.chain.tree import PrefixTree, Steps
from searchspaces.shadow_bn import ShadowBN
from searchspaces.supernet import SiteHook, State, Supernet, inheriting

Part = tuple[Operator, nn.Module]
"""An operator and its block."""


class ChainNetwork(Supernet):
    """The network of a :class:`Skeleton` holding, per layer, the operators in ``choices``.

    ``layers`` are the operators of each site, ``choices`` numbers of them. Only the BNs of the
    choice blocks go by ``affine``. Of a path that activates several operators of a layer the
    outputs add up; with ``shadow`` a BN of their number follows, and behind it the residual.
    """

    def __init__(
        self,
        skeleton: Skeleton,
        layers: Sequence[Sequence[Operator]],
        image: ImageSpec,
        choices: Sequence[Collection[int]],
        affine: bool,
        shadow: ShadowBN | None = None,
    ):
        super().__init__()
        self.shadow = shadow
        self.skeleton, self.layers, self.image, self.affine = skeleton, layers, image, affine
        self.stages_number = len(skeleton.stages)
        single = all(len(genes) == 1 for genes in choices)
        self.fixed_path = tuple(gene for (gene,) in choices) if single else None
        self.stem = sequence(skeleton.before(image), True, skeleton.activation)
        self.stem.append(ChannelsLast())
        self.blocks = nn.ModuleList()
        for operators, shape, genes in zip(layers, skeleton.shapes, choices, strict=True):
            widest = {operators[gene].key: operators[gene] for gene in sorted(genes)}
            self.blocks.append(
                nn.ModuleDict(
                    {
                        key: operator.build(shape, affine, skeleton.activation)
                        for key, operator in widest.items()
                    }
                )
            )
        self.norms = nn.ModuleList(
            shadow.norm(
                range(len(operators)),
                range(1, min(shadow.most, len(operators)) + 1),
                partial(BatchNorm, shape.c_out),
            )
            for operators, shape in zip(layers, skeleton.shapes, strict=True)
            if shadow
        )
        self.head = nn.Sequential(
            sequence(skeleton.after(), True, skeleton.activation),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
        )
        self.classifier = nn.Linear(skeleton.head, image.classes, skeleton.classifier_bias)

    def begin(self, x: torch.Tensor) -> State:
        return (self.stem(x),)

    def stage(
        self, index: int, state: State, path: Path | None = None, hook: SiteHook | None = None
    ) -> State:
        path = self.fixed_path if path is None else path
        (x,) = state
        for layer in self.skeleton.stage_layers[index]:
            if hook is None:
                active = (path[layer],) if isinstance(path[layer], int) else path[layer]
                if self.shadow:
                    parts = [self.part(layer, gene) for gene in active]
                    x = added_up(parts, self.norms[layer].of(active), x)
                else:
                    x = reduce(torch.add, [self.run(layer, gene, x) for gene in active])
            else:
                genes = range(len(self.layers[layer]))
                x = hook(layer, [partial(self.run, layer, gene) for gene in genes], x)
        return (x,)

    def stage_parts(self, index: int) -> list[nn.Module]:
        layers = self.skeleton.stage_layers[index]
        return [held[n] for held in (self.blocks, self.norms) if held for n in layers]

    def chosen(self, path: Path) -> dict[int, list[nn.Module]]:
        return {layer: [self.part(layer, gene)[1]] for layer, gene in enumerate(path)}

    def part(self, layer: int, gene: int) -> Part:
        """Operator ``gene`` of ``layer`` and its block."""
        operator = self.layers[layer][gene]
        return operator, self.blocks[layer][operator.key]

    def run(self, layer: int, gene: int, x: torch.Tensor) -> torch.Tensor:
        """Operator ``gene`` of ``layer`` on ``x``."""
        operator, block = self.part(layer, gene)
        return operator.run(block, x)

    def finish(self, state: State) -> torch.Tensor:
        return self.classifier(self.head(state[-1]))

    def subnet(self, arch: Arch) -> ChainNetwork:
        choices = [(gene,) for gene in arch]
        build = partial(
            *(ChainNetwork, self.skeleton, self.layers, self.image),
            *(choices, self.affine, self.shadow),
        )
        return inheriting(build, self)

    # Its parts, for architectures that share some -------------------------------------------

    def together(self, archs: Sequence[Arch]) -> PrefixTree:
        return PrefixTree(self, archs).train(self.training)

    def order(self, archs: Sequence[Arch]) -> list[int]:
        """By their genes, so that those that begin alike are neighbours."""
        return sorted(range(len(archs)), key=archs.__getitem__)

    def steps(self, arch: Arch) -> Steps:
        """The layers of ``arch`` that do anything, each with its gene."""
        blocks = (
            held[operators[gene].key]
            for gene, operators, held in zip(arch, self.layers, self.blocks, strict=True)
        )
        return tuple(
            (layer, arch[layer])
            for layer, block in enumerate(blocks)
            if not isinstance(block, nn.Identity)
        )

    def link(self, layer: int, gene: int) -> nn.Module:
        """Operator ``gene`` of ``layer`` and the BN behind it, with a copy of the shared weights."""
        operator, shape = self.layers[layer][gene], self.skeleton.shapes[layer]
        build = partial(operator.build, shape, self.affine, self.skeleton.activation)
        block = inheriting(build, self.blocks[layer][operator.key])
        norm = deepcopy(self.norms[layer].of((gene,))) if self.shadow else None
        return Link(operator, block, norm)

    def ends(self) -> tuple[nn.Module, nn.Module]:
        """Copies of the stem and of the head with the classifier."""
        return deepcopy(self.stem), deepcopy(nn.Sequential(self.head, self.classifier))


class Link(nn.Module):
    """One layer of an architecture: ``operator`` on its ``block``, with the shadow BN ``norm``."""

    def __init__(self, operator: Operator, block: nn.Module, norm: nn.Module | None):
        super().__init__()
        self.operator, self.block, self.norm = operator, block, norm

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.norm is None:
            return self.operator.run(self.block, x)
        return added_up([(self.operator, self.block)], self.norm, x)


class ChannelsLast(nn.Module):
    """On a CPU depthwise convolutions are twice as fast in this layout; elsewhere nothing."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.contiguous(memory_format=torch.channels_last) if x.device.type == "cpu" else x


def added_up(parts: Sequence[Part], norm: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """What several operators make of ``x`` together (MixPath, Chu et al., section 3.3).

    Their outputs are summed, ``norm`` is applied to the sum, and behind it the input is added,
    once, if any of them adds it. Identities have no output of their own.
    """
    bodies, skips = zip(*(operator.apart(block) for operator, block in parts), strict=True)
    outputs = [body(x) for body in bodies if body is not None]
    if not outputs:
        return x
    y = norm(reduce(torch.add, outputs))
    return y + x if any(skips) else y
