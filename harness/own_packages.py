"""That ``methods``, ``searchspaces`` and ``reports`` are those of the harness, wherever it is called.

``python -m`` puts the working folder first on the path, where a project may well have a folder
``methods`` of its own.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

HOME = Path(__file__).resolve().parent.parent
PARTS = ("searchspaces", "methods", "reports")


def settle() -> None:
    """Leave a working folder without this harness off the path; end where others hide its parts.

    For programs, before they import any of these packages. Exits with status 2 after a sentence.
    """
    here, *_ = sys.path
    if Path(here or ".").resolve() == Path.cwd().resolve() != HOME:
        del sys.path[0]  # what ``-m`` put there; PYTHONPATH comes behind it
    if told := hiding():
        print(f"nas-harness: {told}", file=sys.stderr)
        sys.exit(2)


@contextmanager
def clashes_told() -> Iterator[None]:
    """Within, an import that fails as others hide a part of the harness says so in a sentence.

    For whoever calls from Python, where the folder of a script is on the path as it should be.
    """
    try:
        yield
    except ImportError as error:
        told = hiding() if (error.name or "").partition(".")[0] in PARTS else ""
        if not told:
            raise
        raise ImportError(told) from None


def require_own() -> None:
    """Raise :class:`ImportError` with a sentence where others hide a part of the harness.

    For what takes long before it imports that part.
    """
    if told := hiding():
        raise ImportError(told)


def hiding() -> str:
    """A sentence on the first part of the harness that another package hides; empty for none."""
    for name in PARTS:
        spec = find_spec(name)
        inside = list(spec.submodule_search_locations or ()) if spec else []
        if not any(Path(place).resolve().parent == HOME for place in inside):
            there = spec.origin or inside[0] if spec else "nowhere"
            return (
                f"the package '{name}' that Python finds is not the harness's but {there}; rename "
                "it, take its folder off Python's path (PYTHONPATH), or uninstall what brought it."
            )
    return ""
