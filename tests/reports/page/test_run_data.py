"""Learning curves: series of one unit together, what never changes in words, long ones thinned."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from browser import node

from reports import page
from reports.page import run_data
from reports.page.run_data import Pool, curves, thinned
from reports.runs.record import load
from searchspaces.errors import UsageError


@pytest.fixture
def panels_of(write_run, make_record):
    def read(frame):
        folder = write_run("a", make_record())
        if frame is not None:
            frame.to_parquet(folder / "history.parquet", index=False)
        return curves(load(folder))

    return read


def test_accuracies_and_scores_share_panels(panels_of):
    rows = [{"phase": "train", "step": s, "loss": 1 / s, "kd": float(s)} for s in (50, 100)]
    rows += [
        {"phase": "epoch", "step": s, "teacher_accuracy": 50.0 + s, "student_accuracy": 40.0 + s}
        for s in (60, 90)
    ]
    rows += [{"phase": "search", "step": s, "scored": 20, "best": 70.0 + s, "mean": 60.0 + s,
              "known": 10 + s, "tau": s / 10} for s in (1, 2)]  # fmt: skip
    panels = panels_of(pd.DataFrame(rows))
    names = [(panel["y"], [s["name"] for s in panel["series"]]) for panel in panels]
    assert names == [
        ("loss", ["loss"]),
        ("kd", ["kd"]),
        ("accuracy (%)", ["accuracy of the teacher", "mean accuracy of the subnets"]),
        ("architectures", ["architectures of the round that the ground truth has"]),
        ("scores in the search", ["best score of the round", "mean score of the round"]),
        ("Kendall τ", ["Kendall τ of the round's architectures"]),
    ]
    assert panels[3]["constant"] == ["architectures scored in the round: 20 in all 2 rows"]
    assert [panel["x"] for panel in panels[-3:]] == ["round of the search"] * 3
    assert panels[2]["series"][0] == {
        "name": "accuracy of the teacher", "of": 2, "step": [60, 90], "value": [110.0, 140.0],
    }  # fmt: skip


def test_values_that_are_no_finite_numbers_are_gaps(panels_of):
    values = [1.0, np.nan, np.inf, 2.0]
    [panel] = panels_of(pd.DataFrame({"phase": "train", "step": [1, 2, 3, 4], "loss": values}))
    assert panel["series"][0]["step"] == [1, 4]


def test_long_series_are_thinned_out_with_both_ends(panels_of, monkeypatch):
    monkeypatch.setattr(run_data, "MOST_STEPS", 7)
    frame = pd.DataFrame({"phase": "train", "step": range(100), "loss": np.arange(100.0)})
    [series] = panels_of(frame)[0]["series"]
    assert series["of"] == 100 and len(series["step"]) == 7
    assert series["step"] == series["value"]
    assert (series["step"][0], series["step"][-1]) == (0, 99)


def test_it_is_said_which_series_are_thinned_out():
    series = [{"name": n, "of": of, "step": [1, 2]} for n, of in (("a", 2), ("b", 9), ("c", 7))]
    script = (Path(page.__file__).parent / "curves.js").read_text()
    script += "const html = (tag, attributes, text) => text;"
    for shown in (series, series[:1]):
        script += f"console.log(JSON.stringify(thinned({json.dumps({'series': shown})})));"
    assert [json.loads(line) for line in node(script).splitlines()] == [
        ["Thinned out: b, 2 of 9 values; c, 2 of 7 values."],
        [],
    ]


def test_no_history_gives_no_curves(panels_of):
    assert panels_of(None) == []


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame({"step": [1], "loss": [1.0]}),
        pd.DataFrame({"phase": ["train"], "loss": [1.0]}),
        pd.DataFrame({"phase": ["train"], "step": [1], "loss": ["low"]}),
        pd.DataFrame({"phase": ["train"], "step": [1], "loss": [{"a": 1}]}),
        pd.DataFrame({"phase": ["train"], "step": [1], "loss": [pd.Timestamp("2020")]}),
        pd.DataFrame({"phase": ["train"], "step": [{"a": 1}], "loss": [1.0]}),
    ],
    ids=["phase", "step", "text", "struct", "moment", "struct of steps"],
)
def test_histories_that_no_run_writes_are_refused(panels_of, frame):
    with pytest.raises(UsageError, match="cannot read .*/history.parquet"):
        panels_of(frame)


def test_equal_columns_are_kept_once():
    pool = Pool()
    assert [pool.add(column) for column in ([1, 2], [2, 1], (1, 2))] == [0, 1, 0]
    assert pool.columns == [[1, 2], [2, 1]]


@pytest.mark.parametrize(("n", "most"), [(0, 5), (4, 5), (5, 5), (6, 5), (1000, 7)])
def test_thinned_places_rise_from_first_to_last(n, most):
    places = thinned(n, most)
    assert len(places) == min(n, most)
    assert (np.diff(places) > 0).all()
    if n:
        assert (places[0], places[-1]) == (0, n - 1)
