"""The picture of accuracy against cost: which architectures it shows as what, and what it says."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pictures import assert_readable, words

from reports.pictures.pareto_front import picture
from reports.runs.pareto import Fronts, front
from reports.runs.record import Record

COSTS = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 2.5, 0.5])
TRUTHS = np.array([90.0, 91.0, 90.5, 93.0, 92.0, 95.0, 10.0, 94.0, 90.2, 20.0])
SCORES = np.array([np.nan, 0.1, 0.9, 0.5, 0.95, np.nan, 0.2, 0.3, 0.05, np.nan])
TRUE, CHOSEN, FOUND, RANKED = [9, 0, 1, 3, 5], [1, 2, 4], [3, 7], [1, 2, 3, 4, 6, 7, 8]


@pytest.fixture(scope="module")
def fronts():
    """Ten architectures, of which the two cheapest and the best were not ranked; one has 10 %, the
    cheapest 20 %."""
    assert front(COSTS, TRUTHS).tolist() == TRUE
    archs = list("abcdefghij")
    frame = pd.DataFrame({"arch": archs, "truth": TRUTHS, "cost": COSTS, "score": SCORES})
    return Fronts(frame, *map(np.array, (TRUE, CHOSEN, FOUND)), 2, "multiply-adds (million)")


@pytest.fixture(scope="module")
def figure(fronts):
    content = {
        "config": {"method": "fairnas", "space": "nb201", "task": "digits", "seed": 0},
        "scoring": {"split": "val", "bn": "recalibrate"},
        "ground_truth": {"truth": "digits", "split": "test", "seeds": 2},
        **{"epochs": 4, "n": 7, "n_table": 10},
    }
    return picture(Record(Path("a"), content), fronts)


def line_of(figure, name):
    (axes,) = figure.axes
    (line,) = (line for line in axes.lines if line.get_label().startswith(f"{name}: "))
    return line


def test_each_front_is_drawn_where_its_architectures_are(figure):
    named = {"true front": TRUE, "front by score": CHOSEN, "found by the search": FOUND}
    for name, rows in named.items():
        assert line_of(figure, name).get_xydata().tolist() == list(map(list, at(rows))), name
    (dots,) = figure.axes[0].collections
    assert sorted(map(tuple, dots.get_offsets().tolist())) == sorted(at(RANKED))


def at(rows):
    return list(zip(COSTS[rows].tolist(), TRUTHS[rows].tolist(), strict=True))


def test_the_true_front_is_level_up_to_the_cost_of_the_next(figure):
    """What it dominates lies below the steps; what scores choose are no front, and no line."""
    line = line_of(figure, "true front")
    assert (line.get_drawstyle(), line.get_linestyle()) == ("steps-post", "-")
    for name in ("front by score", "found by the search", "random"):
        assert line_of(figure, name).get_linestyle() == "None", name


def test_each_name_has_the_numbers_of_its_own_front(fronts, figure):
    summary = fronts.summary()
    volumes = {key: f"{summary[key]['hypervolume']:.3f}" for key in ("true", "chosen", "found")}
    assert len({*volumes.values(), f"{summary['random']['hypervolume']:.3f}"}) == 4
    legend = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert legend == [
        f"true front: 5, hypervolume {volumes['true']}",
        f"front by score: 3, hypervolume {volumes['chosen']}",
        f"found by the search: 2, hypervolume {volumes['found']}",
        f"random: 3, hypervolume {summary['random']['hypervolume']:.3f}",
    ]


def test_the_axes_hold_the_best_of_the_table_and_what_they_lack_is_said(figure):
    (axes,) = figure.axes
    low, high = axes.get_ylim()
    assert 90 < low < 90.2 and 95 < high < 97
    assert axes.get_xlabel() == "multiply-adds (million)"
    assert axes.get_ylabel() == "truth: stand-alone accuracy (%)"
    said = " ".join(words(figure))
    for sentence in (
        "Grey: the 7 architectures that were ranked. The true front is of all 10 of the table.",
        "The search found 2 others, which the table lacks.",
        "Below the axes, of the ranked and of the fronts: 3.",
    ):
        assert sentence in said
    assert_readable(figure)
