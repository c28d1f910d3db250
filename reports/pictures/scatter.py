"""Scatter plot of one run: score against truth, as Fig. 10 of MNGNAS, with τ on a scale beside it.

The scale is vertical, between the floors below τ and the ceiling above.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.config.config import PROXY
from harness.metrics.caveats import score_words
from harness.metrics.intervals import Interval
from harness.metrics.rendering import known
from reports.pictures.label_placement import side_by_side
from reports.runs.record import Record, ceiling, fingerprint, floors, load
from reports.runs.scatter_points import ScatterPoints
from reports.style.formatting import bracketed, decimal, shorten
from reports.style.image_files import WIDTH, write
from reports.style.theme import DASHES, DIAMOND, FOUND, GREY, GRID, INK, PALE, SEQUENTIAL, STAR

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import PathCollection
    from matplotlib.figure import Figure

HEIGHT = 5.4  # inches
LINE = 0.055  # height of a line of text, as a share of the scale of τ
SCORES = {
    "accuracy": "predicted accuracy (%)",
    "loss": "minus the loss on validation images",
    "method": "as the method gives it",
}
RASTER = 3000  # dots from which the SVG holds them as pixels


def draw(folder: Path) -> Path:
    """Write ``scatter.png`` and ``scatter.svg`` into the run's ``folder``; returns the PNG's path.

    Those of this very record, where they are there, stay as they are.
    Raises :class:`UsageError` where the run is unfinished, damaged, or the folder not writable.
    """
    folder = Path(folder)
    svg, png = (folder / f"scatter{suffix}" for suffix in (".svg", ".png"))
    write(lambda: picture(load(folder)), [svg, png], fingerprint(folder))
    return png


def picture(record: Record) -> Figure:
    """The figure of one run."""
    from matplotlib.figure import Figure

    view = ScatterPoints.of(record)
    figure = Figure(figsize=(WIDTH, HEIGHT), facecolor="white")
    head, *below = titles(record)
    _write(figure, 5.16, head, fontsize=13, fontweight="bold", color=INK)
    for line, text in enumerate(below):
        _write(figure, 4.9 - 0.21 * line, text, fontsize=9.5, color=INK)
    main = _axes(figure, 0.72, 0.98, 4.72, 3.32)
    dots = _draw_dots(main, view)
    _draw_marks(main, view)
    _label_axes(main, record)
    if dots is not None:
        _draw_colours(_axes(figure, 5.56, 0.98, 0.13, 3.32), dots)
    draw_tau_scale(_axes(figure, 6.75, 0.98, 0.4, 3.32), record)
    for line, note in enumerate(view.notes()):
        _write(figure, 0.36 - 0.2 * line, note, fontsize=8.5, color=GREY)
    return figure


def titles(record: Record) -> tuple[str, str, str]:
    """What was run; how architectures were scored; what the scores are compared with."""
    options = record.get("config", "options") or {}
    arm = [f"{key} {options[key]}" for key in ("base", "kd", "qp") if options.get(key)]
    method = f"{record.get('config', 'method')}{' (' + ', '.join(arm) + ')' if arm else ''}"
    head = f"{method} on {record.get('config', 'space')}, {record.get('config', 'task')}"
    scored = (
        f"score: {score_words(record.get('scoring')).removeprefix('on the ')}, "
        f"supernet seed {record.get('config', 'seed')}{_reduced(record)}"
    )
    against = (
        f"truth: training {record.get('ground_truth', 'truth')}, "
        f"{record.get('ground_truth', 'split')} split, "
        f"{known(record.get('epochs'), 'epochs')}, {known(record.get('ground_truth', 'seeds'), 'seeds')}, {record.get('n'):,} of "
        f"{record.get('n_table'):,} architectures of the table"
    )
    return shorten(head, 78), shorten(scored, 130), shorten(against, 130)


def _reduced(record: Record) -> str:
    """How the supernet is smaller than the networks of the truth, if it is."""
    supernet = record.get("supernet") or {}
    if not supernet.get("reduced"):
        return ""
    scale, side = supernet.get("scale"), supernet.get("side")
    pixels = f", {side}x{side} pixels" if side else ""
    return f", {PROXY if scale == PROXY else 'reduced'} supernet{pixels}"


def _axes(figure: Figure, left: float, bottom: float, width: float, height: float) -> Axes:
    """Axes at a place in inches."""
    return figure.add_axes((left / WIDTH, bottom / HEIGHT, width / WIDTH, height / HEIGHT))


def _write(figure: Figure, height: float, text: str, **look: Any) -> None:
    """A line of text at the left edge, ``height`` inches up; ``$`` in names is no formula."""
    figure.text(0.2 / WIDTH, height / HEIGHT, text, va="center", parse_math=False, **look)


def _draw_dots(axes: Axes, view: ScatterPoints) -> PathCollection | None:
    """The architectures within the axes; the coloured dots, or None if params are unknown."""
    frame = view.frame
    inside = frame[~view.beyond()]
    area = float(np.clip(12_000 / len(frame), 3, 34))
    look = {"s": area, "linewidths": 0, "rasterized": len(frame) > RASTER}
    if "params" not in frame or frame["params"].isna().any():
        axes.scatter(inside["truth"], inside["score"], color=GREY, alpha=0.6, **look)
        return None
    look |= {"cmap": SEQUENTIAL, "vmin": frame["params"].min(), "vmax": frame["params"].max()}
    return axes.scatter(inside["truth"], inside["score"], c=inside["params"], alpha=0.85, **look)


def _draw_marks(axes: Axes, view: ScatterPoints) -> None:
    """The found architecture and those beyond the axes, with a legend above the axes."""
    truth, score = view.truth, view.score
    handles = []
    if view.found_truth is not None:
        label = f"found: truth {view.found_truth:.2f} %"
        label += "" if view.regret is None else f", regret {decimal(view.regret, '+.2f')}"
        x = truth.onto(view.found_truth)
        if view.found_score is None:
            label += " (not scored)"
            handles.append(axes.axvline(x, label=label, **DASHES))
        else:
            y = score.onto(view.found_score)
            handles += axes.plot(x, y, label=label, zorder=5, **STAR)
    lost = view.frame[view.beyond()]
    if len(lost):
        x, y = truth.onto(lost["truth"]), score.onto(lost["score"])
        label = f"{len(lost):,} beyond the axes"
        handles += axes.plot(x, y, label=label, zorder=3, **DIAMOND)
    axes.set(xlim=(truth.low, truth.high), ylim=(score.low, score.high))
    if handles:
        place = {"loc": "lower left", "bbox_to_anchor": (-0.02, 0.99), "ncols": 2}
        look = {"frameon": False, "fontsize": 9.5, "handletextpad": 0.4, "columnspacing": 1.5}
        axes.legend(handles=handles, labelcolor=INK, **place, **look)


def _label_axes(axes: Axes, record: Record) -> None:
    split = record.get("ground_truth", "split")
    axes.set_xlabel(
        f"truth: stand-alone accuracy on the {split} split (%)", fontsize=10.5, color=INK
    )
    by = SCORES[record.get("scoring", "by") or "accuracy"]
    axes.set_ylabel(f"score: {by}", fontsize=10.5, color=INK)
    axes.tick_params(labelsize=9.5, colors=GREY)
    axes.grid(color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(GREY)


def _draw_colours(axes: Axes, dots: PathCollection) -> None:
    """The colour bar of the parameters, in thousands or millions."""
    from matplotlib.ticker import FuncFormatter

    unit, name = (1e6, "M") if dots.norm.vmax >= 1e6 else (1e3, "k")
    bar = axes.figure.colorbar(dots, cax=axes, format=FuncFormatter(lambda v, _: f"{v / unit:g}"))
    bar.solids.set(alpha=1)
    bar.outline.set_visible(False)
    axes.tick_params(labelsize=9, colors=GREY, length=2)
    bar.set_label(f"params ({name})", fontsize=9, color=INK)


def draw_tau_scale(axes: Axes, record: Record) -> None:
    """Draw τ as a dot with its interval; floors and ceiling as lines with their labels."""
    tau = record.interval("metrics", "all", "kendall_tau")
    below, above = floors(record), ceiling(record)
    bounds = below + ([above] if above else [])
    heights = [bound.tau["value"] for bound in bounds]
    low = min([0.0, *heights, *(tau[k] for k in ("value", "low") if tau[k] is not None)]) - 0.06
    _dress(axes, low, 1.0)
    if below:
        axes.axhspan(low, max(bound.tau["value"] for bound in below), color=PALE, linewidth=0)
    if above:
        hatched = {"facecolor": "none", "edgecolor": PALE, "hatch": "////", "linewidth": 0}
        axes.axhspan(above.tau["value"], 1.0, **hatched)
    for height in heights:
        axes.axhline(height, color=GREY, linewidth=1.6)
    labels = [(b.tau["value"], f"{b.label} {decimal(b.tau['value'])}", False) for b in bounds]
    if tau["value"] is None:
        labels.append(((low + 1) / 2, "τ undefined", True))
    else:
        _draw_tau(axes, tau)
        labels.append((tau["value"], f"τ {bracketed(tau)}", True))
    _write_labels(axes, labels)


def _dress(axes: Axes, low: float, high: float) -> None:
    axes.set(xlim=(0, 1), ylim=(low, high), xticks=[])
    axes.set_title("Kendall τ", fontsize=10, color=INK, pad=8)
    axes.tick_params(axis="y", labelsize=9, colors=GREY, length=3)
    axes.spines[["top", "right", "bottom"]].set_visible(False)
    axes.spines["left"].set_color(GREY)
    small = {"fontsize": 8.5, "color": GREY, "linespacing": 1.3, "va": "top"}
    key = "bar: 95 % interval\ngrey: without a method"
    axes.text(-0.05, -0.045, key, transform=axes.transAxes, **small)


def _draw_tau(axes: Axes, tau: Interval) -> None:
    if tau["low"] is not None:
        reach = [[tau["value"] - tau["low"]], [tau["high"] - tau["value"]]]
        look = {"color": FOUND, "linewidth": 2, "capsize": 4, "capthick": 2, "zorder": 3}
        axes.errorbar(0.5, tau["value"], yerr=reach, **look)
    look = {"color": FOUND, "markersize": 7.5, "markeredgecolor": "white", "zorder": 4}
    axes.plot(0.5, tau["value"], "o", **look)


def _write_labels(axes: Axes, labels: list[tuple[float, str, bool]]) -> None:
    """Words to the right of the scale, each tied to its value; the run's own in colour."""
    low, high = axes.get_ylim()
    gap = LINE * (high - low)
    heights = side_by_side([value for value, _, _ in labels], [gap] * len(labels), low, high)
    for (value, text, is_own), height in zip(labels, heights, strict=True):
        colour, weight = (FOUND, "bold") if is_own else (INK, "normal")
        line = {"color": FOUND if is_own else GREY, "linewidth": 0.8, "clip_on": False}
        axes.plot([0.75 if is_own else 1, 1.25], [value, height], **line)
        axes.text(1.35, height, text, va="center", fontsize=9.5, color=colour, fontweight=weight)
