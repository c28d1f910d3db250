"""Picture of accuracy against cost: the true front, what the scores choose, what a search found."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from reports.pictures.captioned_figure import CaptionedFigure
from reports.pictures.scatter import RASTER, titles
from reports.runs.pareto import Fronts
from reports.runs.record import Record
from reports.runs.scatter_points import Window
from reports.style.formatting import decimal
from reports.style.image_files import WIDTH, write
from reports.style.theme import GREY, GRID, INK, LOOKS, PALE, SMALL, STAR

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

HEIGHT = 4.6  # inches


def draw(record: Record, fronts: Fronts, paths: Sequence[Path]) -> None:
    """Write the picture to ``paths``; raises :class:`UsageError` where it cannot be written."""
    write(lambda: picture(record, fronts), paths)


def picture(record: Record, fronts: Fronts) -> Figure:
    """The figure of one run."""
    summary = fronts.summary()
    head, scored, against = titles(record)
    frame, ranked = fronts.frame, fronts.frame.iloc[fronts.ranked]
    notes = [
        "Hypervolume: the area above the lowest truth and below the highest cost that a front "
        "dominates, as a share of that between worst and best of both. Random: mean of as many of "
        "the ranked as the scores choose. More architectures dominate more.",
        f"Grey: the {len(ranked):,} architectures that were ranked. The true front is of all "
        f"{len(frame):,} of the table.",
    ]
    if fronts.unknown:
        notes.append(f"The search found {fronts.unknown:,} others, which the table lacks.")
    window = Window.around(ranked["truth"].to_numpy())
    top = max(window.high, frame["truth"].max() + 0.02 * (window.high - window.low))
    shown = np.unique(np.concatenate([fronts.ranked, fronts.true, fronts.chosen, fronts.found]))
    if lost := int((frame["truth"].iloc[shown] < window.low).sum()):
        notes.append(f"Below the axes, of the ranked and of the fronts: {lost:,}.")
    sheet = CaptionedFigure(head, [scored, against], HEIGHT, notes)
    axes = sheet.axes(0.8, 0.65, WIDTH - 1.1, HEIGHT - 0.95)
    _draw(axes, fronts, summary)
    axes.set_ylim(window.low, top)
    axes.set_xlabel(fronts.label, fontsize=SMALL + 1, color=INK)
    axes.set_ylabel("truth: stand-alone accuracy (%)", fontsize=SMALL + 1, color=INK)
    axes.grid(color=GRID, linewidth=0.8)
    return sheet.figure


def _draw(axes: Axes, fronts: Fronts, summary: dict[str, Any]) -> None:
    rows = (fronts.ranked, fronts.true, fronts.chosen, fronts.found)
    ranked, true, chosen, found = (fronts.frame.iloc[own] for own in rows)
    dots = {"s": 9, "color": PALE, "edgecolor": GREY, "linewidth": 0.2}
    axes.scatter(ranked["cost"], ranked["truth"], rasterized=len(ranked) > RASTER, **dots)
    look = {"color": LOOKS[0].colour, "linewidth": 1.6, "drawstyle": "steps-post", "marker": "o"}
    axes.plot(
        true["cost"],
        true["truth"],
        markersize=4,
        label=_label("true front", summary["true"]),
        **look,
    )
    look = {"linestyle": "", "marker": LOOKS[1].mark, "color": LOOKS[1].colour, "markersize": 5.5}
    axes.plot(
        chosen["cost"],
        chosen["truth"],
        markeredgecolor="white",
        label=_label("front by score", summary["chosen"]),
        **look,
    )
    if len(found):
        name = _label("found by the search", summary["found"])
        axes.plot(found["cost"], found["truth"], label=name, **STAR | {"markersize": 11})
    axes.plot([], [], linestyle="", label=_label("random", summary["random"]))
    axes.legend(loc="lower right", fontsize=SMALL, labelcolor=INK, framealpha=0.9)


def _label(name: str, front: dict[str, Any]) -> str:
    return f"{name}: {front['n']:,}, hypervolume {decimal(front['hypervolume'], '.3f')}"
