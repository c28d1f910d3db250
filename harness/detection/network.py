"""RetinaNet (Lin et al., ICCV 2017) on the network of a chain space."""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import nn
from torchvision.models.detection import RetinaNet
from torchvision.ops import FeaturePyramidNetwork
from torchvision.ops.feature_pyramid_network import LastLevelP6P7

from harness.detection.backbone import taps
from harness.tasks.folder import MEAN, STD
from searchspaces.chain.network import ChainNetwork

CHANNELS = 256  # of the pyramid


class Pyramid(nn.Module):
    """The stages of ``body`` and a feature pyramid with levels 3 to 7 on top.

    The statistics of the body's BN stay those of its own training: batches of detection are small.
    """

    out_channels = CHANNELS

    def __init__(self, body: ChainNetwork):
        super().__init__()
        self.body, self.taken = body, taps(body)
        widths = [body.skeleton.stages[stage].channels for stage in self.taken]
        self.pyramid = FeaturePyramidNetwork(widths, CHANNELS, LastLevelP6P7(CHANNELS, CHANNELS))

    def forward(self, x: torch.Tensor) -> OrderedDict[str, torch.Tensor]:
        state, features = self.body.begin(x), OrderedDict()
        for stage in range(self.body.stages_number):
            state = self.body.stage(stage, state)
            if stage in self.taken:
                features[str(stage)] = state[-1]
        return self.pyramid(features)

    def train(self, mode: bool = True) -> Pyramid:
        super().train(mode)
        for module in self.body.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
        return self


def retinanet(body: ChainNetwork, classes: int, side: int, longest: int) -> RetinaNet:
    """A detector of ``classes`` for images in 0..1, resized to ``side`` pixels, at most
    ``longest``; what classified is left out."""
    body.head, body.classifier = nn.Identity(), nn.Identity()
    return RetinaNet(
        Pyramid(body),
        classes,
        min_size=side,
        max_size=longest,
        image_mean=[mean / 255 for mean in MEAN],
        image_std=[std / 255 for std in STD],
    )
