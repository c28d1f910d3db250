"""Searches to simulate: their options, and tables of the planted space to search in."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from planted import PlantedSpace
from tables import made_meta

from harness.tabular.table import Table
from methods.search.table_search import SEARCHES

SPACE = PlantedSpace()
ARCHS = [SPACE.encode(arch) for arch in itertools.product(range(3), repeat=4)]


def planted_table(columns: Mapping[str, np.ndarray], archs: Sequence[str] = ARCHS) -> Table:
    madds = np.array([1_000_000 * (1 + sum(map(int, text))) for text in archs])
    return Table(made_meta(space="planted", scale="toy"), list(archs), columns, madds, madds)


def options(*names: str, **values: dict[str, Any]) -> dict[str, Any]:
    """Of each of the searches ``names`` its own defaults, but for ``values``."""
    return {name: SEARCHES[name].Options(**values.get(name, {})) for name in names}
