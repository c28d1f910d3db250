"""Programs of the harness in processes of their own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from searchspaces.errors import UsageError

ROOT = Path(__file__).parents[2]  # where the packages lie, installed or not


def completed(name: str, given: Sequence[str], **how: Any) -> subprocess.CompletedProcess[str]:
    """What this Python printed that was ``given`` these arguments.

    Raises :class:`UsageError` with the ``name`` that people know the program by and its last words,
    where it did not end with status 0.
    """
    done = subprocess.run([sys.executable, *given], capture_output=True, text=True, **how)
    if done.returncode:
        *_, last = ["", *done.stderr.strip().splitlines()]
        raise UsageError(
            f"`{name}` failed with status {done.returncode}: {last or 'without a word.'}"
        )
    return done
