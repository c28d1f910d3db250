"""Folders outside the project: the harness's own home, and where the user's data lie."""

from __future__ import annotations

import os
from pathlib import Path

from searchspaces.errors import UsageError


def home() -> Path:
    """``$NAS_HARNESS_HOME``, by default ``nas-harness`` in ``$XDG_CACHE_HOME`` or ``~/.cache``.

    A relative ``$XDG_CACHE_HOME`` counts for nothing, as its specification has it.
    """
    if named := os.environ.get("NAS_HARNESS_HOME"):
        return Path(named).expanduser()
    caches = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (caches if caches.is_absolute() else Path("~/.cache").expanduser()) / "nas-harness"


def fetched_folder() -> Path:
    """Where ``nas-harness fetch`` puts what it downloads, a folder per data set."""
    return home() / "data"


def named_folder(data: Path | str | None) -> Path | None:
    """The folder ``data``, or else ``$NAS_HARNESS_DATA``; None where neither is given.

    Raises :class:`UsageError` if it does not exist.
    """
    named = data or os.environ.get("NAS_HARNESS_DATA")
    if not named:
        return None
    folder = Path(named).expanduser()
    if not folder.is_dir():
        raise UsageError(f"the data folder {folder} does not exist; name another one.")
    return folder


def data_folders(data: Path | str | None) -> list[Path]:
    """Where to look for data sets: :func:`named_folder`, then :func:`fetched_folder`.

    Raises :class:`UsageError` if the former does not exist.
    """
    named = named_folder(data)
    return [*([named] if named else []), fetched_folder()]


def either(folders: list[Path]) -> str:
    """``folders`` as a part of a sentence."""
    return " or ".join(map(str, folders))
