"""What builders measured about their tables, side by side."""

from __future__ import annotations

from collections.abc import Sequence

from harness.tabular.locate import Listed

_HEAD = (
    "| table | architectures × seeds | ceiling: seed means (one seed) | floor: params | floor: FLOPs "
    "| test accuracy, %: 5th, 50th, 95th percentile, best | CPU-seconds a training |\n"
    "|:--|--:|--:|--:|--:|--:|--:|"
)


def markdown(tables: Sequence[Listed]) -> str:
    """A table with a row for each of ``tables``, which must have measurements."""
    return "\n".join([_HEAD, *map(_row, tables)])


def _row(table: Listed) -> str:
    measured = table.meta.measured
    ceiling, floor, spread = (measured[k] for k in ("ceiling", "floors", "test_percent"))
    seeds = table.meta.created_by.split("--seeds ")[1].split()[0]
    cells = (
        f"`{table.name}`",
        f"{table.rows} × {seeds}",
        f"{_tau(ceiling['seed_mean'])} ({_tau(ceiling['single_seed'])})",
        _tau(floor["params"]),
        _tau(floor["flops"]),
        ", ".join(f"{spread[name]:.1f}" for name in ("p5", "median", "p95", "best")),
        str(measured.get("cpu_seconds", "–")),
    )
    return f"| {' | '.join(cells)} |"


def _tau(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
