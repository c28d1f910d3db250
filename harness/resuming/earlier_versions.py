"""Unfinished runs that another version of the harness began: they are never passed over silently.

A run's folder is named by a digest of all that its result depends on. A version that computes
something else has other digests: its command begins anew instead of continuing with other numbers.
"""

from __future__ import annotations

from glob import escape
from pathlib import Path
from typing import Any

from harness.resuming.workspace import Workspace
from searchspaces.errors import UsageError


def other_version(state: dict[str, Any], version: str) -> str:
    """Which version kept the checkpoint ``state``, in words; "" for ``version`` itself."""
    kept = state.get("version")  # none in checkpoints from before versions were kept
    if kept == version:
        return ""
    return f"version {kept}" if kept else "an earlier version"


def begun_by_others(folder: Path, version: str) -> dict[Path, str]:
    """Unfinished runs beside the run ``folder`` with its method, space, task and seed.

    Those of which another version than ``version`` kept a checkpoint, and which it was, in words.
    """
    stem, _, seed = folder.name.rpartition("-s")
    name = f"{escape(stem.rpartition('-')[0])}-{'[0-9a-f]' * 8}-s{seed}"
    found = {}
    for path in sorted(folder.parent.glob(name)):
        other = Workspace(path)
        if path == folder or other.record_path.exists():
            continue
        try:
            state = other.load_checkpoint()
        except UsageError:  # damaged: no version could continue it
            continue
        if state is not None and (begun_by := other_version(state, version)):
            found[path] = begun_by
    return found


def left_as_it_is(other: Path, begun_by: str, folder: Path) -> str:
    """The sentence on a run ``other`` of another version, when that in ``folder`` begins."""
    return (
        f"{other} holds an unfinished run of the same method, space, task and seed, begun by "
        f"{begun_by}, which computed differently: it is left as it is, and this run begins anew "
        f"in {folder}."
    )
