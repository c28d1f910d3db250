"""What a figure says and shows, as drawn."""

from __future__ import annotations

from itertools import combinations
from typing import Any


def words(figure: Any) -> list[str]:
    """All words of a figure that are drawn."""
    from matplotlib.text import Text

    return [t.get_text() for t in figure.findobj(Text) if t.get_text() and t.get_visible()]


def assert_readable(figure: Any) -> None:
    """No words leave the figure or cover others."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.text import Text

    drawn: list[Text] = []
    renderer = FigureCanvasAgg(figure).get_renderer()
    original = Text.draw

    def note(text: Text, *args: Any, **kwargs: Any) -> None:
        drawn.append(text)
        original(text, *args, **kwargs)

    Text.draw = note
    try:
        figure.draw(renderer)
    finally:
        Text.draw = original
    shown = [text for text in drawn if text.get_text().strip() and text.get_visible()]
    boxes = [text.get_window_extent(renderer) for text in shown]
    assert len(shown) > 3
    for text, box in zip(shown, boxes, strict=True):
        inside = box.x0 >= 0 and box.y0 >= 0
        assert inside and box.x1 <= figure.bbox.x1 and box.y1 <= figure.bbox.y1, text
    for (one, box), (other, cover) in combinations(zip(shown, boxes, strict=True), 2):
        assert not box.padded(-1).overlaps(cover.padded(-1)), (one, other)


def seed_dots(axes: Any) -> dict[int, list[float]]:
    """The x of the dots in each row of :class:`reports.pictures.seed_rows.Rows`, ascending."""
    found: dict[int, list[float]] = {}
    for dots in axes.collections:
        kind, _, number = (dots.get_gid() or "").partition(" ")
        if kind == "seeds":
            found.setdefault(int(number), []).extend(x for x, _ in dots.get_offsets())
    return {number: sorted(found[number]) for number in sorted(found)}
