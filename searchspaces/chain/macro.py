"""NAS-Bench-Macro (Su et al., CVPR 2021, arXiv:2103.11922): eight layers of three operators.

Key = one digit per layer. Of the 6,561 keys 3,969 are distinct networks.
"""

from __future__ import annotations

from searchspaces.chain.blocks import Identity, MBConv
from searchspaces.chain.skeleton import Skeleton, Stage
from searchspaces.chain.space import ChainSpace


class NASBenchMacro(ChainSpace):
    """``benchmark`` is the network of the table, for CIFAR-10; ``compact`` is for small images.

    ``proxy``, for supernets on photographs of 16x16 pixels, is ``compact`` at twice its width.

    In front of a stage, where the shape changes, the identity is a 1x1 convolution.
    """

    name = "macro"
    operators = (Identity(project=True), MBConv(3, 3), MBConv(5, 6))
    skeletons = {
        "benchmark": Skeleton(
            stem=32,
            stride=1,
            stages=(Stage(64, 2, 2), Stage(128, 3, 2), Stage(256, 3, 2)),
            head=1280,
        ),
        "compact": Skeleton(  # a stem of single pixels: else networks of identities do well
            stem=8,
            stride=1,
            kernel=1,
            stages=(Stage(8, 2, 2), Stage(12, 3, 1), Stage(16, 3, 1)),
            head=32,
        ),
        "proxy": Skeleton(
            stem=16,
            stride=1,
            kernel=1,
            stages=(Stage(16, 2, 2), Stage(24, 3, 1), Stage(32, 3, 1)),
            head=64,
        ),
    }
