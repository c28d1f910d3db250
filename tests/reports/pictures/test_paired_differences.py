import numpy as np
import pytest
from matplotlib.text import Text
from params import slow_but
from pictures import assert_readable, words

from reports.commands.compare import main
from reports.pictures.paired_differences import draw, picture
from reports.runs.compare import pairwise
from reports.runs.configuration import configurations, contexts
from reports.runs.paired import is_shown, paired_difference

SPOS, FAIR, NEAR = (0.50, 0.52, 0.54), (0.60, 0.61, 0.65), (0.53, 0.49, 0.55)


def figure_of(records):
    return picture(contexts(configurations(records)))


def cells(figure):
    """Texts, colours (0 to 255) and weights of the cells of the first heat map, row by row."""
    axes = next(axes for axes in figure.axes if axes.collections and axes.texts)
    figure.draw_without_rendering()
    faces = np.round(255 * axes.collections[0].get_facecolors()[:, :3])
    cells = zip(axes.texts, faces, strict=True)
    return [(text.get_text(), face, text.get_fontweight()) for text, face in cells]


def white(face):
    return face.min() >= 253


def test_cells_are_the_paired_differences_best_first(records):
    runs = records(("spos", SPOS), ("gdas", NEAR), ("fairnas", FAIR))
    by_method = {group.method["method"]: group for group in configurations(runs)}
    order = [by_method[name] for name in ("fairnas", "gdas", "spos")]
    found = cells(figure_of(runs))
    expected = pairwise(order)
    texts = [f"{cell['value']:+z.2f}".replace("-", "−") for row in expected for cell in row if cell]
    assert [text for text, _, _ in found if text] == texts
    assert [found[place][0] for place in (0, 4, 8)] == [""] * 3


def test_rows_are_named_in_the_order_of_their_means(records):
    """Another order than that of names, in which configurations come."""
    figure = figure_of(records(("fairnas", SPOS), ("gdas", FAIR), ("spos", NEAR)))
    names = [word for word in words(figure) if word.split()[0] in "123" and " " in word]
    assert [name.split()[:2] for name in names] == [["1", "gdas"], ["2", "spos"], ["3", "fairnas"]]
    levels = {t.get_text(): t.get_position()[1] for t in figure.findobj(Text)}
    assert levels[names[0]] > levels[names[1]] > levels[names[2]]
    texts = [text for text, _, _ in cells(figure)]
    assert texts == ["", "+0.10", "+0.10", "−0.10", "", "+0.00", "−0.10", "+0.00", ""]


def test_only_what_is_shown_is_coloured(records):
    """FairNAS is above SPOS by 0.10 ± 0.02 and above the third by 0.10 ± 0.09; the rest is 0."""
    found = cells(figure_of(records(("spos", SPOS), ("gdas", NEAR), ("fairnas", FAIR))))
    shown = {0: False, 1: True, 2: True, 3: True, 4: False, 5: False, 6: True, 7: False, 8: False}
    taus = [dict(enumerate(values)) for values in (FAIR, NEAR, SPOS)]
    for place, (_, face, weight) in enumerate(found):
        own, other = taus[place // 3], taus[place % 3]
        assert shown[place] == (own is not other and is_shown(paired_difference(own, other)))
        assert (not white(face)) == shown[place] == (weight == "bold")
    above, below = found[2][1], found[6][1]
    assert above[0] > above[2] and below[2] > below[0]  # orange, blue


def test_pairs_without_an_interval_stay_white(records):
    runs = [*records(("spos", (0.5,))), *records(("fairnas", (0.9,)))]
    for _, face, weight in cells(figure_of(runs)):
        assert white(face) and weight == "normal"


def test_what_cannot_be_subtracted_is_a_dash(records, make_interval):
    failed = records(("mngnas", (0.5,)), metrics__all__kendall_tau=make_interval(None))
    found = cells(figure_of([*failed, *records(("spos", (0.5, 0.6)))]))
    assert [text for text, _, _ in found] == ["", "–", "–", ""]


@pytest.mark.slow
@pytest.mark.parametrize("count", slow_but([2, 3], [2, 3, 9, 30]))
def test_no_words_overlap_or_leave_the_picture(records, count):
    runs = [
        run
        for number in range(count)
        for run in records(
            ("mngnas", (0.4 + 0.013 * number, 0.41 + 0.011 * number)),
            config__train={"an_option": f"several words of a value {number}"},
        )
    ]
    figure = figure_of([*runs, *records(("spos", SPOS), ("fairnas", FAIR), scoring__bn="running")])
    assert_readable(figure)
    assert "BN recalibrate" in " ".join(words(figure)) and "BN running" in " ".join(words(figure))


@pytest.mark.slow
def test_the_same_records_give_the_same_files(records, tmp_path):
    runs = records(("spos", SPOS), ("fairnas", FAIR))
    paths = draw(runs, tmp_path / "pairs")
    assert [path.suffix for path in paths] == [".png", ".pdf", ".svg"]
    first = [path.read_bytes() for path in paths]
    assert [path.read_bytes() for path in draw(reversed(runs), tmp_path / "pairs")] == first


def test_a_lone_configuration_has_no_picture(records, tmp_path):
    assert draw(records(("spos", SPOS)), tmp_path / "pairs") == []
    assert not any(tmp_path.iterdir())


@pytest.mark.slow
def test_the_command_writes_it_beside_the_table(write_run, make_record, tmp_path):
    for method, taus in (("spos", SPOS), ("fairnas", FAIR)):
        for seed, tau in enumerate(taus):
            folder = write_run(f"runs/{method}{seed}", make_record(method, seed, tau))
    main([str(folder.parent), "--output", str(tmp_path / "all")])
    written = {path.name for path in tmp_path.glob("all-*")}
    assert written == {f"all-differences.{form}" for form in ("png", "pdf", "svg")}
