"""The convolutions that chain spaces consist of, and what they cost."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from searchspaces.errors import UsageError


def check_kernel(what: str, kernel: int) -> None:
    """Raise :class:`UsageError` for a side of a kernel that is not odd."""
    if kernel % 2 != 1:
        raise UsageError(f"the kernel of {what} is an odd number, not {kernel}.")


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

    def __post_init__(self) -> None:
        """Raises :class:`UsageError` for a kernel that has no "same" padding."""
        check_kernel("a convolution", self.kernel)

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
