"""Any-time τ on the page: what its script draws of the runs that were watched."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from reports.pictures.anytime_tau import Panel, key, looks_of, path, reach
from reports.runs.anytime import SPENT, watched
from reports.runs.configuration import Configuration
from reports.runs.record import Record
from reports.style.theme import LOOKS, Look
from reports.text.escaping import HTML
from searchspaces.errors import UsageError

UNITS = {"compute": 1e6}  # of what is spent, where it is not 1
PALER = 0.45  # share of white in colours on a dark background


def readable(groups: Iterable[Sequence[Configuration]]) -> list[list[Configuration]]:
    """``groups`` without the runs of which what was watched cannot be read."""
    kept = []
    for members in groups:
        whole = [
            replace(
                group, runs={seed: run for seed, run in group.runs.items() if _is_readable(run)}
            )
            for group in members
        ]
        kept.append([group for group in whole if group.runs])
    return kept


def _is_readable(run: Record) -> bool:
    try:
        watched([Configuration("", {0: run})])
    except UsageError:
        return False
    return True


def drawn(panels: Sequence[Panel]) -> list[dict[str, Any]]:
    """Each panel as plain values: its curves over either of what is spent, floors and ceiling."""
    return [_panel(f"anytime-{number}", panel) for number, panel in enumerate(panels)]


def section(panels: Sequence[Panel]) -> str:
    """Where the script draws them; empty where no run was watched."""
    if not panels:
        return ""
    hosts = "\n".join(
        f'<section class="context"><p>{HTML.escape(" ".join(panel.words))}</p>\n'
        f'<div class="panels wide" id="anytime-{number}"></div></section>'
        for number, panel in enumerate(panels)
    )
    return f'<h2>Any-time τ</h2>\n<p class="key">{HTML.escape(key(panels))}</p>\n{hosts}'


def styles() -> str:
    """Colours of curves, as in the picture, and paler ones that stand out from a dark background."""
    from matplotlib.colors import to_hex, to_rgb

    def paler(colour: str) -> str:
        return to_hex([part + (1 - part) * PALER for part in to_rgb(colour)])

    rules = [
        "\n".join(f".look{k} {{ --look: {paint(look.colour)}; }}" for k, look in enumerate(LOOKS))
        for paint in (to_hex, paler)
    ]
    return f"{rules[0]}\n@media (prefers-color-scheme: dark) {{ {rules[1]} }}\n"


def _panel(host: str, panel: Panel) -> dict[str, Any]:
    curves = panel.sample.curves
    low, high = panel.limits
    bounds = [{"name": bound.label, "tau": bound.tau["value"]} for bound in panel.bounds]
    return {
        "host": host,
        "y": {"low": low, "high": high, "title": "Kendall τ"},
        "curves": [
            {"name": curve.name, "look": k % len(LOOKS), "dashes": _dashes(look)}
            | dict(
                zip(("tau", "least", "most"), map(_short, path(curve, "compute")[1:]), strict=True)
            )
            for k, (curve, look) in enumerate(zip(curves, looks_of(curves), strict=True))
        ],
        "bounds": bounds,
        "panels": [_over(column, title, panel) for column, title in SPENT.items()],
    }


def _over(column: str, title: str, panel: Panel) -> dict[str, Any]:
    paths, unit = [path(curve, column) for curve in panel.sample.curves], UNITS.get(column, 1)
    low, high, logarithmic = reach(paths)
    axis = {"low": low / unit, "high": high / unit, "title": title, "log": logarithmic}
    return {"x": axis, "spent": [_short(x / unit) for x, *_ in paths]}


def _short(values: Sequence[float]) -> list[float]:
    return [float(f"{value:.6g}") for value in values]


def _dashes(look: Look) -> str:
    """In pixels, of a line that is almost two wide."""
    return "" if look.dashes == "-" else " ".join(f"{1.8 * part:g}" for part in look.dashes[1])
