"""What a scatter plot of a run shows: every number where its name says."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from reports.runs.record import Record
from reports.runs.scatter_points import ScatterPoints, Window


@pytest.fixture
def points(make_record, monkeypatch):
    """Of five architectures of which the third was found; no two numbers are equal."""
    frame = pd.DataFrame(
        {
            "arch": list("abcde"),
            "score": [60.0, 61.0, 62.0, 63.0, 64.0],
            "truth": [90.0, 91.0, 92.5, 93.0, 94.0],
        }
    )
    monkeypatch.setattr(Record, "scores", lambda record: frame)

    def of(**found):
        return ScatterPoints.of(Record(Path("run"), make_record(found=found)))

    return of


def test_what_was_found_has_its_own_score_truth_and_regret(points):
    shown = points(arch="c", truth=92.25, regret=1.75)
    assert (shown.found, shown.found_score, shown.found_truth) == ("c", 62.0, 92.25)
    assert shown.regret == 1.75
    pairs = dict(zip(shown.frame["score"], shown.frame["truth"], strict=True))
    assert pairs == {60.0: 90.0, 61.0: 91.0, 62.0: 92.5, 63.0: 93.0, 64.0: 94.0}


def test_what_was_found_elsewhere_widens_the_axis_of_truths_alone(points):
    inside, beyond = points(arch="c", truth=92.5), points(arch="x", truth=99.0)
    assert beyond.found_score is None
    assert beyond.truth.high > 94 and np.isclose(beyond.score.high, inside.score.high)
    assert points(arch=None, truth=None).notes() == []
    assert points(arch="x", truth=None).notes() == ["found, not measured: x"]
    assert points(arch="x", truth=99.0).notes()[0] == "found: x"


@pytest.mark.parametrize(("dead", "clipped"), [(2, 2), (3, 3), (4, 0), (13, 0)])
def test_no_more_than_a_twentieth_lies_beyond_an_axis(dead, clipped):
    """47 to 58 of 60 values are from 60 to 90, the others near 10, beyond all fences."""
    values = np.concatenate([np.linspace(60, 90, 60 - dead), np.full(dead, 10.0)])
    assert (~Window.around(values).shows(values)).sum() == clipped
    both = np.concatenate([np.linspace(60, 90, 57), [-500.0, 10.0, 600.0]])
    assert (~Window.around(both).shows(both)).sum() == 3
    almost = np.concatenate([np.linspace(60, 90, 74), np.full(4, 10.0)])  # four of 3.9
    assert Window.around(almost).shows(almost).all()


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(("far", "end"), [(24.0, 24 + 0.04 * 24), (25.0, 10 + 0.04 * 10)])
def test_an_axis_ends_at_the_outer_fences_of_tukey(far, end, sign):
    """Quartiles 2.75 and 8.25, so that fences stand 16.5 beyond them: at 24.75."""
    window = Window.around(sign * np.array([*range(11), far]))
    ends = (window.low, window.high)
    assert ends[sign == 1] == pytest.approx(sign * end)
