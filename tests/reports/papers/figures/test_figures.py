"""Figures by what their artists show, on made records."""

from dataclasses import replace
from importlib import import_module

import numpy as np
import pandas as pd
import pytest
from matplotlib.container import ErrorbarContainer
from pictures import assert_readable, seed_dots, words
from scipy import stats

from reports.papers.definition.item import Column, Item, Row
from reports.papers.definition.loading import item_names, load_item, paper_names
from reports.papers.definition.printed import Printed
from reports.papers.figures import KINDS, boxes, curves, diagram, draw, drawing, history
from reports.papers.figures import points as points_kind
from reports.papers.figures import scatter as scatter_kind
from reports.papers.figures.captions import command, notes, nothing_yet, tag_of
from reports.papers.measured.results import (
    NOT_RUN,
    PRINTED,
    TABLE,
    TRAINED_FULL,
    TRAINED_REDUCED,
    Cell,
    Results,
    RowResults,
)
from reports.runs.record import Record
from searchspaces.errors import UsageError
from searchspaces.nb201.space import NASBench201

MADDS, ERROR = Column("madds", "#MAdds", "M"), Column("error", "test error", "%")
SEEDS = (0, 1, 2)
MODULES = {kind: import_module(f"reports.papers.figures.{kind}") for kind in KINDS}
FIGURES = [
    (paper, name)
    for paper in paper_names()
    for name in item_names(paper)
    if load_item(paper, name).kind != "table"
]
ROWS = (
    Row("a", "SPOS", "S", run={}, x=2.0),
    Row("b", "MNGNAS (S)", "S", run={}, x=4.0),
    Row("c", "Mix_$Path$", "M", run={}, x=2.0),
    Row("d", "MNGNAS (M)", "M", run={}, x=4.0),
)


def make_item(kind, rows=ROWS, columns=(MADDS, ERROR), **changes):
    item = Item(
        "toy", "fig-1", "Fig. 1", kind, "N", "What `it` shows.", "Compact networks.", "", (), {},
        SEEDS, columns, rows, (), axis="steps", series="far" if kind == "history" else "",
    )  # fmt: skip
    return replace(item, **changes)


def make_results(item, absent=(), record=None):
    """Values by row and seed, other than those of ``absent`` rows; ``record(row, seed)``."""
    found = []
    for number, row in enumerate(item.rows):
        cells, runs = {}, {}
        for place, column in enumerate(item.columns):
            printed = row.printed.get(column.id)
            cells[column.id] = Cell(printed, tag=NOT_RUN if row.run is not None else PRINTED)
            if row.run is not None and row.id not in absent:
                own = {seed: 9.0 - number + 0.3 * seed**2 + 5 * place for seed in SEEDS}
                mean, sd = np.mean([*own.values()]), np.std([*own.values()], ddof=1)
                cells[column.id] = Cell(
                    printed, (), TRAINED_REDUCED, mean, sd, len(own), own, task=item.task
                )
                runs = {seed: record(row, seed) for seed in SEEDS} if record else {}
        found.append(RowResults(row, cells, {item.task: runs} if runs else {}))
    return Results(item, "laptop", item.task, SEEDS, tuple(found))


def show(kind, results):
    return kind.picture(results, kind.frame(results))


def half_width(values):
    return stats.t.ppf(0.975, len(values) - 1) * stats.sem(values)


@pytest.fixture
def with_scores(tmp_path, make_record, make_scores):
    """Records whose folders hold scores and a history."""

    def record(row, seed):
        folder = tmp_path / f"{row.id}{seed}"
        folder.mkdir(exist_ok=True)
        make_scores(60 + seed, dead=0).to_parquet(folder / "scores.parquet")
        epochs = [{"phase": "epoch", "step": s, "far": s + ord(row.id) + seed} for s in (10, 20)]
        noise = [{"phase": "train", "step": s, "far": -99.0} for s in (5, 10)]
        pd.DataFrame(epochs + noise).to_parquet(folder / "history.parquet")
        content = make_record("spos", seed, 0.5 + 0.02 * seed)
        space, rng = NASBench201("compact"), np.random.default_rng(seed)
        content["found"]["arch"] = space.encode(space.sample(rng)) if row.id != "b" else "a7"
        return Record(folder, content)

    return record


@pytest.fixture
def by_kind(with_scores):
    """Results of every kind, one row of which was not run."""

    def make(kind, absent=("d",)):
        if kind != "diagram":
            rows = ROWS if kind != "drawing" else (ROWS[0], ROWS[2], ROWS[3])
            return make_results(make_item(kind, rows), absent, with_scores)
        return make_results(load_item("mngnas", "fig-1"))

    return make


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_readable_and_named(kind, by_kind):
    results = by_kind(kind)
    figure = show(MODULES[kind], results)
    assert_readable(figure)
    said = " ".join(words(figure))
    assert f"{results.item.title} ({results.item.paper})" in said
    if kind != "diagram":
        assert "What it shows." in said and "Reduced: Compact networks." in said
        assert "trained-reduced: our runs" in said and "task digits, preset laptop, n =" in said
        assert f"not run: MNGNAS (M). {command(results)} runs what is missing." in said


@pytest.mark.parametrize("kind", KINDS)
def test_the_numbers_drawn_name_their_rows_and_tag(kind, by_kind):
    frame = MODULES[kind].frame(by_kind(kind))
    assert len(frame) > 0
    if kind != "diagram":
        assert set(frame["row"]) == {"a", "b", "c"} - ({"b"} if kind == "drawing" else set())
        assert set(frame["tag"]) == {TRAINED_REDUCED} and set(frame["task"]) == {"digits"}


@pytest.mark.parametrize(
    "tags, expected",
    [
        ([(TRAINED_FULL, "digits")] * 2, TRAINED_FULL),
        ([(TRAINED_FULL, "digits"), (TRAINED_REDUCED, "digits")], TRAINED_REDUCED),
        ([(TRAINED_FULL, "digits"), (TRAINED_REDUCED, "cifar10")], TRAINED_FULL),
        ([(TRAINED_FULL, "cifar10"), (NOT_RUN, "digits")], TRAINED_REDUCED),
    ],
)
def test_runs_are_in_full_where_all_that_they_filled_is(tags, expected):
    cells = {str(k): Cell(tag=tag, task=task) for k, (tag, task) in enumerate(tags)}
    assert tag_of(RowResults(ROWS[0], cells, {}), "digits") == expected


def test_notes_say_what_was_run_how_often_and_what_was_not():
    quoted = Row("q", "Quoted", printed={"error": Printed.parse("2.5")})
    results = make_results(make_item("boxes", (*ROWS, quoted, Row("n", "Nobody"))), ("d",))
    results.rows[1].cells["error"] = replace(results.rows[1].cells["error"], n=2)
    reads = replace(results, item=replace(results.item, needs="A table."))
    assert notes(reads, boxes.frame(reads)) == [
        "trained-reduced: our runs at the reduced scale that the caption states; task digits, preset "
        "laptop, n = 2 to 3 (seeds 0, 1, 2).",
        "printed: as the paper has it.",
        "Reduced: Compact networks.",
        "not run: MNGNAS (M). 'nas-harness reproduce toy fig-1 --preset laptop' runs what is missing.",
        "Nothing here measures: Nobody. Needed: A table.",
    ]
    none = replace(make_results(make_item("boxes"), "abcd"), task="cifar10", preset="paper")
    assert notes(none, boxes.frame(none)) == [
        "not run: all of it. 'nas-harness reproduce toy fig-1 --preset paper --task cifar10' runs "
        "what is missing."
    ]


@pytest.mark.slow
def test_the_same_results_give_the_same_pictures_and_numbers(by_kind, tmp_path):
    results = by_kind("curves")
    paths = draw(results.item, results, tmp_path / "out" / "fig-1")
    assert [path.name for path in paths] == [
        "fig-1.png", "fig-1.pdf", "fig-1.svg", "fig-1.drawn.csv",
    ]  # fmt: skip
    assert len(pd.read_csv(paths[-1])) == len(curves.frame(results))
    first = [path.read_bytes() for path in paths]
    assert [
        path.read_bytes() for path in draw(results.item, results, paths[0].with_suffix(""))
    ] == (first)


@pytest.mark.slow
@pytest.mark.parametrize(("paper", "name"), FIGURES)
def test_every_figure_of_the_papers_can_be_drawn_without_runs(paper, name):
    item = load_item(paper, name)
    results = make_results(item, [row.id for row in item.rows])
    if item.kind == "diagram":
        assert_readable(show(diagram, results))
        return
    figure = nothing_yet(results, pd.DataFrame())
    said = " ".join(words(figure))
    assert f"'nas-harness reproduce {paper} {name} --preset laptop' runs what is missing" in said
    assert_readable(figure)


def test_a_table_has_no_figure(tmp_path):
    item = make_item("table")
    assert draw(item, make_results(item), tmp_path / "t") == []
    assert not any(tmp_path.iterdir())


def test_points_are_seeds_and_their_means():
    figure = show(points_kind, make_results(make_item("points")))
    (axes,) = [axes for axes in figure.axes if axes.get_xlabel() == "#MAdds (M)"]
    assert axes.get_ylabel() == "test error (%)" and axes.get_title("left") == TRAINED_REDUCED
    shown = [line.get_xydata() for line in axes.lines if line.get_gid() != "leader"]
    seeds = np.array([0, 0.3, 1.2])
    runs, means = shown[0][:3], shown[1][:1]  # of the rows a and b, in one colour
    assert runs == pytest.approx(np.column_stack([9 + seeds, 14 + seeds]))
    assert means == pytest.approx(np.array([[9.5, 14.5]]))
    low, high = axes.collections[0].get_segments()[0][:, 1]
    assert (high - low) / 2 == pytest.approx(half_width(seeds))
    assert {"SPOS", "MNGNAS (S)", "Mix_$Path$", "MNGNAS (M)"} <= set(words(figure))


def test_a_printed_point_has_the_deviation_of_its_own_y():
    printed = {"madds": Printed.parse("300±50"), "error": Printed.parse("2.50±0.20")}
    rows = (
        Row("q", "Quoted", printed=printed),
        Row("p", "Bare", printed={**printed, "error": Printed.parse("3")}),
    )
    frame = points_kind.frame(make_results(make_item("points", rows)))
    assert frame[["x", "y"]].to_numpy().tolist() == [[300, 2.5], [300, 3]]
    assert frame.loc[0, ["y_low", "y_high"]].tolist() == pytest.approx([2.3, 2.7])
    assert frame.loc[1, ["y_low", "y_high"]].isna().all()


@pytest.mark.slow
def test_printed_points_are_apart_from_measured_ones():
    printed = {"madds": Printed.parse("300"), "error": Printed.parse("2.50±0.20")}
    rows = (replace(ROWS[0], printed=printed), Row("q", "Quoted", printed=printed))
    figure = show(points_kind, make_results(make_item("points", rows)))
    titles = {axes.get_title("left"): axes for axes in figure.axes if axes.get_xlabel()}
    assert set(titles) == {PRINTED, TRAINED_REDUCED}
    (low, high) = titles[PRINTED].collections[0].get_segments()[0][:, 1]
    assert (low, high) == pytest.approx((2.3, 2.7))
    assert "Nothing here measures" not in " ".join(words(figure))


@pytest.mark.parametrize(("most", "scale"), [("10", "linear"), ("10.1", "log")])
def test_sizes_more_than_a_decade_apart_have_a_logarithmic_axis(most, scale):
    rows = [
        Row(size, size, printed={"madds": Printed.parse(size), "error": Printed.parse("2")})
        for size in ("1", most)
    ]
    figure = show(points_kind, make_results(make_item("points", rows)))
    (axes,) = [axes for axes in figure.axes if axes.get_xlabel()]
    assert axes.get_xscale() == scale


def test_curves_run_through_the_means_of_their_group():
    figure = show(curves, make_results(make_item("curves", columns=(ERROR,)), absent=("d",)))
    (axes,) = [axes for axes in figure.axes if axes.get_xlabel() == "steps"]
    assert axes.get_ylabel() == "test error (%)" and list(axes.get_xticks()) == [2, 4]
    lines = {line.get_label(): line for line in axes.lines if line.get_gid() != "leader"}
    assert list(lines["S"].get_ydata()) == pytest.approx([9.5, 8.5])
    assert np.abs(lines["S"].get_xdata() - [2, 4]).max() < 0.1
    assert list(lines["M"].get_ydata()) == pytest.approx([7.5])
    low, high = axes.collections[0].get_segments()[0][:, 1]
    assert (low + high) / 2 == pytest.approx(9.5)
    assert (high - low) / 2 == pytest.approx(half_width([0, 0.3, 1.2]))
    assert "not run: MNGNAS (M)." in (told := " ".join(words(figure))) and curves.BARS in told


def test_parts_of_groups_are_panels_of_one_scale_and_single_rows_are_levels():
    rows = [replace(row, group=f"{p}: L", id=f"{p}{row.x}") for row in ROWS[:2] for p in "XY"]
    rows.append(Row("level", "none", "X: none", run={}, x=0.0))
    figure = show(curves, make_results(make_item("curves", tuple(rows), (ERROR,))))
    panels = [axes for axes in figure.axes if axes.get_xlabel()]
    assert [axes.get_title("left") for axes in panels] == ["X", "Y"]
    assert panels[0].get_ylim() == panels[1].get_ylim()
    low, high = panels[0].get_ylim()
    ends = [
        y
        for axes in panels
        for bar in axes.collections
        for y in np.vstack(bar.get_segments())[:, 1]
    ]
    assert low < min(ends) and high > max(ends)
    level = [line for line in panels[0].lines if list(line.get_xdata()) == [0, 1]]
    assert len(level) == 1 and level[0].get_ydata()[0] == pytest.approx(5.5)


def bars(axes):
    """Where the level bars of a figure begin and end, in the order in which they are drawn."""
    found = [part.lines[2][0] for part in axes.containers if isinstance(part, ErrorbarContainer)]
    return [segment[:, 0].tolist() for bar in found for segment in bar.get_segments()]


@pytest.mark.slow
def test_boxes_show_every_seed_and_say_what_was_not_run():
    rows = (replace(ROWS[0], printed={"error": Printed.parse("2.72±0.10")}), *ROWS[1:])
    results = make_results(make_item("boxes", rows, (ERROR,)), absent=("c",))
    results.rows[3].cells["error"] = Cell(None, tag=TABLE, value=5.0, sd=0.25, n=9, task="digits")
    frame = boxes.frame(results)
    columns = frame[["row", "tag", "n", "seeds", "value", "sd"]].astype(object)
    assert columns.where(columns.notna(), "").values.tolist() == [
        ["a", PRINTED, 0, "", 2.72, 0.1],
        *(["a", TRAINED_REDUCED, 3, str(s), pytest.approx(9 + 0.3 * s**2), ""] for s in SEEDS),
        *(["b", TRAINED_REDUCED, 3, str(s), pytest.approx(8 + 0.3 * s**2), ""] for s in SEEDS),
        ["d", TABLE, 9, "", 5.0, 0.25],
    ]
    printed, measured = (axes for axes in show(boxes, results).axes if axes.get_xlabel())
    dots = seed_dots(measured)
    assert dots[0] == pytest.approx([9.0, 9.3, 10.2]) and set(dots) == {0, 1}
    assert {NOT_RUN, "2.72±0.10", "5.00, table"} <= set(words(measured.figure))
    assert bars(printed) == [pytest.approx([2.62, 2.82])]
    half = half_width([0, 0.3, 1.2])
    means = (9.5, 8.5)
    expected = [pytest.approx([mean - half, mean + half]) for mean in means]
    assert bars(measured) == [*expected, pytest.approx([4.75, 5.25])]
    names = [word for word in words(measured.figure) if word.startswith("test error (%): ")]
    assert names == ["test error (%): printed", "test error (%): trained-reduced, table"]


def test_scatter_shows_the_run_of_the_lowest_seed(with_scores, make_scores):
    results = make_results(make_item("scatter"), ("d",), with_scores)
    figure = show(scatter_kind, results)
    panels = {axes.get_title("left"): axes for axes in figure.axes if axes.get_title("left")}
    assert set(panels) == {"SPOS", "MNGNAS (S)", "Mix_$Path$", "MNGNAS (M)"}
    drawn = panels["SPOS"].collections[0].get_offsets()
    frame = make_scores(60, dead=0)[["truth", "score"]].to_numpy()
    assert set(map(tuple, np.round(drawn, 6))) <= set(map(tuple, np.round(frame, 6)))
    assert len(drawn) > 50
    assert [text.get_text() for text in panels["MNGNAS (M)"].texts] == [NOT_RUN]
    (tau,) = [text.get_text() for text in panels["SPOS"].texts]
    # τ 0.50, 0.52 and 0.54, each ± 0.04: t(2) = 4.303, deviation 0.02.
    half = np.hypot(4.302653 * 0.02 / np.sqrt(3), 0.04)
    assert tau == f"τ 0.52 [{0.52 - half:.2f}, {0.52 + half:.2f}], n=3"
    labels = [(axes.get_xlabel(), axes.get_ylabel()) for axes in panels.values()]
    assert labels == [("truth (%)", "score (%)")] * 2 + [("truth (%)", ""), ("", "")]
    places = [axes.get_position() for axes in panels.values()]  # a column for each group
    assert places[0].x0 == places[1].x0 < places[2].x0 == places[3].x0
    assert places[0].y0 == places[2].y0 > places[1].y0 == places[3].y0
    star = [line for line in panels["MNGNAS (S)"].lines if line.get_marker() == "*"]
    seventh = frame[7]
    assert np.ravel(star[0].get_xydata()) == pytest.approx(seventh)


def test_history_counts_at_each_step_the_seeds_that_have_it(with_scores):
    def shorter(row, seed):
        record = with_scores(row, seed)
        path = record.folder / "history.parquet"
        if (row.id, seed) == ("b", SEEDS[1]):
            frame = pd.read_parquet(path)
            frame[frame["step"] != 20].to_parquet(path)
        return record

    frame = history.frame(make_results(make_item("history"), ("d",), shorter))
    assert list(frame["step"]) == [10, 20] * 3
    assert list(frame["n"]) == [3, 3, 3, 2, 3, 3]


def test_history_is_the_mean_over_seeds_of_what_epochs_report(with_scores):
    results = make_results(make_item("history"), ("d",), with_scores)
    frame = history.frame(results)
    assert list(frame["step"]) == [10, 20] * 3
    first = frame.iloc[0]
    assert first["y"] == 10 + ord("a") + 1
    assert first["y_high"] - first["y"] == pytest.approx(half_width([0, 1, 2]))
    (axes,) = [axes for axes in history.picture(results, frame).axes if axes.get_xlabel()]
    lines = [line for line in axes.lines if line.get_gid() != "leader"]
    assert [line.get_xydata().tolist() for line in lines] == [
        [[step, step + ord(row) + 1] for step in (10, 20)] for row in "abc"
    ]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("training step", "far")
    assert set(frame["seeds"]) == {"0 1 2"} and set(frame["n"]) == {3}


@pytest.mark.slow
def test_a_series_that_a_method_does_not_report_is_said(with_scores, tmp_path):
    results = make_results(make_item("history"), (), with_scores)
    for seed in SEEDS:
        path = tmp_path / f"c{seed}" / "history.parquet"
        pd.DataFrame([{"phase": "train", "step": 5, "loss": 1.0}]).to_parquet(path)
    figure = show(history, results)
    assert "Run, but without a record of what is drawn here: Mix_$Path$." in words(figure)
    path.write_bytes(b"nothing")
    with pytest.raises(UsageError, match="history.parquet"):
        history.frame(results)


def test_drawings_are_of_the_lowest_seed(by_kind):
    results = by_kind("drawing")
    space = NASBench201("compact")
    arch = space.sample(np.random.default_rng(0))
    frame = drawing.frame(results)
    assert list(frame["arch"]) == [space.encode(arch)] * 2 and set(frame["seeds"]) == {"0"}
    said = words(drawing.picture(results, frame))
    labels = [edge.label for edge in space.diagrams(arch)[0].edges]
    assert set(labels) <= set(said)
    assert "S, SPOS: 91.00 % on digits, regret +1.50; seed 0" in said
