import struct
import sys
from subprocess import run

import numpy as np
import pytest
from pictures import assert_readable

from reports.pictures.scatter import draw, picture
from reports.runs.record import load
from reports.runs.scatter_points import ScatterPoints, Window
from searchspaces.errors import UsageError


def texts(figure):
    """All words of a figure that are drawn."""
    from matplotlib.text import Text

    return [t.get_text() for t in figure.findobj(Text) if t.get_text() and t.get_visible()]


@pytest.fixture
def folder(write_run, make_record, make_scores):
    return write_run("a", make_record("mngnas"), make_scores())


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
    assert [p.read_bytes() for p in (draw(folder), folder / "scatter.svg")] == first


def test_the_picture_names_what_it_shows(folder):
    words = "\n".join(texts(picture(load(folder))))
    for word in (
        "mngnas (base spos, kd full, qp printed) on nb201, digits", "test split", "val split",
        "BN recalibrate", "seed 0", "600 of 600", "found: a7", "truth 91.00 %, regret +1.50",
        "τ 0.50 [0.46, 0.54]", "parameters 0.45", "FLOPs 0.46", "random 0.00", "ceiling 0.90",
    ):  # fmt: skip
        assert word in words


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
