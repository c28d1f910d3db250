"""Methods on compact chains after two steps of training, for tests of their scores."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from harness.conformance.noise import Noise
from methods.base import Method, Setting
from methods.options import Recipe, Scoring, SearchLimits
from methods.registry import METHODS, options_class
from searchspaces.base import ImageSpec
from searchspaces.registry import SPACES

PASSES = 40 + 44  # images to calibrate and to score, in batches of which the last is not full


def setting_of(
    space: str, recipe: Recipe | None = None, bn: str = "recalibrate", **scoring: Any
) -> Setting:
    return Setting(
        space=SPACES[space]("compact"),
        data=Noise(ImageSpec(1, 8, 5)),
        recipe=recipe or Recipe(steps=2, batch_size=8, lr=0.02),
        scoring=Scoring(bn, calibration_images=40, images=44, batch_size=24, **scoring),
        search=SearchLimits(),
        seed=0,
        device=torch.device("cpu"),
    )


def make(
    method: str = "spos",
    space: str = "macro",
    bn: str = "recalibrate",
    options: dict[str, Any] | None = None,
    **scoring: Any,
) -> Method:
    chosen = options_class(method)(**(options or {}))
    made = METHODS[method](setting_of(space, bn=bn, **scoring), chosen)
    for step in range(2):
        made.train_step(step)
    _settle(made)
    return made


@torch.no_grad()
def _settle(made: Method) -> None:
    """BN statistics as after many steps, and guesses that differ from image to image."""
    rng, classifier, inputs = np.random.default_rng(1), made.supernet.classifier, []
    norms = [m for m in made.supernet.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = 0.5
    hook = classifier.register_forward_pre_hook(lambda _, given: inputs.append(given[0].mean(0)))
    for _ in range(12):
        path = made.sample_paths(rng)[0]
        made.supernet.train()(made.data.train.images, path)
    hook.remove()
    for norm in norms:
        norm.momentum = 0.1
    usual = torch.stack(inputs).mean(0)  # of which no class is to profit
    classifier.weight -= torch.outer(classifier(usual), usual) / usual.square().sum()
