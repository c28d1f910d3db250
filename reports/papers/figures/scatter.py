"""Score against truth, a panel per row, groups beside one another (MNGNAS Fig. 10)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.metrics.intervals import combine
from reports.papers.definition.item import Row
from reports.papers.figures.captions import caption, headline, named, notes, tag_of
from reports.papers.figures.panels import Panels, label
from reports.papers.measured.results import NOT_RUN, Results
from reports.pictures.captioned_figure import CaptionedFigure
from reports.pictures.scatter import RASTER
from reports.runs.record import Record
from reports.runs.scatter_points import Window
from reports.style.formatting import bracketed
from reports.style.theme import DIAMOND, GREY, INK, LOOKS, SMALL, STAR, Look

if TYPE_CHECKING:
    import pandas
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ACROSS, TALL, HEAD = 3, 2.0, 0.52  # panels; inches
FOUND = STAR | {"markersize": 13, "color": INK, "zorder": 5}
KEY = (
    "Dots: the architectures that the run of the lowest seed scored; star: the one that it found, "
    "where it is among them; white diamonds: beyond the axes. "
)
OVER_SEEDS = "τ: mean over seeds with its 95 % interval over seeds and architectures."
OF_ONE_SEED = "τ with its 95 % interval over architectures."


def frame(results: Results) -> pandas.DataFrame:
    """A line per row and scored architecture of its first run; ``tau`` is over all its runs."""
    import pandas

    parts = []
    for found in results.ran():
        records = results.records(found.row.id)
        seed, first = results.first(found.row.id)
        own = named(found, results.task, tag_of(found, results.task), records, len(records))
        tau = _tau(records)
        own |= {"tau": tau["value"], "tau_low": tau["low"], "tau_high": tau["high"]}
        scores = first.scores()
        scores["found"] = scores["arch"] == first.get("found", "arch")
        scores["seed"] = seed
        parts.append(scores.assign(**own)[[*own, "seed", *scores.columns.drop("seed")]])
    return pandas.concat(parts, ignore_index=True) if parts else pandas.DataFrame()


def _tau(records: Mapping[int, Record]) -> Any:
    return combine(
        [record.interval("metrics", "all", "kendall_tau") for record in records.values()]
    )


def picture(results: Results, drawn: pandas.DataFrame) -> Figure:
    places = _places([found.row for found in results.rows])
    across = 1 + max(column for _, column in places.values())
    lines = 1 + max(line for line, _ in places.values())
    panels = Panels(lines * across, across, TALL, head=HEAD)
    sheet = CaptionedFigure(
        headline(results.item),
        [caption(results.item)],
        panels.height,
        [KEY + (OVER_SEEDS if (drawn["n"] > 1).any() else OF_ONE_SEED), *notes(results, drawn)],
    )
    shared = Window.around(drawn["truth"].to_numpy())
    for found in results.rows:
        line, column = places[found.row.id]
        title = ", ".join(filter(None, (found.row.label, found.row.group if lines == 1 else "")))
        axes = panels.axes(sheet, line * across + column, title)
        own = drawn[drawn["row"] == found.row.id]
        if own.empty:
            axes.set(xticks=[], yticks=[])
            middle = {"ha": "center", "va": "center", "color": GREY, "transform": axes.transAxes}
            axes.text(0.5, 0.5, NOT_RUN, **middle)
            continue
        _draw(axes, own, shared, LOOKS[line if lines > 1 else 0])
        first = column == 0
        label(axes, "truth (%)", "score (%)" if first else "")
    return sheet.figure


def _places(rows: list[Row]) -> dict[str, tuple[int, int]]:
    """Line and column of each row: a column per group, or in lines of three without groups."""
    groups = list(dict.fromkeys(row.group for row in rows))
    if not 1 < len(groups) <= ACROSS:
        across = 2 if len(rows) == 4 else ACROSS
        return {row.id: divmod(number, across) for number, row in enumerate(rows)}
    places, used = {}, dict.fromkeys(groups, 0)
    for row in rows:
        places[row.id] = (used[row.group], groups.index(row.group))
        used[row.group] += 1
    return places


def _draw(axes: Axes, own: pandas.DataFrame, truth: Window, look: Look) -> None:
    score = Window.around(own["score"].to_numpy())
    inside = (truth.shows(own["truth"]) & score.shows(own["score"])).to_numpy()
    area = float(np.clip(6_000 / len(own), 3, 26))
    dots = {"s": area, "alpha": 0.45, "linewidths": 0, "rasterized": len(own) > RASTER}
    axes.scatter(own["truth"][inside], own["score"][inside], color=look.colour, **dots)
    lost = own[~inside]
    axes.plot(truth.onto(lost["truth"]), score.onto(lost["score"]), **DIAMOND)
    found = own[own["found"]]
    axes.plot(truth.onto(found["truth"]), score.onto(found["score"]), **FOUND)
    axes.set(xlim=(truth.low, truth.high), ylim=(score.low, score.high))
    first = own.iloc[0]
    tau = {"value": first["tau"], "low": first["tau_low"], "high": first["tau_high"], "n": 0}
    known = first["tau"] is not None and not np.isnan(first["tau"])
    text = f"τ {bracketed(tau)}, n={first['n']}" if known else "τ undefined"
    words = {"fontsize": SMALL, "color": INK, "va": "bottom", "transform": axes.transAxes}
    axes.text(0, 1 + 0.05 / TALL, text, **words)
