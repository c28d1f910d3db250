"""Schematics: every step a box, every arrow from edge to edge past all other boxes."""

from itertools import combinations

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from pictures import words

from reports.papers.definition.loading import load_item
from reports.papers.figures import diagram
from reports.papers.measured.cells import Results
from reports.style.theme import FOUND, PALE
from searchspaces.errors import UsageError

NAMES = ["fig-1", "fig-2", "fig-11"]
STEP = 'id = "{}", text = "{}", at = [{}, {}]'
HEAD = 'title = "Fig. 1"\nkind = "diagram"\nclass = "N"\ncaption = "Steps."\n'


def figure_of(name):
    item = load_item("mngnas", name)
    results = Results(item, item.preset, item.task, item.seeds, ())
    figure = diagram.picture(results, diagram.frame(results))
    figure.draw(FigureCanvasAgg(figure).get_renderer())
    return item, figure


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_arrows_run_from_edge_to_edge_and_meet_no_other_box(name):
    item, figure = figure_of(name)
    boxes = {box.get_gid(): box.get_window_extent() for box in figure.findobj(FancyBboxPatch)}
    assert set(boxes) == {step.id for step in item.steps}
    for one, other in combinations(boxes.values(), 2):
        assert not one.overlaps(other)
    arrows = {arrow.get_gid(): arrow for arrow in figure.findobj(FancyArrowPatch)}
    assert list(arrows) == [f"{arrow.start}>{arrow.end}" for arrow in item.arrows]
    for arrow in item.arrows:
        drawn = arrows[f"{arrow.start}>{arrow.end}"]
        way = drawn.axes.transData.transform(drawn.get_path().interpolated(50).vertices)
        for name, box in boxes.items():
            inside = box.padded(-3)
            hit = (way > [inside.x0, inside.y0]) & (way < [inside.x1, inside.y1])
            assert not hit.all(axis=1).any(), (arrow, name)
        # The head touches the box where the arrow ends, the tail the one where it starts.
        for step, places in ((arrow.start, way[:1]), (arrow.end, way)):
            box = boxes[step]
            ends = np.clip(places, [box.x0, box.y0], [box.x1, box.y1])
            assert np.linalg.norm(places - ends, axis=1).min() < 8, (arrow, step)


def test_a_diagram_shows_its_steps_and_words():
    item, figure = figure_of("fig-2")
    assert {step.text.split("\n")[0] for step in item.steps} <= set(words(figure))
    assert {arrow.text for arrow in item.arrows if arrow.text} <= set(words(figure))
    starts, ends = ({getattr(a, end) for a in item.arrows} for end in ("start", "end"))
    for box in figure.findobj(FancyBboxPatch):
        name = box.get_gid()
        assert (to_hex(box.get_facecolor()) == PALE) == (name not in ends)
        assert (to_hex(box.get_edgecolor()) == FOUND) == (name in ends - starts)
    centres = {b.get_gid(): b.get_bbox() for b in figure.findobj(FancyBboxPatch)}
    for one, other in combinations(item.steps, 2):
        (x, y), (far, low) = ((centres[s.id].x0, centres[s.id].y0) for s in (one, other))
        assert (x < far) == (one.at[0] < other.at[0])
        assert one.at[1] >= other.at[1] or y < low  # inches below the upper edge


def test_the_numbers_of_a_diagram_are_its_places_and_ends():
    item = load_item("mngnas", "fig-2")
    frame = diagram.frame(Results(item, item.preset, item.task, item.seeds, ()))
    steps, arrows = (frame[frame["part"] == part] for part in ("step", "arrow"))
    places = steps[["id", "column", "row"]].values.tolist()
    assert places == [[step.id, *step.at] for step in item.steps]
    ends = arrows[["from", "to", "text"]].values.tolist()
    assert ends == [[arrow.start, arrow.end, arrow.text] for arrow in item.arrows]


@pytest.mark.parametrize("bend", ["level", "upright"])
def test_arrows_through_other_steps_are_refused(papers, bend):
    corner = {"level": (1, 0), "upright": (0, 1)}[bend]
    steps = [STEP.format("a", "one", 0, 0), STEP.format("d", "two", 1, 1)]
    text = "\n".join(
        [HEAD, *(f"[[steps]]\n{step}".replace(", ", "\n", 2) for step in steps), "[[arrows]]"]
    )
    text += f'\nfrom = "a"\nto = "d"\nbend = "{bend}"\n'
    path = papers / "toy" / "fig-1.toml"
    path.write_text(text)
    assert load_item("toy", "fig-1").arrows[0].bend == bend
    middle = STEP.format("between", "three", *corner).replace(", ", "\n", 2)
    path.write_text(f"{text}[[steps]]\n{middle}\n")
    with pytest.raises(UsageError, match=r"arrows\[1\]: runs through step between"):
        load_item("toy", "fig-1")


@pytest.mark.parametrize("ends", [("a", "c"), ("c", "a")])
def test_straight_arrows_through_other_steps_are_refused(papers, ends):
    steps = ", ".join(f"{{{STEP.format(name, name, 0, row)}}}" for row, name in enumerate("abc"))
    text = f'{HEAD}steps = [{steps}]\narrows = [{{from = "{ends[0]}", to = "{ends[1]}"}}]\n'
    (papers / "toy" / "fig-1.toml").write_text(text)
    with pytest.raises(UsageError, match="toy/fig-1.toml: arrows.* runs through step b"):
        load_item("toy", "fig-1")


@pytest.mark.parametrize(
    ("place", "problem"),
    [("0, 0", r"steps.b.at: is the place of step a too"), ("-1, 0", "is less than 0")],
)
def test_steps_have_places_of_their_own_on_the_grid(papers, place, problem):
    steps = [STEP.format("a", "one", 0, 0), STEP.format("b", "two", *place.split(", "))]
    text = HEAD + f"steps = [{', '.join(f'{{{step}}}' for step in steps)}]\n"
    (papers / "toy" / "fig-1.toml").write_text(text)
    with pytest.raises(UsageError, match=problem):
        load_item("toy", "fig-1")
