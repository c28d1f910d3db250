"""ShuffleNetV2 chain of SPOS (Guo et al. 2020, arXiv:1904.00420), 20 layers of four units.

SPOS trains with dropout 0.1 in front of its classifier, which is left to the training here.
"""

from __future__ import annotations

from searchspaces.chain.blocks import Shuffle
from searchspaces.chain.skeleton import Skeleton, Stage, scales
from searchspaces.chain.space import ChainSpace

UNITS = (Shuffle(3), Shuffle(5), Shuffle(7), Shuffle(xception=True))
SKELETONS = scales(
    imagenet=Skeleton(
        stem=16,
        stride=2,
        stages=(Stage(64, 4, 2), Stage(160, 4, 2), Stage(320, 8, 2), Stage(640, 4, 2)),
        head=1024,
        classifier_bias=False,
    ),
    compact=Skeleton(
        stem=8,
        stride=1,
        stages=(Stage(8, 2, 1), Stage(16, 2, 2)),
        head=32,
        classifier_bias=False,
    ),
)


class ShuffleNet(ChainSpace):
    """ShuffleNetV2 chain of SPOS, block search: which of four units in each of 20 layers."""

    name = "shufflenet"
    operators = UNITS
    skeletons = SKELETONS


class ShuffleNetChannels(ChainSpace):
    """The same with channel search: which unit, and its inner width from 0.2 to 2 times the usual.

    The widths of a unit share its weights in the supernet, each using the leading channels.
    """

    name = "shufflenet-channels"
    operators = tuple(
        Shuffle(unit.kernel, unit.xception, tenths) for unit in UNITS for tenths in range(2, 21, 2)
    )
    skeletons = SKELETONS
