"""Several supernets as one: whichever order architectures are in, each has the logits of its part."""

import pytest
import torch

from searchspaces.base import ImageSpec
from searchspaces.registry import SPACES
from searchspaces.sub_supernets import SubSupernets

IMAGE = ImageSpec(1, 8, 3)


@torch.no_grad()
@pytest.mark.parametrize("genes", [(4, 0, 3, 2), (0, 1, 2, 3, 4), (3, 3, 4, 0)])
def test_logits_of_architectures_together_are_in_their_order(genes):
    """Of operators that are not in the order of their parts, which then run one after the other."""
    torch.manual_seed(0)
    first = SPACES["nb201"]("compact", width=4).supernet(IMAGE)
    whole = SubSupernets(first, site=2, of_gene=(0, 0, 1, 1, 2))
    whole.divide()
    for part in whole.parts:
        for parameter in part.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.3)
    whole.eval()
    archs = [(3, 2, gene, 1, 3, 2) for gene in genes]
    x = torch.randn(4, 1, 8, 8)
    expected = torch.stack([whole(x, arch) for arch in archs])
    torch.testing.assert_close(whole.together(archs)(x), expected)
    places = whole.order(archs)
    assert [whole.part_of(archs[place]) for place in places] == sorted(map(whole.part_of, archs))
