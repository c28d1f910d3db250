"""The blocks of chain spaces, each an operator that says of which convolutions it consists.

Cost and network come from the same list of convolutions; all are followed by BN and, unless
linear, by the activation of the space.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from searchspaces.chain.convolutions import Conv, Shape, check_kernel
from searchspaces.errors import UsageError

if TYPE_CHECKING:
    import torch
    from torch import nn


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
    def build(self, shape: Shape, affine: bool, activation: str) -> nn.Module:
        """The block with fresh weights."""

    def run(self, block: nn.Module, x: torch.Tensor) -> torch.Tensor:
        """``x`` through ``block``, which was built for this operator or a wider one of its key."""
        return block(x)

    def apart(self, block: nn.Module) -> tuple[Callable[[torch.Tensor], torch.Tensor] | None, bool]:
        """What ``block`` computes, if anything, and whether it adds its input to that."""
        from torch import nn

        from searchspaces.chain.modules import Residual

        if isinstance(block, nn.Identity):
            return None, True
        if isinstance(block, Residual):
            return block.body, True
        return partial(self.run, block), False


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

    def build(self, shape: Shape, affine: bool, activation: str) -> nn.Module:
        from torch import nn

        from searchspaces.chain.modules import sequence

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

    def __post_init__(self) -> None:
        """Raises :class:`UsageError` for a kernel that is not odd and for less than no expansion."""
        check_kernel("MBConv", self.kernel)
        if self.expansion < 1:
            raise UsageError(f"the expansion of MBConv is at least 1, not {self.expansion}.")

    @property
    def name(self) -> str:
        return f"k{self.kernel}e{self.expansion}"

    def branches(self, shape: Shape) -> tuple[tuple[Conv, ...], ...]:
        hidden = self.expansion * shape.c_in
        expand = (Conv(shape.c_in, hidden),) if self.expansion > 1 else ()
        spatial = Conv(hidden, hidden, self.kernel, shape.stride, depthwise=True)
        return ((*expand, spatial, Conv(hidden, shape.c_out, linear=True)),)

    def build(self, shape: Shape, affine: bool, activation: str) -> nn.Module:
        from searchspaces.chain.modules import Residual, sequence

        body = sequence(self.branches(shape)[0], affine, activation)
        return Residual(body) if shape.kept else body


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

    def __post_init__(self) -> None:
        """Raises :class:`UsageError` for a kernel that is not odd."""
        check_kernel("Shuffle", self.kernel)

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

    def build(self, shape: Shape, affine: bool, activation: str) -> nn.Module:
        from searchspaces.chain.modules import ShuffleUnit, sequence

        branches = (sequence(b, affine, activation) for b in self.branches(shape))
        return ShuffleUnit(shape.c_out, *branches)

    def run(self, block: nn.Module, x: torch.Tensor) -> torch.Tensor:
        return block(x, self.middle(block.c_out))
