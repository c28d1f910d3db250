from dataclasses import replace

import pytest

from searchspaces.base import ImageSpec
from searchspaces.chain.mobilenet import FAIRNAS, MobileNet, ProxylessMobileNet

IMAGENET = ImageSpec(channels=3, size=224, classes=1000)


def named(space, *stages):
    """The architecture with these operators, one string a stage."""
    names = " ".join(stages).split()
    return tuple(site.operators.index(name) for name, site in zip(names, space.sites, strict=True))


def test_fairnas_has_nineteen_layers_of_six_operators():
    for scale in ("imagenet", "cifar", "imagenet16"):
        space = MobileNet(scale)
        assert [len(site.operators) for site in space.sites] == [6] * 19
    assert space.sites[0].operators == ("k3e3", "k5e3", "k7e3", "k3e6", "k5e6", "k7e6")


def test_proxyless_skips_only_within_stages():
    space = ProxylessMobileNet("imagenet")
    skips = [int("identity" in site.operators) for site in space.sites]
    assert skips == [0, 1, 1, 1] * 5 + [0]
    assert {len(site.operators) - skip for site, skip in zip(space.sites, skips, strict=True)} == {
        6
    }


@pytest.mark.parametrize(
    ("digits", "params", "madds"),
    [
        ("1010312031032054534", 4.5, 345),  # FairNAS-B
        ("1020000003000055334", 4.4, 321),  # FairNAS-C
    ],
)
def test_published_fairnas_models(digits, params, madds):
    """In the numbering of the FairNAS code; millions, from its README."""
    space = MobileNet("imagenet")
    cost = space.cost(space.decode(digits), IMAGENET)
    assert round(cost.params / 1e6, 1) == params
    assert round(cost.madds / 1e6) == madds


def test_published_proxyless_mobile():
    """Its first stage has 32 channels, not 24; 320 million multiply-adds are published."""

    class Mobile(ProxylessMobileNet):
        stages = (replace(FAIRNAS.stages[0], layers=4), *FAIRNAS.stages[1:])
        skeletons = {"imagenet": replace(FAIRNAS, stages=stages)}

    space = Mobile("imagenet")
    arch = named(
        space,
        "k5e3 k3e3 identity identity",
        "k7e3 k3e3 k5e3 k5e3",
        "k7e6 k5e3 k5e3 k5e3",
        "k5e6 k5e3 k5e3 k5e3",
        "k7e6 k7e6 k7e3 k7e3",
        "k7e6",
    )
    cost = space.cost(arch, IMAGENET)
    assert cost.params == 4_080_512
    assert round(cost.madds / 1e6) == 320


def test_the_compact_networks_have_three_and_four_layers():
    assert len(MobileNet("compact").sites) == 3
    assert len(ProxylessMobileNet("compact").sites) == 4
