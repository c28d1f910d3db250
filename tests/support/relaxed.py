"""DARTS and GDAS on the planted space, with architecture parameters that are given."""

from __future__ import annotations

import torch
from planted import PlantedData, PlantedSpace

from methods.base import Setting
from methods.options import Recipe, Scoring, SearchLimits


def make_setting(space=None, data=None, seed=0):
    return Setting(
        space=space or PlantedSpace(),
        data=data or PlantedData(500),
        recipe=Recipe(steps=4, batch_size=64),
        scoring=Scoring(),
        search=SearchLimits(),
        seed=seed,
        device=torch.device("cpu"),
    )


def with_alphas(method, values):
    with torch.no_grad():
        for alpha in method.alphas:
            alpha.copy_(torch.tensor(values))
    return method
