"""Progress bars on standard error, with time left."""

from __future__ import annotations

import sys
from typing import Any


def bar(total: int, label: str, unit: str, done: int = 0) -> Any:
    """A tqdm bar starting at ``done``; plain lines every few seconds where there is no terminal."""
    from tqdm import tqdm

    interactive = sys.stderr.isatty()
    return tqdm(
        total=total,
        initial=done,
        desc=label,
        unit=unit,
        file=sys.stderr,
        dynamic_ncols=interactive,
        mininterval=0.2 if interactive else 10.0,
        smoothing=0.05,
    )
