"""Memory that tensors give back is kept for the next ones."""

import platform
import resource

import torch

from methods import memory

GLIBC = platform.libc_ver()[0] == "glibc"


def faults(rounds, megabytes):
    """Pages that the system hands out while so large a tensor comes and goes."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(rounds):
        torch.ones(megabytes << 18)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


def test_memory_of_large_tensors_is_kept():
    assert memory.keep_freed() is GLIBC
    pages = (20 << 20) // resource.getpagesize()
    faults(20, 20)  # until there is room
    if GLIBC:  # elsewhere it is left as it is
        assert faults(20, 20) < 2 * pages


def test_other_libraries_are_left_as_they_are(monkeypatch):
    for error in (TypeError, OSError):

        def library(name, error=error):
            raise error

        memory.keep_freed.cache_clear()
        monkeypatch.setattr(memory.ctypes, "CDLL", library)
        assert memory.keep_freed() is False
    memory.keep_freed.cache_clear()
    monkeypatch.setattr(memory.ctypes, "CDLL", lambda name: object())
    assert memory.keep_freed() is False
    memory.keep_freed.cache_clear()
