"""A task that methods learn within a few steps, on small cells."""

from __future__ import annotations

import torch

from harness.conformance.noise import Noise, Part
from methods.base import Setting
from methods.options import Recipe, Scoring, SearchLimits
from searchspaces.base import ImageSpec
from searchspaces.nb201.space import NASBench201

IMAGE = ImageSpec(1, 8, 4)


class Blobs(Noise):
    """Random images whose label is the brightest quadrant."""

    def _draw(self, size, seed):
        images = super()._draw(size, seed).images
        quadrants = images.view(size, 2, 4, 2, 4).mean((2, 4)).flatten(1)
        return Part(images, quadrants.argmax(1))


def setting(space=None, data=None, **kwargs):
    return Setting(
        space=space or NASBench201("compact", width=4),
        data=data or Blobs(IMAGE),
        recipe=kwargs.pop("recipe", Recipe(steps=20, batch_size=16)),
        scoring=kwargs.pop("scoring", Scoring(calibration_images=64, batch_size=64)),
        search=kwargs.pop("search", SearchLimits(population=6, generations=2, parents=3)),
        seed=kwargs.pop("seed", 0),
        device=torch.device("cpu"),
        **kwargs,
    )
