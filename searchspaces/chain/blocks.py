"""The blocks of chain spaces, each an operator that says of which convolutions it consists.

Cost and network come from the same list of convolutions; all are followed by BN and, unless
linear, by the activation of the space.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial, reduce

import torch
from torch import nn

from searchspaces.chain.narrow import narrowed


@dataclass(frozen=True)
class Shape:
    """What a block makes of its input: ``c_in`` channels to ``c_out``, sides divided by ``stride``."""

    c_in: int
    c_out: int
    stride: int

    @property
    def kept(self) -> bool:
        """Whether the output is as large as the input."""
        return self.stride == 1 and self.c_in == self.c_out


@dataclass(frozen=True)
class Conv:
    """An unbiased convolution with "same" padding, followed by BN and perhaps an activation."""

    c_in: int
    c_out: int
    kernel: int = 1
    stride: int = 1
    depthwise: bool = False
    linear: bool = False

    @property
    def weights(self) -> int:
        return self.kernel**2 * self.c_out * (1 if self.depthwise else self.c_in)


def measure(convolutions: Iterable[Conv], size: int) -> tuple[int, int, int]:
    """Parameters with those of BN, multiply-adds on a ``size`` x ``size`` input, output side."""
    params = madds = 0
    for conv in convolutions:
        size = -(-size // conv.stride)
        params += conv.weights + 2 * conv.c_out
        madds += conv.weights * size * size
    return params, madds, size


def sequence(
    convolutions: Iterable[Conv], affine: bool, activation: type[nn.Module]
) -> nn.Sequential:
    """The network of ``convolutions``; ``affine`` gives its BNs scale and shift."""
    layers: list[nn.Module] = []
    for conv in convolutions:
        groups = conv.c_in if conv.depthwise else 1
        side, padding = conv.kernel, conv.kernel // 2
        layers += [
            nn.Conv2d(conv.c_in, conv.c_out, side, conv.stride, padding, groups=groups, bias=False),
            nn.BatchNorm2d(conv.c_out, affine=affine),
        ]
        if not conv.linear:
            layers.append(activation(inplace=True))
    return nn.Sequential(*layers)


class Operator(ABC):
    """One operator of a choice site, able to build its block for every :class:`Shape` it fits."""

    name: str

    @property
    def key(self) -> str:
        """Name of the block in a supernet; operators of one key share its weights."""
        return self.name

    def fits(self, shape: Shape) -> bool:
        """Whether a site of this shape may hold the operator."""
        return True

    @abstractmethod
    def branches(self, shape: Shape) -> tuple[tuple[Conv, ...], ...]:
        """The convolutions of the block, one sequence per branch."""

    @abstractmethod
    def build(self, shape: Shape, affine: bool, activation: type[nn.Module]) -> nn.Module:
        """The block with fresh weights."""

    def run(self, block: nn.Module, x: torch.Tensor) -> torch.Tensor:
        """``x`` through ``block``, which was built for this operator or a wider one of its key."""
        return block(x)

    def apart(self, block: nn.Module) -> tuple[Callable[[torch.Tensor], torch.Tensor] | None, bool]:
        """What ``block`` computes, if anything, and whether it adds its input to that."""
        if isinstance(block, nn.Identity):
            return None, True
        if isinstance(block, Residual):
            return block.body, True
        return partial(self.run, block), False


Part = tuple[Operator, nn.Module]
"""An operator and its block."""


@dataclass(frozen=True)
class Identity(Operator):
    """Nothing at all; where the shape changes, a linear 1x1 convolution if ``project`` is set."""

    project: bool = False
    name = "identity"

    def fits(self, shape: Shape) -> bool:
        return self.project or shape.kept

    def branches(self, shape: Shape) -> tuple[tuple[Conv, ...], ...]:
        if shape.kept:
            return ()
        return ((Conv(shape.c_in, shape.c_out, 1, shape.stride, linear=True),),)

    def build(self, shape: Shape, affine: bool, activation: type[nn.Module]) -> nn.Module:
        if shape.kept:
            return nn.Identity()
        return sequence(self.branches(shape)[0], affine, activation)


@dataclass(frozen=True)
class MBConv(Operator):
    """Inverted residual (MobileNetV2, Sandler et al. 2018): expand, depthwise, linear projection.

    Without the first convolution where ``expansion`` is 1; the input is added where shapes agree.
    """

    kernel: int
    expansion: int

    @property
    def name(self) -> str:
        return f"k{self.kernel}e{self.expansion}"

    def branches(self, shape: Shape) -> tuple[tuple[Conv, ...], ...]:
        hidden = self.expansion * shape.c_in
        expand = (Conv(shape.c_in, hidden),) if self.expansion > 1 else ()
        spatial = Conv(hidden, hidden, self.kernel, shape.stride, depthwise=True)
        return ((*expand, spatial, Conv(hidden, shape.c_out, linear=True)),)

    def build(self, shape: Shape, affine: bool, activation: type[nn.Module]) -> nn.Module:
        body = sequence(self.branches(shape)[0], affine, activation)
        return Residual(body) if shape.kept else body


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


class Residual(nn.Module):
    """``x`` plus ``body`` of ``x``."""

    def __init__(self, body: nn.Module):
        super().__init__()
        self.body = body

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.body(x)


@dataclass(frozen=True)
class Shuffle(Operator):
    """ShuffleNetV2 unit of SPOS (Guo et al. 2020, Fig. 5), kernel 3, 5 or 7, or Xception-like.

    Where shapes agree, every other channel passes untouched and the rest goes through the main
    branch; elsewhere both branches see all channels, and the main branch adds those that the
    output has more. ``tenths`` is the width of the main branch in tenths of half the output; it
    is part of the name unless it is 10.
    """

    kernel: int = 3
    xception: bool = False
    tenths: int = 10

    @property
    def key(self) -> str:
        return "xception" if self.xception else f"shuffle{self.kernel}"

    @property
    def name(self) -> str:
        return self.key if self.tenths == 10 else f"{self.key}x{self.tenths / 10:g}"

    def middle(self, c_out: int) -> int:
        """Channels within the main branch, rounded down, at least one."""
        return max(c_out // 2 * self.tenths // 10, 1)

    def branches(self, shape: Shape) -> tuple[tuple[Conv, ...], ...]:
        middle, stride = self.middle(shape.c_out), shape.stride
        c_in = shape.c_in // 2 if shape.kept else shape.c_in
        c_out = shape.c_out - c_in

        def spatial(channels: int, stride: int = 1) -> Conv:
            return Conv(channels, channels, self.kernel, stride, depthwise=True, linear=True)

        main = (Conv(c_in, middle), spatial(middle, stride), Conv(middle, c_out))
        if self.xception:
            main = (
                *(spatial(c_in, stride), Conv(c_in, middle)),
                *(spatial(middle), Conv(middle, middle)),
                *(spatial(middle), Conv(middle, c_out)),
            )
        return (main,) if shape.kept else (main, (spatial(c_in, stride), Conv(c_in, c_in)))

    def build(self, shape: Shape, affine: bool, activation: type[nn.Module]) -> nn.Module:
        branches = (sequence(b, affine, activation) for b in self.branches(shape))
        return ShuffleUnit(shape.c_out, *branches)

    def run(self, block: nn.Module, x: torch.Tensor) -> torch.Tensor:
        return block(x, self.middle(block.c_out))


class ShuffleUnit(nn.Module):
    """The pass-through or side branch, and behind it the main branch, ``c_out`` channels in all."""

    def __init__(self, c_out: int, main: nn.Sequential, side: nn.Sequential | None = None):
        super().__init__()
        self.c_out, self.main, self.side = c_out, main, side

    def forward(self, x: torch.Tensor, middle: int) -> torch.Tensor:
        side, x = (x[:, ::2], x[:, 1::2]) if self.side is None else (self.side(x), x)
        return torch.cat((side, narrowed(self.main, x, middle)), 1)
