"""The best proxy as a floor of runs that were finished before it was known."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.tabular.proxies import find_proxies
from reports.runs.ground_truth import scored
from reports.runs.record import Record
from searchspaces.errors import UsageError


def with_best_proxy(records: Iterable[Record], data: Path | None = None) -> list[Record]:
    """``records`` with the best proxy of their tables among ``floors`` and ``over_floors``.

    Measured on the scores of each, with its ground truth, also from the folder ``data``; one that
    was the best before gives way. As they are where they have it already, where the proxy lacks
    an architecture, and where their scores or their ground truth are not to be had.
    """
    return [_with_best_proxy(record, data) for record in records]


def _with_best_proxy(record: Record, data: Path | None) -> Record:
    known = record.get("floors")
    proxies = find_proxies(str(record.get("ground_truth", "table")))
    if proxies is None or not isinstance(known, dict) or f"proxy-{proxies.best}" in known:
        return record

    from harness.metrics.difference import tau_difference
    from harness.metrics.intervals import measure

    try:
        run = scored(record, "its best proxy", data).sorted()
    except UsageError:
        return record
    own = proxies.best_of(run.archs)
    if own is None:
        return record
    name, truth = f"proxy-{proxies.best}", run.truth
    floor = measure("kendall_tau", own, truth, fraction=run.fraction, truth_sd=run.noise)
    over = tau_difference(run.score, own, truth, fraction=run.fraction, truth_sd=run.noise)
    beyond = record.get("over_floors")
    content = {"floors": _without_proxies(known) | {name: floor}}
    if isinstance(beyond, dict):
        content["over_floors"] = _without_proxies(beyond) | {name: over}
    return replace(record, content=record.content | content)


def _without_proxies(floors: dict[str, Any]) -> dict[str, Any]:
    return {name: own for name, own in floors.items() if not name.startswith("proxy-")}
