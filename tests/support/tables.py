"""Tables for tests: the metadata that every table must have."""

from __future__ import annotations

from typing import Any

from harness.tabular.table import TableMeta


def made_meta(**changes: Any) -> TableMeta:
    """Metadata of a table of nb201 on digits, with ``changes``."""
    usual: dict[str, Any] = {
        "space": "nb201",
        "scale": "small",
        "task": "digits",
        "source": "made by a test",
        "licence": "Apache-2.0",
        "version": "1",
        "sha256": "0" * 64,
        "created_by": "pytest",
        "epochs": 5,
        "resolution": {"test": 0.01},
        "training": {},
    }
    return TableMeta(**usual | changes)
