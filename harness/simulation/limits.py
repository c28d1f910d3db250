"""Which architectures of a table a search may find."""

from __future__ import annotations

import math

import numpy as np

from harness.tabular.table import Table
from methods.options import SearchLimits
from searchspaces.errors import UsageError


def within(table: Table, limits: SearchLimits) -> np.ndarray | None:
    """Which rows are within the limits, bool ``[rows]``; None without any.

    Raises :class:`UsageError` for a cost that the table does not know, and where fewer than two
    rows are, with the ranges of what is limited.
    """
    if bool(limits.cost) != bool(limits.max_cost or limits.min_cost):
        raise UsageError(
            "--cost names what --max-cost and --min-cost limit: give it with one of them."
        )
    bounds = (
        ("madds", " million", 1e6, limits.min_madds, limits.max_madds),
        ("params", " million", 1e6, limits.min_params, limits.max_params),
        (limits.cost, "", 1.0, limits.min_cost, limits.max_cost),
    )
    inside, ranges = None, []
    for name, millions, unit, low, high in bounds:
        if not (low or high):
            continue
        if name in ("madds", "params") and getattr(table, name) is None:
            raise UsageError(
                f"the table {table.meta.name} does not know {name}; leave their limits out, such as "
                f"--max-{name}."
            )
        known = table.cost(name) / unit
        kept = (known >= low) & (known <= (high or math.inf))
        inside = kept if inside is None else inside & kept
        ranges.append(f"{name} from {np.nanmin(known):.4g} to {np.nanmax(known):.4g}{millions}")
    if inside is not None and inside.sum() < 2:
        raise UsageError(
            f"{inside.sum()} of the {len(table):,} architectures of the table have "
            f"{limits.described()}, and a search needs two; widen the limits, such as --max-madds: the "
            f"table has {' and '.join(ranges)}."
        )
    return inside
