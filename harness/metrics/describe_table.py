"""What a table holds: size, spread, ceiling and floors; of one, or of many side by side."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import Any

import numpy as np

from harness.metrics.evaluate import references
from harness.metrics.intervals import Interval
from harness.metrics.rendering import render_references
from harness.tabular.locate import Listed
from harness.tabular.table import Table, TableMeta
from searchspaces.base import SearchSpace


def describe_table(table: Table, space: SearchSpace) -> dict[str, Any]:
    """Size, accuracy percentiles of the test split, best architecture, ceiling and floors."""
    truth = table.truth("test")
    valid = np.array([space.is_valid(space.decode(arch)) for arch in table.archs])
    result = references(table, "test")
    low, median, high = np.percentile(truth[valid], [5, 50, 95])
    return {
        "table": table.meta.name,
        "architectures": len(table),
        "connected": int(valid.sum()),
        "seeds": {split: len(table.seeds(split)) for split in ("val", "test")},
        "test_percent": {"p5": low, "median": median, "p95": high, "best": float(truth.max())},
        "best": table.archs[int(truth.argmax())],
        "floors": result["floors"],
        "ceiling": result["ceiling"],
    }


def measure(table: Table, space: SearchSpace) -> dict[str, Any]:
    """:func:`describe_table` in plain rounded numbers, None where there are too few trainings."""
    found = describe_table(table, space)
    ceilings = ((name, found["ceiling"][name]) for name in ("single_seed", "seed_mean"))
    return {
        "test_percent": {name: round(float(v), 3) for name, v in found["test_percent"].items()},
        "floors": {name: _plain(found["floors"][name]) for name in ("params", "flops")},
        "ceiling": {name: _plain(value) for name, value in ceilings},
    }


def _plain(interval: Interval | None) -> float | None:
    value = None if interval is None else interval["value"]
    return None if value is None or not isfinite(value) else round(float(value), 4)


def render_description(description: dict[str, Any]) -> str:
    """Plain text for a terminal."""
    meta, spread = description["meta"], description["test_percent"]
    lines = [
        f"{description['table']}: {description['architectures']:,} architectures "
        f"({description['connected']:,} join input to output), "
        f"{description['seeds']['test']} test seeds, {meta['epochs']} epochs",
        f"test accuracy  5 % {spread['p5']:.2f}   median {spread['median']:.2f}   "
        f"95 % {spread['p95']:.2f}   best {spread['best']:.2f}",
        f"best           {description['best']}",
        render_references(description["floors"], description["ceiling"]),
        f"source         {meta['source']} ({meta['version']}, {meta['licence']})",
        f"made by        {meta['created_by']}",
    ]
    if meta["measured"].get("cpu_seconds"):
        lines.append(f"training        {meta['measured']['cpu_seconds']} CPU-seconds each")
    return "\n".join(lines + ([f"notes          {meta['notes']}"] if meta["notes"] else []))


_HEAD = (
    "| table | architectures × seeds | ceiling: seed means (one seed) | floor: params | floor: FLOPs "
    "| test accuracy, %: 5th, 50th, 95th percentile, best | CPU-seconds a training |\n"
    "|:--|--:|--:|--:|--:|--:|--:|"
)


def overview(tables: Sequence[Listed]) -> str:
    """A Markdown table with a row for each of ``tables`` whose builders measured something."""
    rows = [_row(table, table.meta) for table in tables if table.meta and table.meta.measured]
    return "\n".join([_HEAD, *rows])


def _row(table: Listed, meta: TableMeta) -> str:
    measured = meta.measured
    ceiling, floor, spread = (measured[k] for k in ("ceiling", "floors", "test_percent"))
    seeds = meta.created_by.split("--seeds ")[1].split()[0]
    cells = (
        f"`{table.name}`",
        f"{table.rows} × {seeds}",
        f"{_three(ceiling['seed_mean'])} ({_three(ceiling['single_seed'])})",
        _three(floor["params"]),
        _three(floor["flops"]),
        ", ".join(f"{spread[name]:.1f}" for name in ("p5", "median", "p95", "best")),
        str(measured.get("cpu_seconds", "–")),
    )
    return f"| {' | '.join(cells)} |"


def _three(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
