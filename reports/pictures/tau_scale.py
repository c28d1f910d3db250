"""The τ of a run on a vertical scale, between the floors below it and the ceiling above."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.metrics.intervals import Interval
from reports.pictures.placing import side_by_side
from reports.runs.record import Record, ceiling, floors
from reports.style.looks import FOUND, GREY, INK, PALE
from reports.style.words import bracketed, decimal

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LINE = 0.055  # height of a line of text, as a share of the axis


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
