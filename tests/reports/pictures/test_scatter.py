import json
import struct
import sys
from pathlib import Path
from subprocess import run

import numpy as np
import pandas as pd
import pytest
from pictures import assert_readable

from reports.pictures.scatter import draw, picture, titles
from reports.runs.record import Record, load
from reports.runs.scatter_points import ScatterPoints, Window
from searchspaces.errors import UsageError


def texts(figure):
    """All words of a figure that are drawn."""
    from matplotlib.text import Text

    return [t.get_text() for t in figure.findobj(Text) if t.get_text() and t.get_visible()]


@pytest.fixture
def folder(write_run, make_record, make_scores):
    return write_run("a", make_record("mngnas"), make_scores())


@pytest.mark.slow
def test_png_and_svg_are_written_whole(folder):
    path = draw(folder)
    assert path == folder / "scatter.png"
    content = path.read_bytes()
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", content[16:24]) == (1800, 1080)
    assert len(content) > 50_000
    assert (folder / "scatter.svg").read_text().rstrip().endswith("</svg>")
    assert {p.name for p in folder.iterdir()} == {
        "run.json", "scores.parquet", "scatter.png", "scatter.svg",
    }  # fmt: skip


@pytest.mark.slow
def test_the_same_run_gives_the_same_picture(folder):
    first = [p.read_bytes() for p in (draw(folder), folder / "scatter.svg")]
    (folder / "scatter.png").unlink()
    assert [p.read_bytes() for p in (draw(folder), folder / "scatter.svg")] == first


@pytest.mark.slow
def test_a_picture_that_is_of_this_record_is_not_drawn_again(folder, monkeypatch):
    def drawn_again(record):
        raise RuntimeError

    draw(folder)
    monkeypatch.setattr("reports.pictures.scatter.picture", drawn_again)
    draw(folder)
    before = (folder / "scatter.png").read_bytes()
    for change in ("scatter.svg", "run.json", "scores.parquet"):
        path = folder / change
        kept = path.read_bytes()
        path.write_bytes(another(change, kept))
        with pytest.raises(RuntimeError):
            draw(folder)
        path.write_bytes(kept)
    draw(folder)
    assert (folder / "scatter.png").read_bytes() == before


def another(name, content):
    """Another picture, record or file of scores."""
    if name == "run.json":
        return json.dumps(json.loads(content) | {"n": 7}).encode()
    return b"another" if name == "scatter.svg" else content + b" "


@pytest.mark.slow
def test_a_run_that_took_longer_has_the_same_picture(folder):
    first = draw(folder).read_bytes()
    record = json.loads((folder / "run.json").read_text())
    record["costs"]["seconds"] += 1
    (folder / "run.json").write_text(json.dumps(record))
    (folder / "scatter.png").unlink()
    assert draw(folder).read_bytes() == first


def test_the_picture_names_what_it_shows(folder):
    words = "\n".join(texts(picture(load(folder))))
    for word in (
        "mngnas (base spos, kd full, qp printed) on nb201, digits", "test split", "val split",
        "BN recalibrate", "seed 0", "600 of 600", "found: a7", "truth 91.00 %, regret +1.50",
        "τ 0.50 [0.46, 0.54]", "parameters 0.45", "FLOPs 0.46", "random 0.00", "ceiling 0.90",
    ):  # fmt: skip
        assert word in words


def test_titles_say_what_was_run_scored_and_compared(make_record):
    changes = {"n": 500, "n_table": 1700, "config__seed": 5}
    assert titles(Record(Path(), make_record("spos", **changes))) == (
        "spos on nb201, digits",
        "score: val split, BN recalibrate, supernet seed 5",
        "truth: training digits, test split, 4 epochs, 3 seeds, 500 of 1,700 architectures of the "
        "table",
    )


@pytest.fixture
def drawn(write_run, make_record):
    """The axes of a picture: dots, colours, scale; and the frame that they are of."""
    frame = pd.DataFrame(
        {
            "arch": list("abcdefgh"),
            "score": [60.0, 61.0, 63.0, 62.0, 64.0, 67.0, 66.0, 10.0],
            "truth": [90.0, 91.5, 91.0, 92.0, 94.0, 93.0, 95.0, 92.5],
            "params": [3000, 1000, 2000, 8000, 5000, 4000, 7000, 6000],
        }
    )
    found = {"arch": "d", "truth": 92.25, "regret": 2.75, "how": "read"}
    content = make_record(tau=0.52, found=found)
    content["ceiling"] = {"seed_mean": content["ceiling"]["seed_mean"]}
    return frame, picture(load(write_run("drawn", content, frame))).axes


def test_dots_stand_at_truth_and_score_in_the_colour_of_their_size(drawn):
    frame, (main, colours, _) = drawn
    (dots,) = main.collections
    shown = np.column_stack([dots.get_offsets(), dots.get_array()])
    inside = frame[frame["arch"] != "h"]
    assert sorted(map(tuple, shown)) == sorted(
        zip(inside["truth"], inside["score"], inside["params"], strict=True)
    )
    assert dots.get_clim() == (1000, 8000)
    assert colours.get_ylabel() == "params (k)"
    assert colours.yaxis.get_major_formatter()(2500, 0) == "2.5"
    assert main.get_xlabel() == "truth: stand-alone accuracy on the test split (%)"
    assert main.get_ylabel() == "score: predicted accuracy (%)"
    assert main.get_xlim() == pytest.approx((90 - 0.04 * 5, 95 + 0.04 * 5))
    assert main.get_ylim() == pytest.approx((60 - 0.04 * 7, 67 + 0.04 * 7))
    marks = {line.get_marker(): line.get_xydata().tolist() for line in main.lines}
    assert marks == {"*": [[92.25, 62.0]], "D": [[92.5, pytest.approx(main.get_ylim()[0])]]}


def test_the_scale_has_tau_between_the_highest_floor_and_the_ceiling(drawn):
    _, (*_, scale) = drawn
    levels = {line.get_ydata()[0] for line in scale.lines if list(line.get_xdata()) == [0, 1]}
    assert levels == {0.0, 0.45, 0.46, 0.9}
    (dot,) = (line for line in scale.lines if line.get_marker() == "o")
    assert dot.get_xydata().tolist() == [[0.5, 0.52]]
    (bar,) = scale.collections[0].get_segments()
    assert bar[:, 1] == pytest.approx([0.48, 0.56])
    spans = [(patch.get_y(), patch.get_y() + patch.get_height()) for patch in scale.patches]
    assert spans == [pytest.approx((-0.06, 0.46)), pytest.approx((0.9, 1.0))]
    assert scale.get_ylim() == pytest.approx((-0.06, 1.0))


def test_the_picture_names_a_proxy_and_a_score_by_loss(write_run, make_record, make_scores):
    supernet = {"scale": "proxy", "side": 16, "parameters": 9, "reduced": True}
    content = make_record(supernet=supernet, scoring__by="loss")
    words = "\n".join(texts(picture(load(write_run("p", content, make_scores())))))
    assert (
        "score: by loss on the val split, BN recalibrate, supernet seed 0, "
        "proxy supernet, 16x16 pixels"
    ) in words
    assert "score: minus the loss on validation images" in words


@pytest.mark.parametrize("tau", [-0.62, 0.44, 0.46, 0.88])
def test_no_words_overlap_or_leave_the_picture(
    write_run, make_record, make_scores, monkeypatch, tau
):
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.text import Text

    figure = picture(load(write_run("a", make_record("mngnas", tau=tau), make_scores())))
    renderer = FigureCanvasAgg(figure).get_renderer()
    drawn = []
    original = Text.draw

    def note(text, *args, **kwargs):
        drawn.append(text)
        original(text, *args, **kwargs)

    monkeypatch.setattr(Text, "draw", note)
    figure.draw(renderer)
    words = [text for text in drawn if text.get_text() and text.get_visible()]
    boxes = [text.get_window_extent(renderer) for text in words]
    assert len(words) > 25
    for i, box in enumerate(boxes):
        assert box.x0 >= 0 and box.y0 >= 0, words[i]
        assert box.x1 <= figure.bbox.x1 and box.y1 <= figure.bbox.y1, words[i]
        for j in range(i):
            assert not box.padded(-1).overlaps(boxes[j].padded(-1)), (words[i], words[j])


@pytest.mark.slow
def test_dead_architectures_do_not_squash_the_rest(write_run, make_record, make_scores):
    frame = make_scores(600, dead=20)
    frame["truth"] = [10.0] * 20 + list(np.linspace(80, 90, 580))
    frame["score"] = [10.0] * 20 + list(np.linspace(50, 70, 580))
    record = load(write_run("a", make_record(), frame))
    view = ScatterPoints.of(record)
    assert set(view.frame["arch"][view.beyond()]) == {f"a{i}" for i in range(20)}
    assert 79 < view.truth.low < 80 and 49 < view.score.low < 50
    note = (
        "20 of 600 architectures lie beyond the axes and are drawn on their edge: "
        "truth 10.0 %, score 10.0"
    )
    words = texts(picture(record))
    assert note in words
    assert "20 beyond the axes" in words


def test_nothing_is_clipped_from_an_even_spread():
    values = np.linspace(10, 90, 100)
    window = Window.around(values)
    assert window.shows(values).all()
    assert window == Window(pytest.approx(6.8), pytest.approx(93.2))


@pytest.mark.parametrize("values", [[10.0] * 9, [10.0] * 9 + [50.0], [3.0]])
def test_windows_of_constant_values_have_a_width(values):
    window = Window.around(np.array(values))
    assert window.low < min(values) <= max(values) < window.high


def test_an_architecture_without_a_score_is_a_line(write_run, make_record, make_scores):
    content = make_record(found={"arch": "other", "truth": 95.0, "regret": -0.4})
    words = texts(picture(load(write_run("a", content, make_scores()))))
    assert "found: truth 95.00 %, regret −0.40 (not scored)" in words


@pytest.mark.slow
def test_a_long_legend_covers_nothing(write_run, make_record, make_scores):
    frame = make_scores()
    frame.loc[frame.index[:2], "truth"] = 1e-9  # beyond the axes
    content = make_record(found={"arch": "other", "truth": 95.0, "regret": -10.4})
    figure = picture(load(write_run("a", content, frame)))
    assert any("beyond the axes" in word for word in texts(figure))
    assert_readable(figure)


def test_what_a_record_lacks_is_left_out(write_run, make_record, make_scores, make_interval):
    content = make_record(
        metrics__all__kendall_tau=make_interval(None), floors={}, ceiling=None,
        found={"arch": "a$1$", "truth": None, "regret": None, "how": "not measured"},
    )  # fmt: skip
    frame = make_scores(30).drop(columns="params").assign(score=10.0)
    words = texts(picture(load(write_run("a", content, frame))))
    assert "τ undefined" in words
    assert "found, not measured: a$1$" in words
    assert not any("params" in word for word in words)


def test_unfinished_runs_are_refused(tmp_path):
    (tmp_path / "checkpoint.pt").touch()
    with pytest.raises(UsageError, match="not finished"):
        draw(tmp_path)


@pytest.mark.slow
def test_no_window_system_is_touched(folder):
    code = (
        f"import sys; from pathlib import Path; from reports.pictures.scatter import draw; "
        f"assert 'matplotlib' not in sys.modules; draw(Path({str(folder)!r})); "
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    assert run([sys.executable, "-c", code], timeout=60).returncode == 0
