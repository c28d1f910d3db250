"""Published genotypes of DARTS, and every architecture as a hypothesis strategy."""

from hypothesis import strategies as st

from searchspaces.base import ImageSpec
from searchspaces.darts.cell import SITES
from searchspaces.darts.space import DARTS

IMAGES = {
    "cifar": ImageSpec(3, 32, 10),
    "imagenet16": ImageSpec(3, 16, 120),
    "imagenet": ImageSpec(3, 224, 1000),
    "compact": ImageSpec(1, 12, 10),
    "proxy": ImageSpec(3, 16, 10),
}
SMALL = IMAGES["compact"]
DARTS_V2 = (
    "Genotype(normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), "
    "('sep_conv_3x3', 1), ('sep_conv_3x3', 1), ('skip_connect', 0), ('skip_connect', 0), "
    "('dil_conv_3x3', 2)], normal_concat=[2, 3, 4, 5], reduce=[('max_pool_3x3', 0), "
    "('max_pool_3x3', 1), ('skip_connect', 2), ('max_pool_3x3', 1), ('max_pool_3x3', 0), "
    "('skip_connect', 2), ('skip_connect', 2), ('max_pool_3x3', 1)], reduce_concat=[2, 3, 4, 5])"
)
P_DARTS = (
    "Genotype(normal=[('skip_connect', 0), ('dil_conv_3x3', 1), ('skip_connect', 0),"
    "('sep_conv_3x3', 1), ('sep_conv_3x3', 1), ('sep_conv_3x3', 3), ('sep_conv_3x3',0), "
    "('dil_conv_5x5', 4)], normal_concat=range(2, 6), reduce=[('avg_pool_3x3', 0), "
    "('sep_conv_5x5', 1), ('sep_conv_3x3', 0), ('dil_conv_5x5', 2), ('max_pool_3x3', 0), "
    "('dil_conv_3x3', 1), ('dil_conv_3x3', 1), ('dil_conv_5x5', 3)], reduce_concat=range(2, 6))"
)
SPACE = DARTS()
V2, P = SPACE.decode(DARTS_V2), SPACE.decode(P_DARTS)
archs = st.tuples(*(st.integers(0, len(site.operators) - 1) for site in SITES))
