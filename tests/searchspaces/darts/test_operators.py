"""The block that halves sides, against its two convolutions written out."""

import pytest
import torch
from torch.nn import functional

from searchspaces.darts.operators import FactorizedReduction


@pytest.mark.parametrize("side", [5, 6])
@pytest.mark.parametrize("channels", [2, 7, 8, 9])  # below eight they are computed otherwise
def test_a_reduction_is_two_convolutions_one_pixel_apart(channels, side):
    torch.manual_seed(0)
    block = FactorizedReduction(channels, channels, affine=False).double()
    x = torch.randn(3, channels, side, side, dtype=torch.float64, requires_grad=True)
    x = x.to(memory_format=torch.channels_last).detach().requires_grad_()

    def written_out():
        rectified = functional.relu(x)
        even = functional.conv2d(rectified, block.even.weight, stride=2)
        beyond = functional.pad(rectified, (0, 1, 0, 1))[
            :, :, 1:, 1:
        ]  # one row and column of zeros
        odd = functional.conv2d(beyond, block.odd.weight, stride=2)
        return functional.batch_norm(torch.cat((even, odd), 1), None, None, training=True)

    factor = torch.randn_like(written_out())
    wanted = torch.autograd.grad((written_out() * factor).sum(), [x, *block.parameters()])
    given = torch.autograd.grad((block(x) * factor).sum(), [x, *block.parameters()])
    torch.testing.assert_close(block(x), written_out())
    torch.testing.assert_close(given, wanted)
