"""EnNAS on noise and on the planted space, distilling from the first step."""

import torch
from planted import PlantedData, PlantedSpace

from harness.conformance.noise import Noise
from methods.base import Setting
from methods.ennas.method import EnNAS
from methods.ennas.options import EnNASOptions
from methods.options import Recipe, Scoring, SearchLimits
from searchspaces.base import ImageSpec
from searchspaces.registry import SPACES

ALWAYS = EnNASOptions(warmup=0.0, report_images=40)
IMAGE = ImageSpec(1, 12, 4)


def make(options=ALWAYS, space="nb201", data=None, **recipe):
    defaults = {"steps": 24, "batch_size": 10}
    where = Setting(
        space=SPACES[space]("compact") if isinstance(space, str) else space,
        data=data or Noise(IMAGE, 160),
        recipe=Recipe(**defaults | recipe),
        scoring=Scoring(calibration_images=40, batch_size=40),
        search=SearchLimits(population=4, generations=2, parents=2),
        seed=0,
        device=torch.device("cpu"),
    )
    return EnNAS(where, options)


def planted(options=ALWAYS, **recipe):
    return make(options, PlantedSpace(), PlantedData(600), **{"weight_decay": 0.0} | recipe)
