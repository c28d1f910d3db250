import numpy as np
import pytest
from matplotlib.container import ErrorbarContainer
from matplotlib.patches import PathPatch
from pictures import assert_readable, seed_dots, words

from reports.commands.compare import main
from reports.pictures.seed_rows import BOXED, Rows, Spread
from reports.pictures.tau_of_seeds import context_words, draw, picture
from reports.runs.configuration import configurations


def figure_of(records):
    return picture(configurations(records))


def rows_of(figure):
    """The axes with the rows of each context."""
    return [axes for axes in figure.axes if axes.get_xlabel()]


def marks(axes, mark):
    """The x of each artist drawn with ``mark``, from the top."""
    lines = [line for line in axes.lines if line.get_marker() == mark and len(line.get_xdata())]
    return [list(line.get_xdata()) for line in sorted(lines, key=lambda v: -v.get_ydata()[0])]


def test_configurations_stand_from_the_best_mean_to_the_worst(records):
    runs = records(("spos", (0.5, 0.51, 0.55)), ("fairnas", (0.7, 0.6)), ("mixpath", (0.55, 0.6)))
    figure = figure_of(runs)
    (axes,) = rows_of(figure)
    assert seed_dots(axes) == {0: [0.6, 0.7], 1: [0.55, 0.6], 2: [0.5, 0.51, 0.55]}
    assert np.ravel(marks(axes, "D")) == pytest.approx([0.65, 0.575, 0.52])
    drawn = words(figure)
    order = [drawn.index(name) for name in ("fairnas (kd full, qp printed)", "spos")]
    assert order == sorted(order)
    assert "0.520 [0.443, 0.597], n=3" in drawn


def test_few_seeds_have_an_interval_and_many_a_box(records):
    taus = (0.5, 0.52, 0.53, 0.58, 0.6)
    assert len(taus) == BOXED
    for few in (taus, taus[:4]):
        (axes,) = rows_of(figure_of(records(("spos", few))))
        boxes = [patch for patch in axes.patches if isinstance(patch, PathPatch)]
        bars = [part for part in axes.containers if isinstance(part, ErrorbarContainer)]
        assert len(boxes) == (len(few) == BOXED)
        assert len(bars) == (len(few) < BOXED)
    first, third = np.quantile(taus, [0.25, 0.75])
    (axes,) = rows_of(figure_of(records(("spos", taus[:3]))))
    (bar,) = (part for part in axes.containers if isinstance(part, ErrorbarContainer))
    (ends,) = bar.lines[2][0].get_segments()
    # t(2) = 4.303, deviation 0.01528, and the 0.04 of the runs themselves.
    half = np.hypot(4.302653 * np.std(taus[:3], ddof=1) / np.sqrt(3), 0.04)
    assert ends[:, 0] == pytest.approx([np.mean(taus[:3]) - half, np.mean(taus[:3]) + half])
    (axes,) = rows_of(figure_of(records(("spos", taus))))
    (box,) = [patch for patch in axes.patches if isinstance(patch, PathPatch)]
    ends = box.get_path().vertices[:, 0]
    assert (ends.min(), ends.max()) == pytest.approx((first, third))
    drawn = [line for line in axes.lines if line.get_linestyle() != "None"]
    whiskers = [line.get_xdata() for line in drawn if len(set(line.get_ydata())) == 1]
    reached = np.concatenate([ends for ends in whiskers if len(ends) == 2 and ends[0] > 0])
    assert sorted({*reached}) == pytest.approx([min(taus), first, third, max(taus)])


def test_floors_and_ceiling_are_lines_with_their_names(records):
    figure = figure_of(records(("spos", (0.5,))))
    (axes,) = rows_of(figure)
    starts = {line.get_xdata()[0] for line in axes.lines if len(line.get_xdata()) == 3}
    assert starts == {0.45, 0.46, 0.0, 0.9}
    assert {"parameters 0.45", "FLOPs 0.46", "random 0.00", "ceiling 0.90"} <= set(words(figure))
    assert axes.get_xlim() == pytest.approx((-0.04 * 0.9, 1.04 * 0.9))


def test_the_axis_reaches_over_intervals(records):
    """Two seeds far apart: the interval of their mean is wider than all else."""
    figure = figure_of(records(("spos", (0.2, 0.9))))
    (axes,) = rows_of(figure)
    half = np.hypot(12.706205 * np.std((0.2, 0.9), ddof=1) / np.sqrt(2), 0.04)
    low, high = max(0.55 - half, -1.0), min(0.55 + half, 1.0)
    margin = 0.04 * (high - low)
    assert axes.get_xlim() == pytest.approx((low - margin, high + margin))


def test_words_above_say_what_was_scored_and_against_what(records):
    runs = records(("spos", (0.5,)), protocol="all", n=512)
    runs += records(("gdas", (0.5,)), protocol="all", n=512, config__preset="paper")
    assert context_words(configurations(runs)) == (
        "nb201 on digits, preset laptop and paper: 512 architectures; scores on the val split, BN "
        "recalibrate; truth of nb201-compact-digits: training digits, test split, 4 epochs, 3 seeds"
    )


def test_an_undefined_tau_is_last_and_says_so(records, make_interval):
    failed = records(("mngnas", (0.5,)), metrics__all__kendall_tau=make_interval(None))
    figure = figure_of([*failed, *records(("spos", (0.1,)))])
    drawn = words(figure)
    assert "τ undefined" in drawn
    assert drawn.index("spos") < drawn.index("mngnas (kd full, qp printed)")


def test_contexts_have_panels_of_their_own(records):
    runs = [*records(("spos", (0.5,))), *records(("fairnas", (0.6,)), scoring__bn="running")]
    figure = figure_of(runs)
    assert [seed_dots(axes) for axes in rows_of(figure)] == [{0: [0.5]}, {0: [0.6]}]
    drawn = " ".join(words(figure))
    assert "BN recalibrate" in drawn and "BN running" in drawn and "preset laptop" in drawn


def test_long_names_do_not_overlap_or_leave_the_picture(records):
    named = {"config__train__a_long_name_of_an_option": "with a value of several words"}
    runs = records(("mngnas", (0.44, 0.45, 0.61)), ("spos", np.linspace(0.4, 0.6, 7)))
    runs += records(("mngnas", (0.452, 0.5)), config__train__another="third words", **named)
    assert_readable(figure_of(runs))


@pytest.mark.slow
def test_the_same_records_give_the_same_files(records, tmp_path):
    runs = records(("spos", (0.5, 0.6)))
    paths = draw(runs, tmp_path / "tau")
    assert [path.suffix for path in paths] == [".png", ".pdf", ".svg"]
    first = [path.read_bytes() for path in paths]
    assert [path.read_bytes() for path in draw(reversed(runs), tmp_path / "tau")] == first


@pytest.mark.slow
def test_the_command_writes_the_picture_beside_the_table(write_run, make_record, tmp_path, capsys):
    folder = write_run("runs/a", make_record())
    begun = tmp_path / "runs" / "b"
    begun.mkdir()
    (begun / "checkpoint.pt").touch()
    main([str(folder.parent), "--output", str(tmp_path / "all")])
    written = {path.name for path in tmp_path.glob("all*")}
    assert written == {f"all.{form}" for form in ("md", "csv", "parquet", "png", "pdf", "svg")}
    assert capsys.readouterr().err.count("left out") == 1


def test_rows_grow_with_their_names():
    interval = {"value": 0.5, "low": 0.4, "high": 0.6, "n": 2}
    short, long = (Spread("a", (0.5,), interval, note) for note in ("", "word " * 30))
    assert Rows([long]).height > Rows([short]).height
