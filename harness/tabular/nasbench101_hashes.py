"""NAS-Bench-101's module hashes: which cell each one names.

A hash takes a fraction of a millisecond to compute, so that looking one up among 423,624 cells by
computing them all takes minutes. The package has the first ten digits of all hashes, which no two
cells share, in the order of its table of the benchmark.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np

from harness.tabular.locate import EMBEDDED
from harness.tabular.nasbench101 import TABLE
from harness.tabular.table import Table
from searchspaces.nb101.cell import decode_cell, module_hash

FILE = "nb101-hashes.npz"
DIGITS, LENGTH = 10, 32  # stored, and of a hash
CHECKED = 1_000  # hashes that are computed and compared in full


def cells_of_hashes(hashes: Sequence[str]) -> list[str]:
    """The cell that each module hash names, as the space writes it; "" where there is none.

    Cells are found by the first ten digits; of up to 1,000 of them, evenly spread, all 32 are
    compared.
    """
    prefixes, archs = _stored()
    known = [len(name) == LENGTH and set(name) <= set("0123456789abcdef") for name in hashes]
    wanted = [int(name[:DIGITS], 16) if k else -1 for name, k in zip(hashes, known, strict=True)]
    rows = np.searchsorted(prefixes, wanted).clip(max=len(prefixes) - 1)
    found = prefixes[rows] == wanted
    cells = [archs[row] if f else "" for row, f in zip(rows.tolist(), found, strict=True)]
    places = np.flatnonzero(found)
    for place in places[:: max(1, -(-len(places) // CHECKED))].tolist():
        if module_hash(decode_cell(cells[place])) != hashes[place]:
            cells[place] = ""
    return cells


def save(hashes: np.ndarray, folder: Path) -> Path:
    """Write what is needed of ``hashes``, uint8 ``[cells, 16]`` in ascending order."""
    prefixes = np.zeros(len(hashes), dtype=np.int64)
    for byte in range(DIGITS // 2):
        prefixes = prefixes << 8 | hashes[:, byte]
    gaps = np.diff(prefixes, prepend=0)
    if (gaps[1:] <= 0).any() or gaps.max() >= 1 << 32:
        raise ValueError("module hashes do not ascend, or two of them share ten digits")
    planes = gaps.astype("<u4").view(np.uint8).reshape(-1, 4).T  # equal bytes lie together
    np.savez_compressed(folder / FILE, gaps=np.ascontiguousarray(planes))
    return folder / FILE


@cache
def _stored() -> tuple[np.ndarray, list[str]]:
    """The first digits as int64, ascending, and the cells in the same order."""
    with np.load(EMBEDDED / FILE) as stored:
        planes = stored["gaps"]
    gaps = np.ascontiguousarray(planes.T).view("<u4").ravel()
    return np.cumsum(gaps, dtype=np.int64), Table.load(EMBEDDED / TABLE).archs
