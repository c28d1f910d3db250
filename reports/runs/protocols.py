"""Finished runs under another protocol, measured on their scores without any training."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from reports.runs.ground_truth import scored
from reports.runs.later_floors import with_best_proxy
from reports.runs.record import Record

USUAL = "all"


def under(records: Iterable[Record], name: str, data: Path | None = None) -> list[Record]:
    """``records`` with metrics, floors and ceiling under the protocol ``name``.

    Those that a record has are taken; others are measured with the ground truth that the run was
    ranked against, also from the folder ``data``. Subsets of the protocol's architectures are not
    measured. Under the usual one a best proxy that became known later is among the floors. Raises
    :class:`UsageError` for an unknown protocol, and where that ground truth is not to be had.
    """
    from harness.metrics.protocols import protocol

    protocol(name)
    if name == USUAL:
        return with_best_proxy(records, data)
    return [_under(record, name, data) for record in records]


def _under(record: Record, name: str, data: Path | None) -> Record:
    found = record.get("protocols", name)
    if not isinstance(found, dict) or not {"n", "metrics", "floors", "ceiling"} <= found.keys():
        found = _measured(record, name, data)
    content = {key: found[key] for key in ("n", "floors", "ceiling")}
    content["over_floors"] = found.get("over_floors", {})
    content |= {"protocol": name, "metrics": {"all": found["metrics"]}}
    return replace(record, content=record.content | content)


def _measured(record: Record, name: str, data: Path | None) -> dict[str, Any]:
    return scored(record, f"the protocol {name}", data, isomorphic=True).under(name)
