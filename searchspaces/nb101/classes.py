"""All 423,624 cells of NAS-Bench-101 up to isomorphism, counted out without the table."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import product

import numpy as np

from searchspaces.errors import UsageError
from searchspaces.nb101.cell import (
    EDGES,
    GENE,
    GENES,
    INPUT,
    INTERIOR,
    MAX_EDGES,
    OPERATORS,
    OUTPUT,
    genes_of_key,
    relabellings,
    written,
)

CLASSES = 423_624
_ROWS = 8192


@cache
def class_keys() -> np.ndarray:
    """The key of every class's canonical labelling, ascending int64 ``[423624]``.

    The first call takes about a second.
    """
    patterns = np.arange(1 << len(EDGES))
    patterns = patterns[sum(patterns >> bit & 1 for bit in range(len(EDGES))) <= MAX_EDGES]
    graphs = np.zeros((len(patterns), GENES), dtype=np.int8)
    for bit in range(len(EDGES)):
        graphs[:, INTERIOR + bit] = patterns >> bit & 1
    sizes, keys = live_sizes(graphs), []
    for size in range(INTERIOR + 1):
        alive = graphs[sizes == size]
        alive = alive[_own_keys(alive) == _least_keys(alive, size)]
        operators = np.array(list(product(range(len(OPERATORS)), repeat=size)))
        cells = np.repeat(alive, len(operators), axis=0)
        cells[:, :size] = np.tile(operators, (len(alive), 1))
        own = _own_keys(cells)
        keys.append(own[own == _least_keys(cells, size)])
    return np.sort(np.concatenate(keys))


def canonical_strings(genes: np.ndarray) -> list[str]:
    """What the space encodes each of ``genes`` ``[N, 26]`` as; a few seconds for all classes.

    All vertices must be alive and in the first slots; raises :class:`UsageError` if not.
    """
    return [written(genes_of_key(key)) for key in canonical_keys(genes).tolist()]


def canonical_keys(genes: np.ndarray) -> np.ndarray:
    """int64 ``[N]``: the keys of the canonical labellings of ``genes`` ``[N, 26]``.

    All vertices must be alive and in the first slots; raises :class:`UsageError` if not.
    """
    sizes = live_sizes(genes)
    if (sizes < 0).any():
        row = int(np.flatnonzero(sizes < 0)[0])
        raise UsageError(f"row {row} is not a pruned cell of NAS-Bench-101.")
    keys = np.empty(len(genes), dtype=np.int64)
    for size in np.unique(sizes):
        keys[sizes == size] = _least_keys(genes[sizes == size], int(size))
    return keys


def genes_of_strings(texts: Sequence[str]) -> np.ndarray:
    """int8 ``[N, 26]``: what is written in ``texts``, whether vertices are alive or dead.

    Raises :class:`LookupError` or :class:`ValueError` for what is no cell.
    """
    terms = _terms()
    numbers = []
    for text in texts:
        *interior, output = text.split("|")
        slots = (*interior, *[None] * (INTERIOR - len(interior)), output)
        numbers.append([of[term] for (of, _), term in zip(terms, slots, strict=True)])
    columns = np.array(numbers).T
    return sum(genes[column] for (_, genes), column in zip(terms, columns, strict=True))


@cache
def _terms() -> list[tuple[dict[str | None, int], np.ndarray]]:
    """Per slot from 1 on the rows of its terms, None for no vertex, and int8 ``[rows, 26]``."""
    found = []
    for slot in range(1, OUTPUT + 1):
        first = GENE[INPUT, slot]
        rows: dict[str | None, int] = {None: 0}
        genes = [[0] * GENES]
        operators = range(len(OPERATORS) if slot != OUTPUT else 1)
        for operator, *parents in product(operators, *[(0, 1)] * slot):
            own = [0] * GENES
            own[first : first + slot] = parents
            if operator:
                own[slot - 1] = operator
            if any(parents):
                rows[written(own)] = len(genes)
                genes.append(own)
        found.append((rows, np.array(genes, dtype=np.int8)))
    return found


def live_sizes(genes: np.ndarray) -> np.ndarray:
    """Number of interior vertices of each of ``genes`` ``[N, 26]``.

    -1 where some vertex is dead or not in the first slots, or where edges are too many.
    """
    edges = genes[:, INTERIOR:]
    sources, targets = np.array(EDGES).T
    entered = np.stack([edges[:, targets == t].any(1) for t in range(1, OUTPUT + 1)], axis=1)
    left = np.stack([edges[:, sources == s].any(1) for s in range(OUTPUT)], axis=1)
    used = entered[:, :INTERIOR]
    sizes = used.sum(axis=1)
    good = (used == left[:, 1:]).all(1) & (used == (np.arange(INTERIOR) < sizes[:, None])).all(1)
    good &= left[:, INPUT] & entered[:, -1] & (edges.sum(axis=1) <= MAX_EDGES)
    return np.where(good, sizes, -1)


def _least_keys(genes: np.ndarray, size: int) -> np.ndarray:
    """int64 ``[N]``: the keys of the canonical labellings."""
    orders = relabellings(size).T.astype(np.float64)  # exact: all sums stay below 2**53
    parts = [genes[i : i + _ROWS] @ orders for i in range(0, len(genes), _ROWS)]
    return np.concatenate([keys.min(axis=1) for keys in parts]).astype(np.int64)


def _own_keys(genes: np.ndarray) -> np.ndarray:
    return genes @ relabellings(0)[0]
