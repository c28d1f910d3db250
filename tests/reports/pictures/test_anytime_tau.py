"""τ over what was spent: its points, its picture and the files beside it."""

import numpy as np
import pandas as pd
import pytest
from curves import watched_content, watched_history, write_history
from pictures import assert_readable, words

from harness.metrics.intervals import combine
from reports.commands.compare import main
from reports.pictures.anytime_tau import (
    OF_ONE_SEED,
    OVER_SEEDS,
    draw,
    looks_of,
    panels_of,
    picture,
    reach,
)
from reports.runs.anytime import frame
from reports.runs.configuration import configurations, contexts
from reports.runs.record import Record, load


@pytest.fixture
def watched(tmp_path, make_record, make_interval):
    """Records of watched runs: (method, τ per seed and row), with changes of what was watched."""

    def make(*runs, steps=(), **changes):
        records = []
        for method, seeds in runs:
            for seed, taus in enumerate(seeds):
                content = make_record(method, seed)
                content = watched_content(content, make_interval, **changes)
                folder = tmp_path / "runs" / f"{method}-{len(records)}-s{seed}"
                write_history(folder, watched_history(taus, steps))
                records.append(Record(folder, content))
        return records

    return make


def figure_of(records):
    return picture(panels_of(contexts(configurations(records))))


def lines(axes):
    """Curves, not levels and ties: those with more than three points."""
    return [line for line in axes.lines if len(line.get_xdata()) > 3]


RISING = ((0.1, 0.3, 0.5, 0.6), (0.2, 0.34, 0.52, 0.7))


def test_points_are_means_over_seeds_with_their_intervals(watched):
    runs = watched(("spos", RISING))
    write_history(runs[1].folder, watched_history(RISING[1], costs=3))
    table = frame(runs)
    points = table[table["kind"] == "method"]
    assert points["step"].tolist() == [100, 200, 300, 400]
    assert points["compute"].tolist() == [6e5, 12e5, 18e5, 24e5]
    assert points["cpu_seconds"].tolist() == [100, 200, 300, 400]
    assert points["tau"].tolist() == pytest.approx([0.15, 0.32, 0.51, 0.65])
    assert points["tau_least"].tolist() == list(RISING[0])
    assert points["tau_most"].tolist() == list(RISING[1])
    ends = [{"value": t, "low": t - 0.07, "high": t + 0.07, "n": 200} for t in (0.6, 0.7)]
    last = points.iloc[-1]
    assert [last["tau_low"], last["tau_high"]] == pytest.approx([combine(ends)[k] for k in ("low", "high")])  # fmt: skip
    assert set(points["seeds"]) == {2} and set(points["tau_n"]) == {200}
    bounds = table[table["kind"] != "method"]
    assert bounds[["kind", "method", "tau"]].values.tolist() == [
        ["floor", "parameters", 0.41], ["floor", "random", 0.0], ["ceiling", "ceiling", 0.88],
    ]  # fmt: skip


def test_the_interval_of_a_single_seed_is_the_one_that_was_watched(watched):
    points = frame(watched(("spos", RISING[:1]))).query("kind == 'method'")
    assert points["tau_low"].tolist() == [tau - 0.07 for tau in RISING[0]]
    assert points["tau_high"].tolist() == [tau + 0.07 for tau in RISING[0]]


def test_where_a_seed_has_no_tau_their_range_is_not_known_either(watched):
    points = frame(watched(("spos", ((0.1, None, 0.5, 0.6), RISING[1])))).query("kind == 'method'")
    for name, ends in (("tau_least", [0.1, 0.5, 0.6]), ("tau_most", [0.2, 0.52, 0.7])):
        assert points[name].isna().tolist() == [False, True, False, False]
        assert points[name].dropna().tolist() == ends
    assert points["tau"].isna().tolist() == [False, True, False, False]


def test_seeds_meet_at_the_steps_that_all_of_them_have(watched):
    one, other = watched(("spos", RISING))
    write_history(other.folder, watched_history((0.3, 0.5), (200, 400)))
    points = frame([one, other]).query("kind == 'method'")
    assert points["step"].tolist() == [200, 400]
    assert points["tau"].tolist() == pytest.approx([0.3, 0.55])


def test_a_second_row_of_a_step_is_a_point_of_its_own(watched):
    (run,) = watched(("mngnas", RISING[:1]))
    rows = watched_history(RISING[0])
    last = rows.iloc[-1:].assign(compute=5e6, cpu_seconds=900.0, tau=0.8)
    write_history(run.folder, pd.concat([rows, last]))
    points = frame([run]).query("kind == 'method'")
    assert points["step"].tolist() == [100, 200, 300, 400, 400]
    assert points["tau"].tolist() == [*RISING[0], 0.8]
    assert points["compute"].iloc[-1] == 5e6


@pytest.mark.parametrize(("spent", "early"), [(1.5, True), (1.0, False), (None, False)])
def test_that_final_scores_are_not_drawn_is_said(watched, spent, early):
    """Of a run that cost more than its last point, by what it retrained."""
    (run,) = watched(("mngnas", RISING[:1]))
    last = float(pd.read_parquet(run.folder / "history.parquet")["compute"].iloc[-1])
    run.content["costs"] |= {} if spent is None else {"compute": spent * last}
    shown = " ".join(words(figure_of([run])))
    assert ("before its retraining" in shown) is early


def test_runs_that_were_not_watched_and_curves_without_any_tau_are_left_out(
    watched, make_record, tmp_path
):
    darts = watched(("darts", ((None, None, None),)))
    plain = Record(tmp_path / "plain", make_record("fairnas"))
    spos = watched(("spos", ((None, 0.3, 0.5),)))
    assert draw([plain, *darts], tmp_path / "none") == []
    table = frame([plain, *darts, *spos]).query("kind == 'method'")
    assert set(table["method"]) == {"spos"}
    assert np.isnan(table["tau"].iloc[0]) and table["tau"].iloc[1] == 0.3
    shown = " ".join(words(figure_of([plain, *darts, *spos])))
    assert "spos 0.50 [" in shown and "darts" not in shown and "fairnas" not in shown


@pytest.mark.parametrize(
    ("seeds", "told", "not_told"),
    [(1, OF_ONE_SEED, "means over seeds"), (2, OVER_SEEDS, "one seed")],
)
def test_lines_of_one_seed_are_no_means(watched, seeds, told, not_told):
    shown = " ".join(words(figure_of(watched(("spos", RISING[:seeds]), ("fairnas", RISING[:1])))))
    assert told.strip() in shown and not_told not in shown


def test_both_panels_show_means_bands_and_bounds(watched):
    figure = figure_of(watched(("spos", RISING), ("fairnas", (RISING[1],))))
    seconds, compute = figure.axes[1:]
    assert "CPU-seconds" in seconds.get_xlabel() and "compute" in compute.get_xlabel()
    for axes, each, unit in ((compute, 3000, 1e6), (seconds, 0.5, 1)):
        curves = lines(axes)
        assert axes.xaxis.get_major_formatter()(1.5 * unit, 0) == "1.5"
        assert [list(line.get_ydata()) for line in curves] == [
            list(RISING[1]), pytest.approx([0.15, 0.32, 0.51, 0.65]),
        ]  # fmt: skip
        for line in curves:
            assert line.get_xdata() == pytest.approx(each * np.array([100, 200, 300, 400]))
        marks = [line.get_xydata()[0] for line in axes.lines if len(line.get_xdata()) == 1]
        assert np.array(marks) == pytest.approx(np.array([[400 * each, 0.7], [400 * each, 0.65]]))
        bands = [band.get_paths()[0].get_extents() for band in axes.collections]
        assert (bands[1].y0, bands[1].y1) == pytest.approx((0.1, 0.7))
        assert bands[0].y1 - bands[0].y0 == pytest.approx(0.5)  # of one seed: nothing around it
        margin = 0.05 * (0.88 - 0.1)  # from the lowest seed to the ceiling
        assert axes.get_ylim() == pytest.approx((0.1 - margin, 0.88 + margin))
        levels = {line.get_ydata()[0] for line in axes.lines if list(line.get_xdata()) == [0, 1]}
        assert levels == {0.41, 0.88}
    drawn = words(figure)
    assert drawn.count("parameters 0.41") == drawn.count("ceiling 0.88") == 2
    assert any(word.startswith("spos 0.65 [") for word in drawn)
    assert "sample of 200" in " ".join(drawn)


@pytest.mark.slow
def test_the_axis_is_logarithmic_only_where_curves_reach_much_farther_than_others(watched):
    near = watched(("spos", RISING[:1]))
    (far,) = watched(("fairnas", RISING[:1]))
    for costs, scale in ((2, "linear"), (20, "log")):
        write_history(far.folder, watched_history(RISING[0], costs=costs))
        axes = figure_of([*near, far]).axes[1:]
        assert [one.get_xscale() for one in axes] == [scale] * 2


def test_an_axis_ends_a_little_beyond_the_curve_that_reaches_farthest():
    for far, ends in ((60.0, (0.0, 61.2, False)), (60.1, (1 / 1.15, 1.15 * 60.1, True))):
        paths = [(np.array(spent),) for spent in ([2.0, 10.0], [1.0, far])]
        assert reach(paths) == pytest.approx(ends)


def test_no_two_curves_look_alike():
    looks = looks_of(range(40))
    assert len({(look.colour, str(look.dashes)) for look in looks}) == 40


@pytest.mark.slow
def test_other_samples_have_panels_of_their_own(watched):
    runs = [*watched(("spos", RISING)), *watched(("fairnas", RISING), sample="other")]
    assert len(figure_of(runs).axes) == 1 + 4
    assert len(frame(runs).query("kind == 'ceiling'")) == 2


@pytest.mark.slow
def test_names_of_many_curves_do_not_overlap_or_leave_the_picture(watched):
    names = ("spos", "fairnas", "mixpath", "cream", "ennas", "darts", "gdas", "dna", "mngnas")
    assert_readable(figure_of(watched(*((name, RISING) for name in names))))


@pytest.mark.slow
def test_the_command_writes_picture_and_points(watched, make_record, tmp_path, capsys):
    import json

    records = watched(("spos", RISING))
    for record in records:
        (record.folder / "run.json").write_text(json.dumps(record.content))
    main([str(tmp_path / "runs"), "--output", str(tmp_path / "all")])
    written = {path.suffix for path in tmp_path.glob("all-anytime.*")}
    assert written == {".png", ".pdf", ".svg", ".csv", ".parquet"}
    records = [load(record.folder) for record in records]
    again = frame(records)
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "all-anytime.parquet"), again)
    first = (tmp_path / "all-anytime.svg").read_bytes()
    draw(records, tmp_path / "all-anytime")
    assert (tmp_path / "all-anytime.svg").read_bytes() == first
