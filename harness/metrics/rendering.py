"""Metrics, floors and ceiling as plain text for a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Any

from harness.files.counts import counted
from harness.metrics.ceiling import Ceiling
from harness.metrics.evaluate import Metrics
from harness.metrics.floors import RANDOM, best_floor, floor_label, is_itself
from harness.metrics.intervals import RANGES, Interval
from harness.metrics.metrics import METRICS

if TYPE_CHECKING:
    from rich.table import Table as Grid

WIDTH = 100
SUBSETS = {"all": "all", "unique": "unique", "top10": "best 10 %"}


def render(result: Mapping[str, Any]) -> str:
    """The result of :func:`evaluate_scores` as plain text for a terminal."""
    title = (
        f"{result['n']:,} of {result['n_table']:,} architectures of {result['space']} against "
        f"{result['task']} {result['split']} accuracy"
        + (f" after {counted(result['epochs'], 'epochs')}" if result["epochs"] else "")
        + _training(result)
    )
    grids = [_metrics_table(result["metrics"])]
    grids += [_protocols_table(result["protocols"])] if result.get("protocols") else []
    grids.append(_reference_table(result["floors"], result["ceiling"], result.get("over_floors")))
    return _text(title, *grids, *(f"note  {note}" for note in result["notes"]))


def headline(result: Mapping[str, Any]) -> str:
    """τ, whether it beats the best floor, and the ceiling, in one line.

    Of a scorer's run that is the best floor itself, without a comparison.
    """
    tau: Interval = result["metrics"]["all"]["kendall_tau"]
    if tau["value"] is None:
        return "τ is undefined"
    parts = [f"τ {_bounded(tau, '')}"]
    name = best_floor(result["floors"])
    if name and is_itself(name, result.get("config", {}).get("method", "")):
        parts.append("itself the best floor")
    elif name:
        floor: float = result["floors"][name]["value"]
        over = (result.get("over_floors") or {}).get(name)
        over = over or Interval(value=tau["value"] - floor, low=None, high=None, n=tau["n"])
        parts.append(
            f"{_verdict(over)} the best floor, {_named(name)} ({floor:.3f}): {_bounded(over, '+')}"
        )
    ceilings = (result["ceiling"].get(kind) for kind in ("seed_mean", "validation", "single_seed"))
    known_ones = [found["value"] for found in ceilings if found and found["value"] is not None]
    return "; ".join([*parts, *(f"ceiling {value:.3f}" for value in known_ones[:1])])


def _named(floor: str) -> str:
    """A floor within a sentence."""
    proxy = floor.removeprefix("proxy-")
    return floor_label(floor) if proxy == floor else f"the proxy {proxy}"


def _verdict(over: Interval) -> str:
    """By the interval of a paired difference where there is one, else by its value."""
    value, low, high = (over[key] or 0.0 for key in ("value", "low", "high"))
    if low > 0:
        return "beats"
    if high < 0:
        return "is worse than"
    return "is not shown to beat" if value > 0 else "does not beat"


def _bounded(interval: Interval, sign: str) -> str:
    form = f"{sign}.3f"
    value, low, high = (interval[key] for key in ("value", "low", "high"))
    bounds = "" if low is None or high is None else f" [{low:{form}}, {high:{form}}]"
    return f"{value or 0.0:{form}}{bounds}"


def known(number: int | None, what: str) -> str:
    """``200 epochs``, ``1 epoch``; ``epochs not known`` where a table does not tell."""
    return counted(number, what) if number else f"{what} not known"


def _training(result: Mapping[str, Any]) -> str:
    """Which training accuracies are of; nothing where only the task's own is known."""
    if not result["truth_images"]:
        return ""
    return f", training {result['truth']} ({result['truth_images']:,} images)"


def render_transfer(result: Mapping[str, Any]) -> str:
    """The result of :func:`harness.metrics.transfer.evaluate_transfer` as plain text."""
    tasks = result["tasks"]
    rows: dict[str, list[Interval | None]] = {}
    for subset, title in SUBSETS.items():
        taus = [one["metrics"][subset]["kendall_tau"] for one in tasks.values()]
        if any(tau["n"] > 1 for tau in taus):
            rows[title] = taus
    for name in dict.fromkeys(name for one in tasks.values() for name in one["floors"]):
        rows[f"floor: {_floor(name)}"] = [one["floors"].get(name) for one in tasks.values()]
    for task, others in result["between"].items():
        rows[f"truth of {task}"] = [others.get(other) for other in tasks]
    grid = _grid("Kendall τ-b [95 %]", (interval for row in rows.values() for interval in row))
    for task in tasks:
        grid.add_column(task, justify="right")
    decimals = METRICS["kendall_tau"].decimals
    for label, row in rows.items():
        grid.add_row(label, *(i and _cell(i, decimals) or "" for i in row))
    of = "; ".join(
        f"{task}{_training(one)}, {known(one['epochs'], 'epochs')}" for task, one in tasks.items()
    )
    title = f"{result['n']:,} architectures of {result['space']} against {result['split']} accuracy"
    notes = (f"note  {note}" for note in result["notes"])
    return _text(title, of, grid, *notes, width=max(WIDTH, 30 + 26 * len(tasks)))


def render_references(floors: Mapping[str, Interval], ceiling: Ceiling) -> str:
    """Floors and ceiling as plain text for a terminal."""
    return _text(_reference_table(floors, ceiling))


def _metrics_table(metrics: Metrics) -> Grid:
    """A rich table: a row per metric, a column per subset of several, value [low, high]."""
    several = {name: own for name, own in metrics.items() if own["kendall_tau"]["n"] > 1}
    grid = _grid("metric [95 %] (range)", (i for own in several.values() for i in own.values()))
    for subset, own in several.items():
        grid.add_column(f"{SUBSETS[subset]} ({own['kendall_tau']['n']:,})", justify="right")
    for name, metric in METRICS.items():
        brackets = "()" if name in RANGES else "[]"
        intervals = [own[name] for own in several.values()]
        label = f"{metric.label} [≥ 95 %]" if metric.kind == "share" else metric.label
        cells = (_cell(interval, metric.decimals, brackets) for interval in intervals)
        grid.add_row(_where_bounded(label, intervals), *cells)
    return grid


def _protocols_table(protocols: Mapping[str, Any]) -> Grid:
    """A rich table: a row per protocol, its correlations and the floors on the same architectures."""
    names = ("kendall_tau", "weighted_tau")
    decimals = METRICS["kendall_tau"].decimals
    grid = _grid(
        "protocol [95 %]", (own["metrics"][name] for own in protocols.values() for name in names)
    )
    for label in (*(METRICS[name].label for name in names), "τ-b of parameters"):
        grid.add_column(label, justify="right")
    for protocol, found in protocols.items():
        cells = [_cell(found["metrics"][name], METRICS[name].decimals) for name in names]
        floor = found["floors"].get("params")
        known = floor is not None and floor["value"] is not None
        cells.append(_cell(floor, decimals) if known else "unknown")
        grid.add_row(f"{protocol} ({found['n']:,})", *cells)
    return grid


def _reference_table(
    floors: Mapping[str, Interval], ceiling: Ceiling, over: Mapping[str, Interval] | None = None
) -> Grid:
    """A rich table of the floors and of the ceilings that are known, and of how far over each."""
    decimals = METRICS["kendall_tau"].decimals
    ceilings = {
        "one seed against another": ceiling["single_seed"],
        "mean of the seeds, repeated": ceiling["seed_mean"],
        "validation against test": ceiling["validation"],
    }
    grid = _grid("Kendall τ-b [95 %]", (*floors.values(), *ceilings.values()))
    grid.add_column("all", justify="right")
    if over:
        grid.add_column("τ of the scores less it", justify="right")
    best = best_floor(floors)
    for name, floor in floors.items():
        what = "best floor" if name == best else "floor"
        more = [_cell(over[name], decimals)] if over and name in over else []
        grid.add_row(f"{what}: {_floor(name)}", _cell(floor, decimals), *more)
    for label, interval in ceilings.items():
        if interval is not None:
            grid.add_row(f"ceiling: {label}", _cell(interval, decimals))
    if not any(ceilings.values()):
        grid.add_row("ceiling", "unknown")
    return grid


def _floor(name: str) -> str:
    return "random order" if name == RANDOM else floor_label(name)


def _grid(first: str, intervals: Iterable[Interval | None]) -> Grid:
    """A rich table of ``intervals``; ``first`` heads what they are of."""
    from rich import box
    from rich.table import Table as Grid

    grid = Grid(box=box.SIMPLE_HEAD)
    grid.add_column(_where_bounded(first, intervals))
    return grid


def _where_bounded(title: str, intervals: Iterable[Interval | None]) -> str:
    """``title``, without what it says of intervals in brackets where there are none."""
    there = any(interval is not None and interval["low"] is not None for interval in intervals)
    return title if there else title.partition(" [")[0]


def _text(*parts: Any, width: int = WIDTH) -> str:
    """``parts`` below one another, no wider than ``width`` and the terminal, if they are for one."""
    from rich.console import Console

    if sys.stdout.isatty():
        width = min(width, get_terminal_size().columns)
    console = Console(width=width, color_system=None, highlight=False, markup=False)
    with console.capture() as captured:
        for part in parts:
            console.print(part)
    return captured.get().rstrip()


def _cell(interval: Interval, decimals: int, brackets: str = "[]") -> str:
    """The value with its interval in square brackets, a range in round ones."""
    if interval["value"] is None:
        return "undefined"
    value = f"{interval['value']:,.{decimals}f}"
    if interval["low"] is None:
        return value
    low, high = (f"{interval[key]:,.{min(decimals, 3)}f}" for key in ("low", "high"))
    return f"{value} {brackets[0]}{low}, {high}{brackets[1]}"
