"""Columns over an option that is varied, a line per group of rows (MNGNAS Figs. 12 to 14).

A group named ``PART: LINE`` puts its line into panels of its own part.
"""

from __future__ import annotations

from collections import Counter
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from reports.papers.definition.item import Column
from reports.papers.figures.captions import NAMED, axis_name, caption, headline, named, notes
from reports.papers.figures.panels import (
    HEAD,
    LEGEND_LINE,
    Panels,
    draw_legend,
    draw_line,
    label,
    legend_rows,
    name_ends,
)
from reports.papers.measured.results import PRINTED, UNKNOWN, Cell, Results
from reports.pictures.captioned_figure import CaptionedFigure
from reports.runs.paired import mean_interval
from reports.style.theme import MARK, Look, looks

if TYPE_CHECKING:
    import pandas
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TALL, NAMES = 2.5, 1.9  # inches: panels, names at the ends of lines
MOST = 3  # panels in a line
BARS = "Bars: 95 % t interval over seeds."
ASIDE = "Marks stand a little beside their place, so that none covers another."
LEVEL = "Level lines: rows to which what is varied does not apply."


def frame(results: Results) -> pandas.DataFrame:
    """A line per point: row, column, part and line of its group, ``x``, and ``y`` with bounds.

    Printed values are lines of their own, with the tag ``printed`` and no bounds.
    """
    import pandas

    points: list[dict[str, Any]] = []
    for found in results.rows:
        part, _, line = found.row.group.rpartition(": ")
        for column in results.item.columns:
            cell = found.cells[column.id]
            place = {"column": column.id, "part": part, "line": line, "x": found.row.x}
            if cell.printed is not None and cell.printed.number is not None:
                own = named(found, "", PRINTED, [], 0)
                points.append(own | place | {"y": cell.printed.number})
            if cell.value is not None and cell.tag not in (PRINTED, *UNKNOWN):
                own = named(found, cell.task, cell.tag, cell.by_seed, cell.n)
                points.append(own | place | measured(cell))
    columns = [*NAMED, "column", "part", "line", "x", "y", "y_low", "y_high"]
    return pandas.DataFrame(points, columns=columns)


def measured(cell: Cell) -> dict[str, Any]:
    """``y`` and, where runs of several seeds gave it, the bounds of its t interval."""
    interval = mean_interval(list(cell.by_seed.values())) if cell.by_seed else {}
    bounds = {f"y_{key}": interval.get(key) for key in ("low", "high")}
    return {"y": cell.value} | bounds


def picture(results: Results, drawn: pandas.DataFrame) -> Figure:
    """A panel per column and part; what is printed apart from what was measured."""
    columns = {column.id: column for column in results.item.columns}
    parts = drawn["part"].unique()
    sources = [
        (name, part, printed)
        for printed, name, part in product((True, False), columns, parts)
        if len(_of(drawn, name, part, printed))
    ]
    styles = looks(list(drawn["line"]))
    alone = len(sources) == 1
    rows = legend_rows(list(styles))
    above = 0.0 if alone or len(styles) < 2 else LEGEND_LINE * len(rows) + 0.1
    titles = [", ".join([part] * bool(part) + [PRINTED] * printed) for _, part, printed in sources]
    panels = Panels(
        len(sources),
        across=_across(len(sources), len(parts)),
        tall=TALL,
        head=HEAD if any(titles) else 0.12,
        right=NAMES if alone and len(styles) > 1 else 0.0,
        above=above,
    )
    levels = levels_of(results)
    bars = [BARS] if drawn["y_low"].notna().any() else []
    words = [" ".join([*bars, ASIDE]), *([LEVEL] if levels else []), *notes(results, drawn)]
    sheet = CaptionedFigure(headline(results.item), [caption(results.item)], panels.height, words)
    shown: dict[tuple[str, bool], list[Axes]] = {}
    for number, (name, part, printed) in enumerate(sources):
        axes = panels.axes(sheet, number, titles[number])
        own = _of(drawn, name, part, printed)
        ends = _draw(axes, own, styles, levels)
        axes.margins(y=0.12)
        label(axes, results.item.axis, axis_name(*_axis(columns[name])))
        axes.set_xticks(sorted(own["x"].unique()))
        shown.setdefault((name, printed), []).append(axes)
        if panels.right:
            name_ends(axes, ends, NAMES, TALL)
    for alike in shown.values():
        _share(alike)
    if above:
        draw_legend(sheet, styles)
    return sheet.figure


def _across(count: int, parts: int) -> int:
    """Panels in a line: the parts of a column beside one another."""
    if 1 < parts <= MOST:
        return parts
    return 2 if count == 4 else min(MOST, count)


def _share(panels: list[Axes]) -> None:
    """One scale for the panels of a column."""
    lows, highs = zip(*(axes.get_ylim() for axes in panels), strict=True)
    for axes in panels:
        axes.set_ylim(min(lows), max(highs))


def levels_of(results: Results) -> set[str]:
    """The groups of a single row, among others that have several."""
    sizes = Counter(found.row.group for found in results.rows)
    return {group for group, size in sizes.items() if size == 1 < max(sizes.values())}


def _axis(column: Column) -> tuple[str, str]:
    return f"{column.group} {column.head}".strip(), column.unit


def _of(drawn: pandas.DataFrame, column: str, part: str, printed: bool) -> pandas.DataFrame:
    same = (drawn["column"] == column) & (drawn["part"] == part)
    return drawn[same & ((drawn["tag"] == PRINTED) == printed)]


def _draw(
    axes: Axes, own: pandas.DataFrame, styles: dict[str, Look], levels: set[str]
) -> list[tuple[float, float, str, Look]]:
    """Lines with their bars; where each ends."""
    xs = np.sort(own["x"].unique())
    apart = min([0.02 * np.ptp(xs), *(np.diff(xs) / (2 * len(styles)))])
    ends = []
    for group, line in own.groupby("group", sort=False):
        line = line.sort_values("x")
        name = str(line["line"].iloc[0])
        look = styles[name]
        is_level = group in levels
        place = 0 if is_level else list(styles).index(name) - (len(styles) - 1) / 2
        aside = line["x"] + apart * place
        bars = {"err_style": "bars", "err_kws": {"elinewidth": 1.2, "zorder": 2}}
        draw_line(axes, aside, line, look, marker=look.mark, label=name, zorder=3, **MARK, **bars)
        if is_level:
            level = {"color": look.colour, "linestyle": look.dashes, "linewidth": 1.0}
            axes.axhline(line["y"].iloc[-1], **level)
        ends.append((np.inf if is_level else aside.iloc[-1], line["y"].iloc[-1], name, look))
    return ends
