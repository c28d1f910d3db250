"""What the scales of each space fix, by the cost of an architecture, and how they are resized."""

import pytest

from searchspaces.base import Cost, ImageSpec
from searchspaces.chain.mobilenet import MobileNet, ProxylessMobileNet
from searchspaces.chain.shufflenet import ShuffleNet
from searchspaces.registry import SPACES
from searchspaces.skeleton import CellSkeleton

IMAGES = {
    "benchmark": ImageSpec(3, 32, 10),
    "cifar": ImageSpec(3, 32, 10),
    "imagenet16": ImageSpec(3, 16, 120),
    "imagenet": ImageSpec(3, 224, 1000),
    "compact": ImageSpec(1, 12, 10),
    "proxy": ImageSpec(3, 16, 10),
}
# Parameters and multiply-adds of the architecture of `first_with`: widths, depths, strides, stem,
# head and classifier have a part in them. Other tests hold costs against networks and the papers.
COSTS = {
    ("darts", "cifar"): (1_370_134, 227_272_320),
    ("darts", "imagenet16"): (1_433_604, 56_885_760),
    ("darts", "imagenet"): (2_427_232, 265_396_224),
    ("darts", "compact"): (2_290, 54_496),
    ("darts", "proxy"): (7_994, 1_643_776),
    ("ennas-s1", "imagenet"): (3_191_928, 257_422_208),
    ("ennas-s1", "cifar"): (1_923_738, 76_179_968),
    ("ennas-s1", "imagenet16"): (2_064_648, 62_453_760),
    ("ennas-s1", "compact"): (5_466, 312_800),
    ("ennas-s1", "proxy"): (207_168, 7_317_832),
    ("ennas-s2", "imagenet"): (3_191_928, 257_422_208),
    ("ennas-s2", "cifar"): (1_923_738, 76_179_968),
    ("ennas-s2", "imagenet16"): (2_064_648, 62_453_760),
    ("ennas-s2", "compact"): (5_466, 312_800),
    ("ennas-s2", "proxy"): (207_168, 7_317_832),
    ("ennas-s3", "imagenet"): (3_883_224, 360_684_416),
    ("ennas-s3", "cifar"): (2_615_034, 109_898_240),
    ("ennas-s3", "imagenet16"): (2_755_944, 89_868_288),
    ("ennas-s3", "compact"): (11_274, 627_296),
    ("ennas-s3", "proxy"): (291_648, 10_768_456),
    ("macro", "benchmark"): (1_588_874, 53_246_464),
    ("macro", "compact"): (11_774, 384_080),
    ("macro", "proxy"): (38_706, 2_415_744),
    ("mobilenet", "imagenet"): (3_271_256, 268_203_776),
    ("mobilenet", "cifar"): (2_003_066, 79_700_480),
    ("mobilenet", "imagenet16"): (2_143_976, 66_951_168),
    ("mobilenet", "compact"): (3_962, 463_424),
    ("mobilenet", "proxy"): (142_098, 5_475_392),
    ("mobilenet-proxyless", "imagenet"): (4_684_776, 472_620_800),
    ("mobilenet-proxyless", "cifar"): (3_416_586, 144_089_600),
    ("mobilenet-proxyless", "imagenet16"): (3_557_496, 117_774_336),
    ("mobilenet-proxyless", "compact"): (9_906, 605_696),
    ("mobilenet-proxyless", "proxy"): (387_714, 14_227_912),
    ("nb101", "benchmark"): (3_468_426, 515_249_152),
    ("nb101", "compact"): (1_338, 149_920),
    ("nb101", "proxy"): (5_034, 1_139_008),
    ("nb101-1shot1-1", "benchmark"): (2_793_866, 422_974_464),
    ("nb101-1shot1-1", "compact"): (1_242, 131_488),
    ("nb101-1shot1-1", "proxy"): (4_586, 1_007_936),
    ("nb101-1shot1-2", "benchmark"): (2_277_770, 347_476_992),
    ("nb101-1shot1-2", "compact"): (1_114, 113_056),
    ("nb101-1shot1-2", "proxy"): (4_074, 876_864),
    ("nb101-1shot1-3", "benchmark"): (2_793_866, 422_974_464),
    ("nb101-1shot1-3", "compact"): (1_242, 131_488),
    ("nb101-1shot1-3", "proxy"): (4_586, 1_007_936),
    ("nb101-mixpath", "benchmark"): (41_721_738, 6_127_227_904),
    ("nb101-mixpath", "compact"): (11_162, 1_532_320),
    ("nb101-mixpath", "proxy"): (43_882, 10_969_408),
    ("nb201", "benchmark"): (615_386, 86_426_250),
    ("nb201", "compact"): (7_042, 383_786),
    ("nb201", "proxy"): (251_170, 9_161_674),
    ("shufflenet", "imagenet"): (3_211_968, 313_654_976),
    ("shufflenet", "cifar"): (2_198_208, 99_193_856),
    ("shufflenet", "imagenet16"): (2_310_848, 85_789_696),
    ("shufflenet", "compact"): (2_344, 107_168),
    ("shufflenet", "proxy"): (50_620, 2_072_512),
    ("shufflenet-channels", "imagenet"): (2_358_256, 149_842_880),
    ("shufflenet-channels", "cifar"): (1_344_496, 46_687_232),
    ("shufflenet-channels", "imagenet16"): (1_457_136, 41_896_960),
    ("shufflenet-channels", "compact"): (1_416, 46_904),
    ("shufflenet-channels", "proxy"): (28_424, 806_336),
}


def first_with(space):
    """An architecture with the second operator everywhere, or in cells with several of them."""
    cells = {"nb101": "3x3:0|1x1:01|out:12"}
    if space.name in cells:
        return space.decode(cells[space.name])
    if space.name == "nb201":
        return 3, 2, 4, 1, 3, 2
    wiring = getattr(space, "topology", ())
    return tuple(int(place not in wiring) for place in range(len(space.sites)))


@pytest.mark.parametrize(("name", "scale"), COSTS)
def test_each_scale_has_its_size(name, scale):
    """The first scale of a space is the one that it has by itself."""
    space = SPACES[name](scale)
    found = space.cost(first_with(space), IMAGES[scale])
    assert found == Cost(*COSTS[name, scale])
    if scale == space.scales[0]:
        assert SPACES[name]().scale == scale


def test_every_scale_has_a_cost():
    assert {(name, scale) for name in SPACES for scale in SPACES[name].scales} == COSTS.keys()


def test_cells_are_resized_in_every_stage():
    skeleton = CellSkeleton(16, (5, 4, 3))
    assert skeleton.resized(0, 0) == skeleton
    assert skeleton.resized(8, 0) == CellSkeleton(8, (5, 4, 3))
    assert skeleton.resized(0, 2) == CellSkeleton(16, (2, 2, 2))
    for name in ("nb201", "nb101"):
        space = SPACES[name]("benchmark", 24, 2)
        assert (space.skeleton.width, space.skeleton.cells) == (24, (2, 2, 2))


@pytest.mark.parametrize(
    ("kind", "width", "outside", "channels"),
    [
        (ProxylessMobileNet, 18, (24, 12, 960), [18, 30, 60, 72, 144, 240]),
        (MobileNet, 20, (20, 10, 800), [20, 24, 50, 60, 120, 200]),
        (ShuffleNet, 6, (2, 0, 96), [6, 16, 30, 60]),
    ],
)
def test_chains_are_resized_in_proportion_to_even_widths(kind, width, outside, channels):
    """Rounded to the nearest, halves to the even half; stem, entry and head like the stages."""
    skeleton = kind("imagenet", width).skeleton
    assert (skeleton.stem, skeleton.entry, skeleton.head) == outside
    assert [stage.channels for stage in skeleton.stages] == channels
    assert skeleton.stages[0].stride == 2
    deep = kind("imagenet", 0, 2).skeleton
    published = kind("imagenet").skeleton
    assert {stage.layers for stage in deep.stages} == {2}
    assert (deep.stem, deep.head) == (published.stem, published.head)
