"""MobileNet chains: FairNAS (Chu et al., arXiv:1907.01845) and ProxylessNAS (Cai et al. 2019).

A layer is an inverted residual with kernel 3, 5 or 7 and expansion 3 or 6; ProxylessNAS can also
skip it where it keeps the shape. Operators are numbered as in each project's own code.
"""

from __future__ import annotations

from dataclasses import replace

from searchspaces.chain.blocks import Identity, MBConv
from searchspaces.chain.skeleton import Skeleton, Stage, scales
from searchspaces.chain.space import ChainSpace


def mobilenet(*stages: Stage) -> Skeleton:
    """MobileNetV2's stem and head around ``stages``."""
    return Skeleton(stem=32, stride=2, entry=16, stages=stages, head=1280, activation="ReLU6")


PROXYLESS = mobilenet(
    Stage(24, 4, 2),
    Stage(40, 4, 2),
    Stage(80, 4, 2),
    Stage(96, 4, 1),
    Stage(192, 4, 2),
    Stage(320, 1, 1),
)
FAIRNAS = mobilenet(Stage(32, 2, 2), *PROXYLESS.stages[1:])
# The stem sees single pixels: with a 3x3 convolution there, kernels hardly differed in accuracy.
COMPACT = Skeleton(
    stem=8,
    stride=1,
    kernel=1,
    stages=(Stage(8, 2, 1), Stage(16, 2, 2)),
    head=32,
    activation="ReLU6",
)
# Without the identity, operators differ so little that stand-alone accuracies drown in seed noise
# unless no layer follows a stride.
FAIRNAS_COMPACT = replace(COMPACT, stages=(Stage(8, 3, 1),))


class MobileNet(ChainSpace):
    """FairNAS: 19 layers of six operators, on the embedded task three layers."""

    name = "mobilenet"
    operators = tuple(MBConv(kernel, expansion) for expansion in (3, 6) for kernel in (3, 5, 7))
    skeletons = scales(FAIRNAS, FAIRNAS_COMPACT)


class ProxylessMobileNet(ChainSpace):
    """ProxylessNAS: 21 layers of six operators or, where the shape stays, seven."""

    name = "mobilenet-proxyless"
    operators = (
        *(MBConv(kernel, expansion) for kernel in (3, 5, 7) for expansion in (3, 6)),
        Identity(),
    )
    skeletons = scales(PROXYLESS, COMPACT)
