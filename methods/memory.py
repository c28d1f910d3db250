"""Memory that tensors give back and soon ask for again."""

from __future__ import annotations

import ctypes
from functools import cache

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3  # M_... of glibc's malloc.h
KEPT = 1 << 30  # bytes
LARGEST = 1 << 25  # bytes: the most that glibc takes for this; larger tensors come and go


@cache
def keep_freed() -> bool:
    """Let the C library keep up to a GiB of what is freed, for the rest of the process.

    Otherwise glibc hands memory of large tensors back to the system and gets it anew, filled with
    zeros a page at a time, which took 40 % of the time of a calibration. Returns whether that was
    so: other C libraries are left as they are.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # not of this library, or not of this system
        return False
    settings = ((MMAP_THRESHOLD, LARGEST), (TRIM_THRESHOLD, KEPT))
    return all([mallopt(parameter, value) for parameter, value in settings])
