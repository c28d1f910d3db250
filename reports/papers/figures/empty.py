"""The picture of an item of which nothing was run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reports.papers.figures.words import caption, headline, lacking
from reports.papers.measured.results import Results
from reports.pictures.captioned import MARGIN, WIDTH, Sheet, wrapped
from reports.style.style import GREY, PALE

if TYPE_CHECKING:
    import pandas
    from matplotlib.figure import Figure

HEIGHT, LINE = 2.0, 0.2  # inches


def picture(results: Results, drawn: pandas.DataFrame) -> Figure:
    """A frame that says what is missing and what brings it."""
    from matplotlib.patches import Rectangle

    words = ["nothing to draw yet"]
    words += [line for text in lacking(results, drawn) for line in wrapped(text, WIDTH - 1.4)]
    height = max(HEIGHT, LINE * (len(words) + 3))
    sheet = Sheet(headline(results.item), [caption(results.item)], height)
    axes = sheet.canvas()
    corner, wide = (MARGIN, 0.1), sheet.width - 2 * MARGIN
    look = {"facecolor": "none", "edgecolor": PALE, "linewidth": 1.2}
    axes.add_patch(Rectangle(corner, wide, height - 0.2, **look))
    middle = height / 2 + LINE * (len(words) - 1) / 2
    for number, line in enumerate(words):
        size = {"fontsize": 13} if number == 0 else {"fontsize": 9}
        place = (sheet.width / 2, middle - LINE * number + (0.12 if number == 0 else 0))
        axes.text(*place, line, ha="center", va="center", color=GREY, parse_math=False, **size)
    return sheet.figure
