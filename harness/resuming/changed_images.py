"""Unfinished work on images that have changed since it began: it is never passed over silently.

The hash of the images is a part of the names of whatever is made of them, so that such work lies in
another folder than the one that its command would begin now.
"""

from __future__ import annotations

from glob import escape
from pathlib import Path

from harness.resuming.earlier_versions import unfinished
from harness.resuming.workspace import Workspace
from searchspaces.errors import UsageError

HASH = "[0-9a-f]" * 8


def check_unchanged_images(workspace: Workspace, task: str, stem: str, settings: str) -> None:
    """Raises :class:`UsageError` where work beside ``workspace`` differs in its images alone.

    ``stem``: the part of the name ``task`` that is not the hash; empty for other tasks. ``settings``
    are the same for all work that depends on the same but for images, and are in its checkpoints.
    """
    if not stem:
        return
    head, _, tail = workspace.folder.name.partition(task)
    middle, _, seed = tail.rpartition("-s")
    alike = f"{escape(f'{head}{stem}-')}{HASH}{escape(middle[:-8])}{HASH}-s{seed}"
    for path, state in unfinished(workspace, alike):
        if state.get("settings") == settings:
            raise changed(path, stem)


def changed(begun: Path, stem: str) -> UsageError:
    """What says that ``begun`` is on other images of ``stem``."""
    return UsageError(
        f"{begun} is unfinished, and was begun on other images of {stem} than there are now; bring "
        "those back to continue it, or delete it to begin anew."
    )
