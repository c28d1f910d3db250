"""The three spaces of EnNAS ("NAS via Ensemble-Based Knowledge Distillation").

The paper prints their operators and that s3 has more layers than s2. Channels and depths are
those of ProxylessNAS, and in s3 its stages of four layers have six.
"""

from __future__ import annotations

from dataclasses import replace

from searchspaces.chain.blocks import Identity, MBConv
from searchspaces.chain.mobilenet import COMPACT, PROXYLESS
from searchspaces.chain.shufflenet import UNITS
from searchspaces.chain.skeleton import scales
from searchspaces.chain.space import ChainSpace

RESIDUALS = tuple(MBConv(kernel, expansion) for kernel in (3, 5, 7) for expansion in (1, 3, 6))
DEEP = replace(
    PROXYLESS,
    stages=tuple(replace(s, layers=6 if s.layers == 4 else s.layers) for s in PROXYLESS.stages),
)
DEEP_COMPACT = COMPACT.resized(layers=4)


class EnNASSmall(ChainSpace):
    """EnNAS s1: inverted residuals of three kernels and three expansions, or identity; 21 layers."""

    name = "ennas-s1"
    operators = (*RESIDUALS, Identity())
    skeletons = scales(PROXYLESS, COMPACT)


class EnNASLarge(ChainSpace):
    """EnNAS s2: s1 with the four ShuffleNetV2 units of SPOS; 21 layers."""

    name = "ennas-s2"
    operators = (*RESIDUALS, *UNITS, Identity())
    skeletons = scales(PROXYLESS, COMPACT)


class EnNASDeep(ChainSpace):
    """EnNAS s3: s2 with 31 layers."""

    name = "ennas-s3"
    operators = EnNASLarge.operators
    skeletons = scales(DEEP, DEEP_COMPACT)
