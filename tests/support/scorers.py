"""Scorers on a tiny budget, and networks small enough to work their scores out by hand."""

import torch
from torch import nn

from harness.conformance.noise import Noise
from methods.base import Setting
from methods.options import Recipe, Scoring, SearchLimits
from methods.registry import METHODS, options_class
from searchspaces.base import ImageSpec
from searchspaces.registry import SPACES

IMAGE = ImageSpec(1, 12, 10)


def scorer(name, space="nb201", seed=0, image=IMAGE, **options):
    """The scorer ``name`` on random images at the space's cheapest scale."""
    setting = Setting(
        space=SPACES[space]("compact"),
        data=Noise(image),
        recipe=Recipe(steps=0),
        scoring=Scoring(),
        search=SearchLimits(),
        seed=seed,
        device=torch.device("cpu"),
    )
    return METHODS[name](setting, options_class(name)(**options))


def measured(name, network, images, labels=None, /, **options):
    """What the scorer gives ``network``, in float64 throughout if the network is."""
    labels = torch.zeros(len(images), dtype=torch.long) if labels is None else labels
    return scorer(name, **options).measure(network, images, labels)


def drawn(*shape, seed=0, classes=3):
    """Gaussian images of this shape in float64, and labels."""
    generator = torch.Generator().manual_seed(seed)
    images = torch.randn(*shape, generator=generator, dtype=torch.float64)
    return images, torch.randint(classes, shape[:1], generator=generator)


def small(seed=0, classes=3):
    """Convolution, ReLU, pooling and classifier for images ``[B, 2, 4, 4]``, float64."""
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(2, 3, 3, padding=1, bias=False),
        nn.ReLU(),
        nn.AvgPool2d(4),
        nn.Flatten(),
        nn.Linear(3, classes),
    ).double()
