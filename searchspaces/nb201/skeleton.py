"""What surrounds the cells of NAS-Bench-201, and what the whole network costs."""

from __future__ import annotations

from dataclasses import dataclass

from searchspaces.base import Arch, Cost, ImageSpec
from searchspaces.nb201.cell import CONV1, CONV3
from searchspaces.skeleton import CellSkeleton


@dataclass(frozen=True)
class Skeleton(CellSkeleton):
    """The network around the cells.

    ``residual``: whether stages are joined by the benchmark's residual blocks or by mere pooling
    and a 1x1 convolution.
    """

    residual: bool

    @property
    def widths(self) -> tuple[int, ...]:
        return tuple(self.width << stage for stage in range(len(self.cells)))


def network_cost(skeleton: Skeleton, image: ImageSpec, arch: Arch) -> Cost:
    """As the benchmark counts: convolutions, BN parameters, the classifier with its bias.

    Pooling, additions and BN count no multiply-adds; operators on dead edges count.
    """
    widths, size = skeleton.widths, image.size
    params = 9 * image.channels * widths[0] + 2 * widths[0]
    madds = 9 * image.channels * widths[0] * size * size
    for stage, (c, n) in enumerate(zip(widths, skeleton.cells, strict=True)):
        if stage:
            b, size = c // 2, size // 2 if not skeleton.residual else (size + 1) // 2
            weights = b * c + (9 * b * c + 9 * c * c if skeleton.residual else 0)
            params += weights + (4 * c if skeleton.residual else 2 * c)
            madds += weights * size * size
        kernels = sum({CONV1: 1, CONV3: 9}.get(op, 0) for op in arch)
        convolutions = sum(op in (CONV1, CONV3) for op in arch)
        params += n * (kernels * c * c + convolutions * 2 * c)
        madds += n * kernels * c * c * size * size
    head = widths[-1] * image.classes + image.classes
    return Cost(params + 2 * widths[-1] + head, madds + head)
