"""The last column against each other one, a point per row (MNGNAS Figs. 3 to 5 and 7)."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.transforms import Affine2D

from reports.papers.definition.item import Column
from reports.papers.figures.captions import NAMED, axis_name, caption, headline, named, notes
from reports.papers.figures.curves import measured
from reports.papers.figures.panels import LEGEND_LINE, Panels, draw_legend, label, legend_rows
from reports.papers.measured.results import PRINTED, UNKNOWN, Results
from reports.pictures.captioned_figure import CaptionedFigure
from reports.pictures.label_placement import place_names
from reports.style.formatting import text_width
from reports.style.theme import GREY, INK, MARK, Look, looks

if TYPE_CHECKING:
    import pandas
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TALL, NAME = 3.0, 8.0  # inches of a panel; points of a name
FAR = 0.2  # inches from which a name is tied to its point
DECADE = 10  # ratio from which sizes are drawn on a logarithmic axis
KEY = (
    "Small dots: one per seed. Named marks: means, with 95 % t interval over seeds upright; printed "
    "ones with their standard deviation."
)


def frame(results: Results) -> pandas.DataFrame:
    """A line per row, column of x and source that has both numbers, with the bounds of ``y``.

    And one per ``seed`` of a run, with its own numbers.
    """
    import pandas

    *others, last = results.item.columns
    points: list[dict[str, Any]] = []
    for found, column in product(results.rows, others):
        x, y = found.cells[column.id], found.cells[last.id]
        place = {"column": column.id}
        if None not in (x.printed, y.printed) and None not in (x.printed.number, y.printed.number):
            own = named(found, "", PRINTED, [], 0) | place
            mean, sd = y.printed.number, y.printed.sd
            bounds = {} if sd is None else {"y_low": mean - sd, "y_high": mean + sd}
            points.append(own | {"x": x.printed.number, "y": mean} | bounds)
        if not {x.tag, y.tag} & {PRINTED, *UNKNOWN} and None not in (x.value, y.value):
            own = named(found, y.task, y.tag, y.by_seed, y.n) | place
            points.append(own | {"x": x.value} | measured(y))
            for seed in sorted(x.by_seed.keys() & y.by_seed.keys()):
                points.append(own | {"seed": seed, "x": x.by_seed[seed], "y": y.by_seed[seed]})
    columns = [*NAMED, "column", "seed", "x", "y", "y_low", "y_high"]
    return pandas.DataFrame(points, columns=columns)


def picture(results: Results, drawn: pandas.DataFrame) -> Figure:
    """A panel per column of x; what is printed apart from what was measured."""
    *others, last = results.item.columns
    sources = [
        (column, printed)
        for printed, column in product((True, False), others)
        if len(_of(drawn, column, printed))
    ]
    grouped = len(drawn["group"].unique()) > 1
    styles = looks(list(drawn["group" if grouped else "label"]))
    above = LEGEND_LINE * len(legend_rows(list(styles))) + 0.1 if grouped else 0.0
    across = min(2, len(sources))
    panels = Panels(len(sources), across, TALL, above=above)
    words = [KEY, *notes(results, drawn)]
    sheet = CaptionedFigure(headline(results.item), [caption(results.item)], panels.height, words)
    for number, (column, printed) in enumerate(sources):
        own = _of(drawn, column, printed)
        title = PRINTED if printed else ", ".join(own["tag"].unique())
        axes = panels.axes(sheet, number, title)
        for name, part in own.groupby("group" if grouped else "label", sort=False):
            _draw(axes, part, styles[str(name)])
        axes.margins(0.14)
        if own["x"].min() > 0 and own["x"].max() > DECADE * own["x"].min():
            axes.set_xscale("log")
        label(axes, _name(column), _name(last))
        _name_points(axes, own, (panels.wide, TALL))
    if above:
        draw_legend(sheet, styles, lines=False)
    return sheet.figure


def _name(column: Column) -> str:
    return axis_name(f"{column.group} {column.head}".strip(), column.unit)


def _of(drawn: pandas.DataFrame, column: Column, printed: bool) -> pandas.DataFrame:
    return drawn[(drawn["column"] == column.id) & ((drawn["tag"] == PRINTED) == printed)]


def _draw(axes: Axes, part: pandas.DataFrame, look: Look) -> None:
    runs, means = part[part["seed"].notna()], part[part["seed"].isna()]
    small = {"markersize": 3.5, "markeredgewidth": 0, "alpha": 0.5}
    axes.plot(runs["x"], runs["y"], look.mark, color=look.colour, zorder=2, **small)
    axes.plot(means["x"], means["y"], look.mark, color=look.colour, zorder=3, **MARK)
    known = means[means["y_low"].notna()]
    low, high = (known[f"y_{key}"].astype(float) for key in ("low", "high"))
    axes.vlines(known["x"], low, high, color=look.colour, linewidth=1.2, alpha=0.7)


def _name_points(axes: Axes, own: pandas.DataFrame, room: tuple[float, float]) -> None:
    """Each mean's name beside it, tied to it by a line where it lies farther away.

    ``room`` is the size of the axes in inches.
    """
    axes.set(xlim=axes.get_xlim(), ylim=axes.get_ylim())
    onto = axes.transData - axes.transAxes + Affine2D().scale(*room)

    def inches(xs: pandas.Series, ys: pandas.Series) -> list[tuple[float, float]]:
        both = np.column_stack([xs, ys]).astype(float)
        return [(float(x), float(y)) for x, y in onto.transform(both)]

    runs, means = own[own["seed"].notna()], own[own["seed"].isna()]
    bars = means[means["y_low"].notna()]
    ends = zip(inches(bars["x"], bars["y_low"]), inches(bars["x"], bars["y_high"]), strict=True)
    others = [(x - 0.02, bottom, x + 0.02, top) for (x, bottom), (_, top) in ends]
    others += [(x - 0.03, y - 0.03, x + 0.03, y + 0.03) for x, y in inches(runs["x"], runs["y"])]
    points = inches(means["x"], means["y"])
    sizes = [(text_width(name, NAME) + 0.04, 0.14) for name in means["label"]]
    look = {"fontsize": NAME, "color": INK, "ha": "center", "va": "center", "zorder": 4}
    placed = place_names(points, sizes, room, others)
    for name, (x, y), box in zip(means["label"], points, placed, strict=True):
        near = (min(max(x, box[0]), box[2]), min(max(y, box[1]), box[3]))
        middle = ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
        at, tie, text = onto.inverted().transform([(x, y), near, middle])
        if np.hypot(near[0] - x, near[1] - y) > FAR:
            axes.plot(*zip(at, tie, strict=True), color=GREY, linewidth=0.6, gid="leader", zorder=1)
        axes.text(*text, name, parse_math=False, **look)
