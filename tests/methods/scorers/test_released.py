"""Scorers beside the scores that NAS-Bench-Suite-Zero released of the same cells.

``nas_bench_suite_zero.csv`` are 45 cells of its scores on NAS-Bench-201 and CIFAR-10 (NASLib,
Apache-2.0), of networks with other initial weights, rounded to five digits. A cell is there the
operators of the edges in the order of their sources, numbered otherwise.
"""

import csv
from pathlib import Path

import numpy as np
import pytest
import torch

from harness.conformance.noise import Noise
from harness.tasks import load_task
from methods.base import Setting
from methods.options import Recipe, Scoring, SearchLimits
from methods.registry import METHODS, options_class
from searchspaces.base import ImageSpec
from searchspaces.nb201.cell import CONV1, CONV3, EDGES, NONE, POOL, SKIP
from searchspaces.registry import SPACES

OPERATORS = (SKIP, NONE, CONV3, CONV1, POOL)  # as they are numbered there
BY_SOURCE = sorted(range(len(EDGES)), key=lambda edge: (EDGES[edge][1], EDGES[edge][0]))


def released(number):
    """So many cells, as architectures of ours, and their rows."""
    with open(Path(__file__).with_name("nas_bench_suite_zero.csv")) as file:
        rows = list(csv.DictReader(file))[:number]
    archs = []
    for row in rows:
        place = dict(zip(BY_SOURCE, map(int, row["arch"]), strict=True))
        archs.append(tuple(OPERATORS[place[edge]] for edge in range(len(EDGES))))
    return archs, rows


def own(name, archs, data, **options):
    setting = Setting(
        space=SPACES["nb201"]("benchmark"),
        data=data,
        recipe=Recipe(steps=0),
        scoring=Scoring(),
        search=SearchLimits(),
        seed=0,
        device=torch.device("cpu"),
    )
    return METHODS[name](setting, options_class(name)(**options)).score(archs).tolist()


@pytest.mark.slow
def test_synflow_and_l2_are_what_was_released():
    """They look at no image; synflow to 0.3 of what spreads over 80, l2 to one hundredth."""
    archs, rows = released(4)
    noise = Noise(ImageSpec(3, 32, 10))
    for name, margin in (("synflow", {"abs": 0.3}), ("l2", {"rel": 0.01})):
        scores = own(name, archs, noise)
        assert scores == pytest.approx([float(row[name]) for row in rows], **margin)


@pytest.mark.slow
def test_jacov_is_what_was_released_of_other_images_of_the_same_task(shared_data):
    """Of 32 of them: from -32.3 to -2,600, where all are as different as can be and alike."""
    archs, rows = released(7)
    scores = own("jacov", archs, load_task("cifar10", shared_data), images=32)
    theirs = [float(row["jacov"]) for row in rows]
    assert np.log(-np.array(scores)) == pytest.approx(np.log(-np.array(theirs)), abs=0.7)
    alike = [place for place, value in enumerate(theirs) if value > -34]
    assert [scores[place] for place in alike] == pytest.approx([-33] * len(alike), abs=4)
