"""Simulated searches as plain text for a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.files.counts import counted
from harness.simulation.searches import Row


def render(result: Mapping[str, Any]) -> str:
    """The result of :func:`compare_searches` as plain text for a terminal."""
    seen = {"val": "validation", "test": "TEST"}[result["selection_split"]]
    epochs = result["signal"].partition(".")[2]
    if int(epochs) != result["epochs"]:
        seen += f" ({counted(int(epochs), 'epochs')})"
    titles = {
        "selection": f"{seen} accuracy of the incumbent, by which it was selected",
        "test": "test accuracy of the incumbent",
        "regret": f"regret: points behind the best test accuracy, {result['best_test']:.2f}",
    }
    lines = [
        f"{result['n_candidates']:,} architectures of {result['space']} on {result['task']}, "
        f"{counted(result['epochs'], 'epochs')}; mean ± sd over "
        f"{counted(result['repeats'], 'repeats')}, "
        f"seed {result['seed']}"
    ]
    for measure, title in titles.items():
        lines += ["", title, *_grid(result["curves"], measure)]
    if result["published"]:
        lines += ["", "test accuracy found, and published", *_published(result)]
    lines += ["", *(f"note  {note}" for note in result["notes"])]
    for name, rows in result["curves"].items():
        last = rows[-1]
        lines.append(
            f"{name}: test {_cell(last, 'test')}, regret {last['regret']:.2f} after {_effort(last)}"
            + (", selected by TEST accuracy" if result["selection_split"] == "test" else "")
        )
    return "\n".join(lines)


def _effort(row: Row) -> str:
    if "seconds" not in row:
        return f"{row['queries']:,} queries"
    return f"{row['seconds']:,g} seconds, {row['queries']:.1f} queries on average"


def _published(result: Mapping[str, Any]) -> list[str]:
    lines = [f"{'':<12}{'simulated':>18}{'published':>18}"]
    for name, printed in result["published"]["searches"].items():
        ours = _cell(result["curves"][name][-1], "test")
        lines.append(f"{name:<12}{ours:>18}{_cell(printed, 'test'):>18}")
    return lines


def _grid(curves: Mapping[str, list[Row]], measure: str) -> list[str]:
    place = "seconds" if "seconds" in next(iter(curves.values()))[0] else "queries"
    widths = [max(18, len(name) + 2) for name in curves]
    heads = zip(curves, widths, strict=True)
    lines = [place + "".join(f"{name:>{width}}" for name, width in heads)]
    for rows in zip(*curves.values(), strict=True):
        cells = zip(rows, widths, strict=True)
        cells = "".join(f"{_cell(row, measure):>{width}}" for row, width in cells)
        lines.append(f"{rows[0][place]:>7,.0f}{cells}")
    return lines


def _cell(row: Row, measure: str) -> str:
    deviation = row[f"{measure}_sd"]
    return f"{row[measure]:.2f}" + ("" if deviation is None else f" ± {deviation:.2f}")
