"""What a table holds: size, spread, ceiling and floors; of one, or of many side by side."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import Any

import numpy as np

from harness.files.counts import counted
from harness.metrics.intervals import Interval
from harness.metrics.rendering import render_references
from harness.metrics.scored import references
from harness.tabular.locate import Listed
from harness.tabular.table import Table, TableMeta
from searchspaces.base import SearchSpace


def describe_table(table: Table, space: SearchSpace | None) -> dict[str, Any]:
    """Size, accuracies as measured, best architectures, ceiling and floors.

    ``test_percent`` has percentiles over the architectures that join input to output, and the best
    of all; ``best`` is that architecture. ``maxima`` has, for each split and number of epochs
    (``test.200``) the table's best mean and whose it is. Floors and ceiling are of all.
    """
    valid = _valid(table, space)
    result = references(table, "test")
    means = {
        name.removesuffix(".mean"): values
        for name, values in table.accuracies.items()
        if name.endswith(".mean") and ":" not in name and np.isfinite(values).all()
    }
    best = {name: int(values.argmax()) for name, values in means.items()}
    return {
        "table": table.meta.name,
        "truth": table.meta.truth,
        "truths": table.meta.truths,
        "architectures": len(table),
        "connected": int(valid.sum()),
        "seeds": {split: len(table.seeds(split)) for split in ("val", "test")},
        "test_percent": _spread(table.accuracy("test"), valid),
        "best": table.archs[int(table.accuracy("test").argmax())],
        "maxima": {
            name: {"percent": float(means[name][row]), "arch": table.archs[row], "row": row}
            for name, row in best.items()
        },
        "floors": result["floors"],
        "ceiling": result["ceiling"],
    }


def _valid(table: Table, space: SearchSpace | None) -> np.ndarray:
    """Which architectures join input to output, bool ``[rows]``; all, of a space without networks."""
    if space is None:
        return np.ones(len(table), dtype=bool)
    return np.array([space.is_valid(space.decode(arch)) for arch in table.archs])


def _spread(percent: np.ndarray, valid: np.ndarray) -> dict[str, float]:
    """Percentiles of the ``valid`` architectures, and the best of all."""
    low, median, high = np.percentile(percent[valid], [5, 50, 95])
    return {"p5": low, "median": median, "p95": high, "best": float(percent.max())}


def measure(table: Table, space: SearchSpace) -> dict[str, Any]:
    """:func:`describe_table` in plain rounded numbers, None where there are too few trainings.

    Accuracies are at the resolution of one image.
    """
    found = describe_table(table, space)
    valid = _valid(table, space)
    found["test_percent"] = _spread(table.truth("test"), valid)
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
    epochs_known = meta["training"].get("epochs_known", True)
    lines = [
        f"{description['table']}: {description['architectures']:,} architectures "
        f"({description['connected']:,} join input to output), "
        f"{counted(description['seeds']['test'], 'test seeds')}, "
        + (counted(meta["epochs"], "epochs") if epochs_known else "epochs not known"),
        f"test accuracy  5 % {spread['p5']:.2f}   median {spread['median']:.2f}   "
        f"95 % {spread['p95']:.2f}   of the {description['connected']:,} that join input to output",
        f"               {_trainings(description)}",
        *_maxima(description),
        render_references(description["floors"], description["ceiling"]),
        f"               floors and ceiling are of all {description['architectures']:,}",
        f"source         {meta['source']} ({meta['version']}, {meta['licence']})",
        *([f"authors        {meta['authors']}"] if meta["authors"] else []),
        f"made by        {meta['created_by']}",
    ]
    for kind in ("CPU", "GPU"):
        if taken := meta["measured"].get(f"{kind.lower()}_seconds"):
            lines.append(f"training        {taken} {kind}-seconds each")
    return "\n".join(lines + ([f"notes          {meta['notes']}"] if meta["notes"] else []))


def _trainings(description: dict[str, Any]) -> str:
    """Which training the test accuracies are of, and which others ``--truth`` can choose."""
    truth, truths = description["truth"], description["truths"]
    images = f", on {truths[truth]:,} images" if truths[truth] else ""
    others = ", ".join(
        f"--truth {name} ({n:,} images)" for name, n in truths.items() if name != truth
    )
    return f"of the training {truth}{images}" + (f"; there is also {others}" if others else "")


def _maxima(description: dict[str, Any]) -> list[str]:
    """The best mean of each split and number of epochs among all architectures."""
    names = {"train": "training", "val": "validation", "test": "test"}
    lines = []
    for column, best in description["maxima"].items():
        split, epochs = column.split(".")
        what = f"{names[split]} {best['percent']:.4f} after {counted(int(epochs), 'epochs')}"
        lines.append(f"best of all    {what}: row {best['row']}, {best['arch']}")
    return lines


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
