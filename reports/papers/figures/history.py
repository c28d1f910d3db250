"""What a method reports of its training epoch by epoch, a line per row (EnNAS Figs. 1 and 2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reports.papers.figures.captions import caption, headline, named, notes, tag_of
from reports.papers.figures.panels import Panels, draw_line, label, name_ends
from reports.papers.measured.results import Results, RowResults
from reports.pictures.captioned_figure import CaptionedFigure
from reports.runs.history import name_of, series
from reports.runs.paired import mean_interval
from reports.style.theme import looks

if TYPE_CHECKING:
    import pandas
    from matplotlib.figure import Figure

TALL, NAMES = 3.0, 1.9  # inches: the panel, names at the ends of lines
BAND = "Line: mean over seeds; band: its 95 % t interval."


def frame(results: Results) -> pandas.DataFrame:
    """A line per row and epoch: ``step``, mean ``y`` of the series over ``n`` seeds, bounds."""
    import pandas

    return pandas.DataFrame([point for found in results.rows for point in _points(found, results)])


def _points(found: RowResults, results: Results) -> list[dict[str, Any]]:
    runs = {
        seed: of_run
        for seed, record in results.records(found.row.id).items()
        if (of_run := series(record, results.item.series))
    }
    points = []
    for step in sorted({step for of_run in runs.values() for step in of_run}):
        values = {seed: of_run[step] for seed, of_run in runs.items() if step in of_run}
        interval = mean_interval(list(values.values()))
        own = named(found, results.task, tag_of(found, results.task), values, len(values))
        bounds = {"y": interval["value"], "y_low": interval["low"], "y_high": interval["high"]}
        points.append(own | {"step": step} | bounds)
    return points


def picture(results: Results, drawn: pandas.DataFrame) -> Figure:
    item = results.item
    styles = looks([found.row.label for found in results.rows])
    panels = Panels(1, 1, TALL, head=0.12, right=NAMES)
    band = [BAND] if drawn["y_low"].notna().any() else []
    sheet = CaptionedFigure(
        headline(item), [caption(item)], panels.height, [*band, *notes(results, drawn)]
    )
    axes = panels.axes(sheet, 0)
    ends = []
    for name, line in drawn.groupby("label", sort=False):
        look = styles[name]
        draw_line(axes, line["step"], line, look, err_kws={"alpha": 0.16, "linewidth": 0})
        ends.append((line["step"].iloc[-1], line["y"].iloc[-1], name, look))
    axes.margins(x=0.02)
    label(axes, "training step", name_of(item.series))
    name_ends(axes, ends, NAMES, TALL)
    return sheet.figure
