"""The third picture of ``nas-harness compare``: τ over what was spent, while methods trained."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.metrics.floors import RANDOM
from reports.pictures.captioned_figure import LINE as WORDS
from reports.pictures.captioned_figure import MARGIN, ROOM, CaptionedFigure, stacked
from reports.pictures.label_placement import side_by_side
from reports.pictures.tau_of_seeds import context_words
from reports.runs.anytime import SPENT, Curve, Watched, watched
from reports.runs.configuration import Configuration, configurations, contexts
from reports.runs.record import Bound, Record
from reports.style.formatting import bracketed, decimal, wrapped
from reports.style.image_files import WIDTH, write_all
from reports.style.theme import GREY, GRID, INK, LOOKS, MARK, SMALL, Look

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LEFT, NAMES = MARGIN + 0.5, 2.45  # inches: beside the axes
SPAN = WIDTH - LEFT - NAMES - 0.3 - MARGIN
TALL, AXIS, GAP = 2.7, 0.62, 0.35  # inches: of axes at least, below them, between contexts
LINE, SPACE = 0.165, 0.05  # inches: line of a name, between names
APART = 6.0  # from how many times as far curves reach as others the axis is logarithmic
TIE = (0.06, 0.26)  # inches from the axes: where the tie to a name bends, where the name begins
KEY = (
    "Kendall τ on a sample that is the same for all, of what a method would score if its training "
    "ended there; the last point of one that then searches and retrains is of its final scores. "
)
OVER_SEEDS = (
    "Lines: means over seeds; bands: from the lowest seed to the highest. Brackets: 95 % intervals "
    "over seeds and architectures; the architectures are the same for all. "
)
OF_ONE_SEED = "Lines: one seed each. Brackets: 95 % intervals over architectures, which are the same for all. "
BOUNDS = "Grey: floors and ceiling on this sample."


def draw(records: Iterable[Record], stem: Path | str) -> list[Path]:
    """Write the picture as ``stem`` .png, .pdf and .svg; returns their paths.

    A panel for each context and sample that runs were watched on; nothing where there is none.
    Raises :class:`UsageError` for repeated runs, for a history that cannot be read, and where the
    files cannot be written.
    """
    panels = panels_of(contexts(configurations(records)))
    return write_all(lambda: picture(panels), stem) if panels else []


def panels_of(groups: Iterable[Sequence[Configuration]]) -> list[Panel]:
    """A panel for each sample of each context."""
    return [Panel(members, sample) for members in groups for sample in watched(members)]


def picture(panels: Sequence[Panel]) -> Figure:
    """The figure of ``panels``, of which there is one or more."""
    return stacked("Any-time Kendall τ", panels, GAP, [key(panels)])


def key(panels: Sequence[Panel]) -> str:
    """What lines and brackets are, of one seed or of several."""
    several = any(curve.seeds > 1 for panel in panels for curve in panel.sample.curves)
    return f"{KEY}{OVER_SEEDS if several else OF_ONE_SEED}{BOUNDS}"


def looks_of(curves: Sequence[Curve]) -> list[Look]:
    """One for each, all different: beyond the first few, known colours with other dashes."""
    number = len(LOOKS)
    pairs = ((LOOKS[k % number], LOOKS[(k + k // number) % number]) for k in range(len(curves)))
    return [one._replace(dashes=other.dashes) for one, other in pairs]


class Panel:
    """The curves of one context over compute, and again over seconds, one above the other."""

    def __init__(self, groups: Sequence[Configuration], sample: Watched) -> None:
        words = f"{context_words(groups)}; τ on a sample of {sample.n}"
        self.words = wrapped(words, ROOM)
        self.sample, self.looks = sample, looks_of(sample.curves)
        self.names = [_name(curve) for curve in sample.curves]
        self.bounds = _bounds(sample)
        self.limits = _limits(sample)
        self.bound_names = [f"{bound.label} {decimal(bound.tau['value'])}" for bound in self.bounds]
        needed = sum(map(_room, [*self.names, *([name] for name in self.bound_names)]))
        self.tall = max(TALL, needed)
        self.height = WORDS * len(self.words) + len(SPENT) * (self.tall + AXIS) + 0.15

    def draw(self, sheet: CaptionedFigure, bottom: float) -> None:
        for number, (column, title) in enumerate(reversed(SPENT.items())):
            foot = bottom + AXIS + number * (self.tall + AXIS)
            axes = sheet.axes(LEFT, foot, SPAN, self.tall)
            axes.set_xlabel(title, fontsize=SMALL, color=INK)
            axes.set_ylabel("Kendall τ", fontsize=SMALL, color=INK)
            axes.grid(axis="y", color=GRID, linewidth=0.8)
            axes.set_ylim(*self.limits)
            self._draw_curves(axes, column)

    def _draw_curves(self, axes: Axes, column: str) -> None:
        paths = [path(curve, column) for curve in self.sample.curves]
        low, high, logarithmic = reach(paths)
        axes.set_xscale("log" if logarithmic else "linear")
        axes.set_xlim(low, high)
        _number_axis(axes, 1e6 if column == "compute" else 1)
        for bound in self.bounds:
            axes.axhline(bound.tau["value"], color=GREY, linewidth=1.1, zorder=1)
        ends, heights = [float(x[-1]) for x, *_ in paths], []
        for (x, tau, least, most), look in zip(paths, self.looks, strict=True):
            axes.fill_between(x, least, most, color=look.colour, alpha=0.13, linewidth=0)
            line = {"color": look.colour, "linewidth": 1.7, "linestyle": look.dashes}
            axes.plot(x, tau, solid_capstyle="round", zorder=3, **line)
            axes.plot(x[-1], tau[-1], look.mark, color=look.colour, zorder=4, **MARK)
            heights.append(float(tau[-1]))
        self._write_names(axes, ends, heights)

    def _write_names(self, axes: Axes, ends: Sequence[float], heights: Sequence[float]) -> None:
        """Beside the axes, each tied to where its curve or line ends."""
        low, high = self.limits
        scale = self.tall / (high - low)
        taus = [*heights, *(bound.tau["value"] for bound in self.bounds)]
        texts = [*self.names, *([name] for name in self.bound_names)]
        paints = [*(look.colour for look in self.looks), *[GREY] * len(self.bounds)]
        wanted = (np.array(taus) - low) * scale
        placed = side_by_side(wanted, [*map(_room, texts)], -0.1, self.tall + 0.1)
        places = placed / scale + low
        look: dict[str, Any] = {"va": "center", "fontsize": SMALL, "parse_math": False}
        look["transform"] = axes.get_yaxis_transform()
        bend, begin = (1 + part / SPAN for part in TIE)
        tie = {"linewidth": 0.8, "clip_on": False, "transform": look["transform"]}
        for tau, place, lines, paint in zip(taus, places, texts, paints, strict=True):
            axes.plot([1, bend, begin - 0.04 / SPAN], [tau, tau, place], color=paint, **tie)
            for number, line in enumerate(lines):
                level = place + LINE / scale * ((len(lines) - 1) / 2 - number)
                axes.text(begin, level, line, color=paint, **look)
        for end, tau, paint in zip(ends, heights, paints, strict=False):
            dots = {"linewidth": 0.8, "linestyle": (0, (1, 2)), "zorder": 2}
            axes.plot([end, axes.get_xlim()[1]], [tau, tau], color=paint, **dots)


def _name(curve: Curve) -> list[str]:
    """The method, what tells it apart, and its last τ, in lines."""
    last = [point.tau for point in curve.points if point.tau["value"] is not None]
    return wrapped(f"{curve.name} {bracketed(last[-1])}", NAMES)


def path(curve: Curve, column: str) -> tuple[np.ndarray, ...]:
    """What was spent, τ, and the least and most of the seeds, ``[points]``, where τ is defined."""
    known = [p for p in curve.points if p.tau["value"] is not None]
    columns = zip(*((p.spent[column], p.tau["value"], p.least, p.most) for p in known), strict=True)
    return tuple(np.array(values, float) for values in columns)


def _room(lines: Sequence[str]) -> float:
    return LINE * len(lines) + SPACE


def _bounds(sample: Watched) -> list[Bound]:
    """Floors and ceiling; that random orders have zero need not be drawn."""
    bounds = sample.floors + ([sample.ceiling] if sample.ceiling else [])
    return [bound for bound in bounds if bound.name != RANDOM]


def reach(paths: Sequence[tuple[np.ndarray, ...]]) -> tuple[float, float, bool]:
    """The ends of an axis for all of ``paths``, and whether it is logarithmic."""
    firsts, lasts = ([float(x[place]) for x, *_ in paths] for place in (0, -1))
    if max(lasts) > APART * min(lasts):
        return min(firsts) / 1.15, 1.15 * max(lasts), True
    return 0.0, 1.02 * max(lasts), False


def _limits(sample: Watched) -> tuple[float, float]:
    """From the lowest to the highest of curves, floors and ceiling."""
    ends = [bound.tau["value"] for bound in _bounds(sample)]
    for curve in sample.curves:
        ends += [end for point in curve.points for end in (point.least, point.most)]
    known = [end for end in ends if end is not None]
    margin = 0.05 * (max(known) - min(known)) or 0.05
    return min(known) - margin, max(known) + margin


def _number_axis(axes: Axes, unit: float) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    if axes.get_xscale() == "log":
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_minor_formatter(NullFormatter())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value / unit:,g}"))
