from collections import Counter

from searchspaces.chain.ennas import EnNASDeep, EnNASLarge, EnNASSmall

RESIDUALS = {f"k{kernel}e{expansion}" for kernel in (3, 5, 7) for expansion in (1, 3, 6)}
UNITS = {"shuffle3", "shuffle5", "shuffle7", "xception"}


def sizes(space):
    return Counter(len(site.operators) for site in space.sites)


def test_s1_has_ten_operators_nine_where_the_shape_changes():
    space = EnNASSmall("imagenet")
    assert sizes(space) == {10: 15, 9: 6}
    assert set(space.sites[1].operators) == RESIDUALS | {"identity"}
    assert set(space.sites[0].operators) == RESIDUALS


def test_s2_adds_the_shuffle_units():
    space = EnNASLarge("imagenet")
    assert sizes(space) == {14: 15, 13: 6}
    assert set(space.sites[1].operators) == RESIDUALS | UNITS | {"identity"}


def test_s3_is_s2_with_more_layers():
    space = EnNASDeep("imagenet")
    assert EnNASDeep.operators == EnNASLarge.operators
    assert sizes(space) == {14: 25, 13: 6}
    assert len(EnNASDeep("compact").sites) > len(EnNASLarge("compact").sites)
