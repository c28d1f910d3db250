"""The architecture that comes first by some order, found by changing a gene at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from searchspaces.architecture import Arch

Order = Callable[[Arch], Any]  # what comes first is what is smallest


def climb(
    starts: Iterable[Arch], sizes: Sequence[int], order: Order, allowed: Callable[[Arch], bool]
) -> Arch:
    """The first by ``order`` that is reached from ``starts`` through ``allowed`` architectures.

    ``sizes``: how many values each gene has. Each gene in turn takes the value that comes first
    beside the others, until none changes. Where every gene has a cost of its own, that is the
    first of all.
    """
    return min((_from(start, sizes, order, allowed) for start in starts), key=order)


def _from(arch: Arch, sizes: Sequence[int], order: Order, allowed: Callable[[Arch], bool]) -> Arch:
    while True:
        before = arch
        for site, size in enumerate(sizes):
            changed = ((*arch[:site], gene, *arch[site + 1 :]) for gene in range(size))
            arch = min(filter(allowed, changed), key=order)
        if arch == before:
            return arch
