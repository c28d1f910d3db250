"""The picture of ``nas-harness compare``: Kendall τ of every configuration, seed by seed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from harness.metrics.rendering import known
from reports.pictures.captioned_figure import LINE, ROOM, CaptionedFigure, stacked
from reports.pictures.label_placement import side_by_side
from reports.pictures.seed_rows import KEY, NAMES, NUMBERS, SPAN, Rows, Spread, limits
from reports.runs.compare import all_floors
from reports.runs.configuration import (
    Configuration,
    configurations,
    contexts,
    scored_words,
    told_apart,
    told_of_all,
)
from reports.runs.protocols import USUAL
from reports.runs.record import Record, ceiling
from reports.style.formatting import decimal, text_width, wrapped
from reports.style.image_files import write_all
from reports.style.theme import GREY, INK, SMALL

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

AXIS, GAP = 0.55, 0.3  # inches: below rows for the axis, between contexts
INTERVALS = "Bars and brackets: 95 % intervals of the mean, over seeds and architectures."


def draw(records: Iterable[Record], stem: Path | str) -> list[Path]:
    """Write the picture as ``stem`` .png, .pdf and .svg; returns their paths.

    A panel per context (space, task, ground truth, scoring) between its floors and its ceiling,
    configurations from the best mean to the worst. Raises :class:`UsageError` for repeated runs
    and where the files cannot be written.
    """
    groups = configurations(records)
    return write_all(lambda: picture(groups), stem)


def picture(groups: Sequence[Configuration]) -> Figure:
    """The figure of configurations sorted by context, as :func:`configurations` gives them."""
    panels = [Context(members) for members in contexts(groups)]
    return stacked("Kendall τ by configuration", panels, GAP, [KEY, INTERVALS])


class Context:
    """The configurations of one context; ``height`` is the inches that they take."""

    def __init__(self, groups: list[Configuration]) -> None:
        self.words = wrapped(context_words(groups), ROOM)
        first = groups[0].first
        above = ceiling(first)
        self.bounds = all_floors(groups) + ([above] if above else [])
        noted = sorted(
            zip(groups, told_apart(groups, told_of_all(groups)), strict=True),
            key=lambda pair: best_first(pair[0]),
        )
        spreads = [_spread(group, note) for group, note in noted]
        self.rows = Rows(spreads)
        ends = [0.0, *(bound.tau["value"] for bound in self.bounds)]
        for spread in spreads:
            ends += [*spread.values, *(spread.interval[k] for k in ("low", "high"))]
        self.limits = limits([end for end in ends if end is not None])
        self.top = LINE * len(self.words) + 0.5
        self.height = self.top + self.rows.height + AXIS

    def draw(self, sheet: CaptionedFigure, bottom: float) -> None:
        axes = self.rows.draw(sheet, bottom + AXIS, self.limits, ".3f")
        axes.set_xlabel("Kendall τ of scores and truth", fontsize=SMALL, color=INK)
        self._draw_bounds(axes)

    def _draw_bounds(self, axes: Axes) -> None:
        """Floors and ceiling as lines through all rows, tied to their names above."""
        if not self.bounds:
            return
        scale = SPAN / (self.limits[1] - self.limits[0])
        names = [f"{bound.label} {decimal(bound.tau['value'])}" for bound in self.bounds]
        taus = np.array([bound.tau["value"] for bound in self.bounds])
        widths = [text_width(name, SMALL) + 0.12 for name in names]
        places = side_by_side((taus - self.limits[0]) * scale, widths, -NAMES, SPAN + NUMBERS)
        top = self.rows.height
        line = {"color": GREY, "linewidth": 1.2, "clip_on": False, "zorder": 1}
        look = {"fontsize": SMALL, "color": GREY, "ha": "center", "va": "bottom"}
        for name, tau, place in zip(names, taus, places / scale + self.limits[0], strict=True):
            axes.plot([tau, tau, place], [0, top, top + 0.14], **line)
            axes.text(place, top + 0.16, name, parse_math=False, **look)


def context_words(groups: Sequence[Configuration]) -> str:
    """What the runs of one context were scored on and compared with, and what all share."""
    context = groups[0].context
    runs = [run for group in groups for run in group.runs.values()]
    presets = sorted({str(run.get("config", "preset") or "unknown") for run in runs})
    shared = "".join(f", {text}" for text in told_of_all(groups))
    named = "" if context["protocol"] == USUAL else f" (protocol {context['protocol']})"
    return (
        f"{context['space']} on {context['task']}, preset {' and '.join(presets)}{shared}: "
        f"{context['architectures']} architectures{named}; {scored_words(context)}; truth of "
        f"{context['table']}: training {context['truth']}, "
        f"{context['split']} split, "
        f"{known(context['epochs'], 'epochs')}, {known(context['truth_seeds'], 'seeds')}"
    )


def _spread(group: Configuration, note: str) -> Spread:
    values = tuple(tau for tau in group.taus.values() if tau is not None)
    empty = "" if group.tau["value"] is not None else "τ undefined"
    return Spread(group.label, values, group.tau, note, empty)


def best_first(group: Configuration) -> float:
    """Sorts configurations from the best mean to the worst; undefined last."""
    mean = group.tau["value"]
    return math.inf if mean is None else -mean
