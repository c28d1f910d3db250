"""DNA on a small supernet of NAS-Bench-201 and the embedded task."""

import pytest
import torch

from harness.tasks import load_task
from methods.base import Setting
from methods.dna.method import DNA
from methods.dna.options import DNAOptions
from methods.options import Recipe, Scoring, SearchLimits
from searchspaces.registry import SPACES


@pytest.fixture(scope="module")
def task():
    return load_task("digits")


@pytest.fixture
def make(task):
    def made(recipe=None, **options):
        where = Setting(
            space=SPACES["nb201"]("compact"),
            data=task,
            recipe=Recipe(steps=8, batch_size=16, **recipe or {}),
            scoring=Scoring(calibration_images=100, images=100, batch_size=100),
            search=SearchLimits(population=4, generations=1, parents=2),
            seed=0,
            device=torch.device("cpu"),
        )
        return DNA(where, DNAOptions(**{"teacher": ""} | options))

    return made
