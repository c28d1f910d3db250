"""MNGNAS on the planted space, with few and short retrainings."""

import torch
from planted import PlantedData, PlantedSpace

from methods.base import Setting
from methods.mngnas.method import MNGNAS
from methods.mngnas.options import MNGNASOptions
from methods.options import Recipe, Scoring, SearchLimits

OPTIONS = MNGNASOptions(
    search_epochs=3, population=8, removed=3, retrain_steps=2, perturb_steps=2, teachers=3
)
UNCLIPPED = {"clip": 0.0, "label_smoothing": 0.2}
ARMS = ("none", "single", "average", "searched", "full")


def make(options=OPTIONS, recipe=None, **limits):
    where = Setting(
        space=PlantedSpace(),
        data=PlantedData(600),
        recipe=Recipe(**{"steps": 10, "batch_size": 32, "weight_decay": 0.0} | (recipe or {})),
        scoring=Scoring(calibration_images=300, batch_size=300),
        search=SearchLimits(**limits),
        seed=0,
        device=torch.device("cpu"),
    )
    return MNGNAS(where, options)
