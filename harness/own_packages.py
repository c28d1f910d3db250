"""That ``methods``, ``searchspaces`` and ``reports`` are those of the harness, wherever it is called.

``python -m`` puts the working folder first on the path, where a project may well have a folder
``methods`` of its own.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

HOME = Path(__file__).resolve().parent.parent


def settle() -> None:
    """Leave a working folder without this harness off the path; end where others hide its parts.

    For programs, before they import any of these packages. Exits with status 2 after a sentence.
    """
    here, *_ = sys.path
    if Path(here or ".").resolve() == Path.cwd().resolve() != HOME:
        del sys.path[0]  # what ``-m`` put there; PYTHONPATH comes behind it
    for name in ("searchspaces", "methods", "reports"):
        spec = find_spec(name)
        inside = list(spec.submodule_search_locations or ()) if spec else []
        if not any(Path(place).resolve().parent == HOME for place in inside):
            there = spec.origin or inside[0] if spec else "nowhere"
            print(
                f"nas-harness: the package '{name}' that Python finds is not the harness's but "
                f"{there}; take its folder off PYTHONPATH, or uninstall what brought it.",
                file=sys.stderr,
            )
            sys.exit(2)
