"""What another version of the harness left unfinished: it is never passed over silently.

A folder is named by a digest of all that its result depends on. A version that computes something
else has other digests: its command begins anew instead of continuing with other numbers.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from glob import escape
from pathlib import Path
from typing import Any

from harness.resuming.workspace import Workspace
from searchspaces.errors import UsageError


def other_version(state: dict[str, Any], version: str) -> str:
    """Which version kept ``state``, in words; "" for ``version`` itself."""
    kept = state.get("version")  # none in what was kept before versions were
    if kept == version:
        return ""
    return f"version {kept}" if kept else "an earlier version"


def begun_by_others(workspace: Workspace, version: str) -> dict[Path, str]:
    """Unfinished work beside the folder of ``workspace`` whose name differs in its digest alone.

    That of which another version than ``version`` kept a checkpoint, and which it was, in words.
    """
    folder = workspace.folder
    stem, _, seed = folder.name.rpartition("-s")
    alike = f"{escape(stem.rpartition('-')[0])}-{'[0-9a-f]' * 8}-s{seed}"
    versions = (
        (path, other_version(state, version)) for path, state in unfinished(workspace, alike)
    )
    return {path: begun_by for path, begun_by in versions if begun_by}


def unfinished(workspace: Workspace, alike: str) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Folders beside that of ``workspace`` whose names are ``alike``, a pattern, with what they keep.

    Those with a checkpoint and without a record.
    """
    for path in sorted(workspace.folder.parent.glob(alike)):
        if path == workspace.folder or (path / workspace.record_path.name).exists():
            continue
        try:
            state = Workspace(path).load_checkpoint()
        except UsageError:  # damaged: no version could continue it
            continue
        if state is not None:
            yield path, state


def tell_of_others(workspace: Workspace, version: str, what: str) -> None:
    """Say on standard error what others began beside what begins now; ``what`` is of a folder."""
    for other, begun_by in begun_by_others(workspace, version).items():
        print(
            f"{other} holds {what}, begun by {begun_by}: it is left as it is, and "
            f"{workspace.folder} begins anew.",
            file=sys.stderr,
        )


@contextmanager
def readable(folder: Path, begun_by: str) -> Iterator[None]:
    """For a block that takes up what ``begun_by`` kept in ``folder``, "" for this version.

    Raises :class:`UsageError` where this version cannot read what another has written.
    """
    try:
        yield
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        if not begun_by:
            raise
        raise UsageError(
            f"{folder} was begun by {begun_by}, whose checkpoint this version cannot read; delete "
            "the folder and run again."
        ) from error
