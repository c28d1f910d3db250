"""Chain spaces: a stem, layers with one choice of block each, a head.

A space is a table of its operators and of the :class:`Skeleton` at each of its scales. The same
lists of convolutions give its cost and its networks.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import groupby, islice
from typing import TYPE_CHECKING, Any

from searchspaces.base import Arch, Cost, ImageSpec, SearchSpace, Site, unchoosable
from searchspaces.chain.blocks import Identity, Operator
from searchspaces.chain.convolutions import Shape, measure
from searchspaces.chain.declared import check_declared
from searchspaces.chain.skeleton import Skeleton
from searchspaces.diagram import Block, Chain, Diagram, Stage
from searchspaces.errors import UsageError
from searchspaces.literals import literal
from searchspaces.skeleton import of_scale

if TYPE_CHECKING:
    from searchspaces.chain.network import ChainNetwork
    from searchspaces.shadow_bn import ShadowBN

DIGITS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


class ChainSpace(SearchSpace):
    """Base of the chain spaces; a subclass gives ``name``, ``operators`` and ``skeletons``.

    A site offers the operators that fit its shape, in the order of ``operators``. ``scale`` is by
    default the first of ``skeletons``. ``width`` (channels of the first stage) and ``layers`` (per
    stage) override it; 0 leaves it as it is. Each layer is a choice site, so that ``layers``
    changes what an architecture is.

    Encoded, an architecture is one digit per layer: the number of its operator at that site,
    0-9, then a-z, then A-Z.
    """

    operators: tuple[Operator, ...]
    skeletons: dict[str, Skeleton]
    multipath = True

    def __init_subclass__(cls) -> None:
        """Raises :class:`UsageError` for what no chain can be made of."""
        super().__init_subclass__()
        check_declared(cls)
        cls.scales = tuple(cls.skeletons)

    def __init__(self, scale: str = "", width: int = 0, layers: int = 0):
        """Raises :class:`UsageError` for an unknown scale, and where there is nothing to choose."""
        scale = scale or self.scales[0]
        self.skeleton = of_scale(self.skeletons, scale, self.name).resized(width, layers)
        self.scale = scale
        self.layers = tuple(
            tuple(operator for operator in self.operators if operator.fits(shape))
            for shape in self.skeleton.shapes
        )
        self.sites = tuple(
            Site(f"layer {number}", tuple(operator.name for operator in operators))
            for number, operators in enumerate(self.layers)
        )
        for problem in unchoosable(self.name, self.sites):
            raise UsageError(problem)

    def is_valid(self, arch: Arch) -> bool:
        """Every chain of operators that its sites have: nothing in it can cut the network."""
        return len(arch) == len(self.layers) and all(
            0 <= gene < len(operators) for gene, operators in zip(arch, self.layers, strict=True)
        )

    def canonical(self, arch: Arch) -> str:
        """Encoded, with the identities among layers of one shape moved behind the others."""
        operators = [ops[gene] for gene, ops in zip(arch, self.layers, strict=True)]
        order: list[int] = []
        for kept, run in groupby(range(len(arch)), lambda layer: self.skeleton.shapes[layer].kept):
            order += sorted(run, key=lambda layer: kept and isinstance(operators[layer], Identity))
        return self.encode(tuple(arch[layer] for layer in order))

    def encode(self, arch: Arch) -> str:
        return "".join(DIGITS[gene] for gene in arch)

    def decode(self, text: str) -> Arch:
        arch = tuple(DIGITS.find(digit) for digit in text)
        if self.is_valid(arch):
            return arch
        example = self.encode(tuple(len(operators) - 1 for operators in self.layers))
        raise UsageError(
            f"'{text[:120]}' is no architecture of {self.name}: write one digit for each of "
            f"{len(self.layers)} layers, at most '{example}'."
        )

    def stage_sites(self) -> Sequence[Sequence[int]]:
        return self.skeleton.stage_layers

    def read(self, written: Any) -> Arch:
        """Also lists of choices, as ``[2, 0, 1]``, ``(2, 0, 1)``, ``[2 0 1]`` or ``2-0-1``."""
        choices = written
        if isinstance(written, str):
            numbers = re.split("[-_ ]", written.strip())
            try:
                choices = numbers if all(map(str.isdecimal, numbers)) else literal(written)
            except ValueError:
                choices = None
        if isinstance(choices, list | tuple):
            try:
                arch = tuple(int(str(choice)) for choice in choices)
            except ValueError:
                arch = ()
            if self.is_valid(arch):
                return arch
        return super().read(written)

    def cost(self, arch: Arch, image: ImageSpec) -> Cost:
        """Convolutions, BN parameters and the classifier; biases count no multiply-adds."""
        blocks = [
            operators[gene].branches(shape)
            for gene, operators, shape in zip(arch, self.layers, self.skeleton.shapes, strict=True)
        ]
        classifier = self.skeleton.head * image.classes
        params = classifier + self.skeleton.classifier_bias * image.classes
        madds, size = classifier, image.size
        for branches in ((self.skeleton.before(image),), *blocks, (self.skeleton.after(),)):
            before = size
            for branch in branches:
                added, multiplied, size = measure(branch, before)
                params, madds = params + added, madds + multiplied
        return Cost(params, madds)

    def supernet(
        self, image: ImageSpec, *, affine: bool = False, shadow: ShadowBN | None = None
    ) -> ChainNetwork:
        from searchspaces.chain.network import ChainNetwork

        choices = [range(len(operators)) for operators in self.layers]
        return ChainNetwork(self.skeleton, self.layers, image, choices, affine, shadow)

    def standalone(self, arch: Arch, image: ImageSpec) -> ChainNetwork:
        from searchspaces.chain.network import ChainNetwork

        return ChainNetwork(self.skeleton, self.layers, image, [(gene,) for gene in arch], True)

    def diagrams(self, arch: Arch) -> list[Diagram]:
        """One row: the stem, the stages with their channels for titles, the head."""
        chosen = zip(arch, self.layers, self.skeleton.shapes, strict=True)
        stages = (
            Stage(
                str(stage.channels),
                tuple(_block(*layer) for layer in islice(chosen, stage.layers)),
            )
            for stage in self.skeleton.stages
        )
        stem = Block("stem", reduces=self.skeleton.stride > 1, fixed=True)
        row = (Stage("", (stem,)), *stages, Stage("", (Block("head", fixed=True),)))
        note = "below: channels; height: weights, relative to the layer's heaviest operator"
        return [Chain("", row, note)]


def _block(gene: int, operators: Sequence[Operator], shape: Shape) -> Block:
    """How operator ``gene`` of a site is drawn."""
    weights = [
        sum(conv.weights for branch in operator.branches(shape) for conv in branch)
        for operator in operators
    ]
    size = weights[gene] / max(weights)
    return Block(operators[gene].name, size, reduces=shape.stride > 1)
