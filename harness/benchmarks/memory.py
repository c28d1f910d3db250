"""Memory of this process in megabytes, as the kernel tells it; without ``/proc``, ``ps`` does.

Imports nothing that takes memory itself.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

STATUS = Path("/proc/self/status")


def resident_mb() -> float:
    """What is held now."""
    if STATUS.exists():
        return _told("VmRSS")
    command = ["ps", "-o", "rss=", "-p", str(os.getpid())]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return int(told) * 1024 / 1e6


def peak_mb() -> float:
    """The most that was held at once."""
    if STATUS.exists():
        return _told("VmHWM")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak * (1 if sys.platform == "darwin" else 1024) / 1e6


def _told(name: str) -> float:
    lines = STATUS.read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) * 1024 / 1e6
