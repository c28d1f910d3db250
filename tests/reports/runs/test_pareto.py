"""Fronts and hypervolumes against brute force and pymoo's, and those of a run."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from latencies import nb201_file, running_convolutions
from pymoo.indicators.hv import HV

from reports.runs.pareto import Fronts, front, hypervolume
from reports.runs.record import load
from searchspaces.errors import UsageError
from searchspaces.nb201.space import NASBench201

FEW = st.integers(0, 4).map(float)  # ties and duplicates
POINTS = st.integers(1, 25).flatmap(
    lambda n: arrays(float, (n, 2), elements=st.one_of(FEW, st.floats(0, 4)))
)


@given(POINTS)
@example(np.zeros((4, 2)))
def test_a_front_is_what_nothing_dominates(points):
    costs, values = points.T
    found = front(costs, values)
    expected = [
        place
        for place, (cost, value) in enumerate(points)
        if not any(c <= cost and v >= value and (c, v) != (cost, value) for c, v in points.tolist())
    ]
    assert sorted(found.tolist()) == expected
    assert (np.diff(costs[found]) >= 0).all()


@given(POINTS, st.tuples(st.floats(0, 5), st.floats(-1, 3)))
def test_a_hypervolume_is_pymoos(points, reference):
    """Which has small goals: accuracies with a minus."""
    costs, values = points.T
    highest, lowest = reference
    theirs = HV(ref_point=np.array([highest, -lowest]))(np.column_stack([costs, -values]))
    ours = hypervolume(costs, values, highest, lowest)
    assert ours == pytest.approx(float(theirs), abs=1e-9)


@given(arrays(int, (6, 2), elements=st.integers(0, 8)))
def test_a_hypervolume_is_the_number_of_cells_that_are_dominated(points):
    cells = sum(
        any(cost <= x and value >= y + 1 for cost, value in points.tolist())
        for x in range(9)
        for y in range(9)
    )
    costs, values = points.T.astype(float)
    assert hypervolume(costs, values, 9.0, 0.0) == pytest.approx(cells)


def test_a_run_has_its_fronts_among_what_it_ranked(ranked_run):
    folder, data, table = ranked_run
    fronts = Fronts.of(load(folder), "madds", data=data)
    truths, costs = table.truth("test"), table.madds / 1e6
    assert fronts.frame["cost"].tolist() == costs.tolist()
    assert sorted(fronts.true) == sorted(front(costs, truths))
    assert sorted(fronts.chosen) == sorted(24 + front(costs[24:], truths[24:]))
    assert {*fronts.true} - {*range(24, 64)}  # the table has better ones than were ranked
    assert fronts.found.tolist() == [3, 4, 5] and len(fronts.ranked) == 40
    summary = fronts.summary()
    whole = np.ptp(costs) * np.ptp(truths)
    for name, rows in (("true", fronts.true), ("chosen", fronts.chosen), ("found", fronts.found)):
        own = hypervolume(costs[rows], truths[rows], costs.max(), truths.min()) / whole
        assert summary[name] == {"n": len(rows), "hypervolume": pytest.approx(own)}
    order = [summary[name]["hypervolume"] for name in ("random", "chosen", "true")]
    assert 0 < order[0] < order[1] < order[2] < 1
    assert (summary["n"], summary["n_table"], summary["found_unknown"]) == (40, 64, 1)
    assert fronts.summary() == summary  # random draws are the same


def test_random_choices_are_among_the_ranked():
    """As many as there are, so that each is all three: above 10 and below 6 the first has all."""
    costs, truths = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [90.0, 60.0, 50.0, 40.0, 70.0, 10.0]
    scores, ranked = [np.nan, 1.0, 2.0, 3.0, np.nan, np.nan], np.array([1, 2, 3])
    frame = pd.DataFrame({"cost": costs, "truth": truths, "score": scores})
    found = Fronts(frame, ranked, ranked, ranked[:0], 0, "cost").summary()["random"]
    assert found == {"n": 3, "hypervolume": pytest.approx((6 - 2) * (60 - 10) / (5 * 80))}


def test_costs_are_the_tables_or_predicted(ranked_run, tmp_path):
    folder, data, table = ranked_run
    file = nb201_file(tmp_path / "l.json").path
    fronts = Fronts.of(load(folder), "latency_ms", file, data)
    archs = map(NASBench201("compact").decode, table.archs)
    convolutions = np.array([running_convolutions(arch) for arch in archs])
    assert fronts.frame["cost"].tolist() == pytest.approx(
        (1 + 0.5 * convolutions).tolist(), abs=1e-4
    )
    for cost, latency, sentence in (
        ("latency_ms", None, "has no latency_ms; give --latency FILE, of `nas-harness latency m"),
        ("madds", file, "--latency is for --cost latency_ms"),
        ("joule", None, "no cost 'joule'"),
        ("latency_ms", Path("absent"), "there is no file absent"),
    ):
        with pytest.raises(UsageError, match=sentence):
            Fronts.of(load(folder), cost, latency, data)
