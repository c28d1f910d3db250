import pytest
import torch
from torch import nn

from searchspaces.base import ImageSpec
from searchspaces.chain.blocks import Shuffle
from searchspaces.chain.convolutions import Shape
from searchspaces.chain.shufflenet import ShuffleNet, ShuffleNetChannels

IMAGENET = ImageSpec(channels=3, size=224, classes=1000)
SEARCHED = (0, 0, 3, 1, 1, 1, 0, 0, 2, 0, 2, 1, 1, 0, 2, 0, 2, 1, 3, 2)
WIDTHS = (7, 6, 4, 6, 3, 7, 4, 5, 3, 6, 8, 6, 5, 7, 8, 5, 5, 6, 5, 4)  # fifths of half the output


def test_twenty_layers_of_four_units_or_forty_with_widths():
    for scale in ("imagenet", "cifar", "imagenet16"):
        blocks, channels = ShuffleNet(scale), ShuffleNetChannels(scale)
        assert [len(site.operators) for site in blocks.sites] == [4] * 20
        assert [len(site.operators) for site in channels.sites] == [40] * 20
    names = channels.sites[0].operators
    assert names[:2] == ("shuffle3x0.2", "shuffle3x0.4") and names[-1] == "xceptionx2"
    assert set(blocks.sites[0].operators) < set(names)


def test_published_spos_models():
    """Block search 319, block and channel search 328 million multiply-adds (SPOS)."""
    blocks, channels = ShuffleNet("imagenet"), ShuffleNetChannels("imagenet")
    assert round(blocks.cost(SEARCHED, IMAGENET).madds / 1e6) == 319
    wide = tuple(10 * unit + width - 1 for unit, width in zip(SEARCHED, WIDTHS, strict=True))
    assert round(channels.cost(wide, IMAGENET).madds / 1e6) == 328
    usual = tuple(10 * unit + 4 for unit in SEARCHED)
    assert channels.cost(usual, IMAGENET) == blocks.cost(SEARCHED, IMAGENET)


@pytest.mark.parametrize("unit", [Shuffle(5), Shuffle(xception=True)])
def test_a_unit_passes_every_other_channel_untouched(unit):
    block = unit.build(Shape(8, 8, 1), True, "ReLU")
    x = torch.randn(3, 8, 5, 5)
    y = unit.run(block, x)
    assert y.shape == x.shape
    assert torch.equal(y[:, :4], x[:, ::2])
    changed = x.clone()
    changed[:, ::2] = 0
    assert torch.equal(unit.run(block, changed)[:, 4:], unit.run(block, x)[:, 4:])


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("unit", [Shuffle(7), Shuffle(xception=True)])
def test_a_unit_that_changes_the_shape_has_two_branches(unit, stride):
    block = unit.build(Shape(6, 16, stride), True, "ReLU")
    y = unit.run(block, torch.randn(2, 6, 9, 9))
    side = 9 if stride == 1 else 5
    assert y.shape == (2, 16, side, side)
    assert block.side[-2].num_features == 6 and block.main[-2].num_features == 10


@pytest.mark.parametrize("affine", [False, True])
@pytest.mark.parametrize("xception", [False, True])
@pytest.mark.parametrize("shape", [Shape(12, 12, 1), Shape(4, 12, 2)])
def test_a_narrow_unit_is_the_leading_part_of_the_wide_one(shape, xception, affine):
    wide = Shuffle(5, xception, 20)
    shared = wide.build(shape, affine, "ReLU")
    x = torch.randn(8, shape.c_in, 6, 6)
    for tenths in (2, 6, 20):
        narrow = Shuffle(5, xception, tenths)
        own = narrow.build(shape, affine, "ReLU")
        own.load_state_dict(
            {
                name: shared.state_dict()[name][tuple(map(slice, tensor.shape))]
                for name, tensor in own.state_dict().items()
            }
        )
        assert torch.equal(narrow.run(shared, x), narrow.run(own, x))
        for name, tensor in own.state_dict().items():
            leading = shared.state_dict()[name][tuple(map(slice, tensor.shape))]
            assert torch.equal(tensor, leading), name
    shared.eval(), own.eval()
    assert torch.equal(wide.run(shared, x), wide.run(own, x))


def test_channels_beyond_the_width_are_left_alone():
    shape, narrow = Shape(12, 12, 1), Shuffle(3, tenths=6)
    shared = Shuffle(3, tenths=20).build(shape, True, "ReLU")
    middle = narrow.middle(12)
    before = {name: tensor.clone() for name, tensor in shared.state_dict().items()}
    narrow.run(shared, torch.randn(8, 12, 6, 6)).square().sum().backward()
    first, spatial, last = (m for m in shared.main if isinstance(m, nn.Conv2d))
    assert middle == 3
    for gradient in (first.weight.grad, spatial.weight.grad, last.weight.grad.transpose(0, 1)):
        assert gradient[:middle].abs().sum() > 0
        assert gradient[middle:].abs().sum() == 0
    for name, tensor in shared.state_dict().items():
        if "running" in name and tensor.numel() > 6:
            assert torch.equal(tensor[middle:], before[name][middle:])
            assert not torch.equal(tensor[:middle], before[name][:middle])
