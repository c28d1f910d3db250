"""Networks around choices, by the name of their scale; those of cells share their size."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self, TypeVar

from searchspaces.errors import UsageError
from searchspaces.registry import nearest

S = TypeVar("S")


def of_scale(skeletons: Mapping[str, S], scale: str, space: str) -> S:
    """The skeleton of ``scale``; raises :class:`UsageError` for one that ``space`` has not."""
    if scale not in skeletons:
        raise UsageError(f"unknown scale '{scale}' of {space}{nearest(scale, skeletons)}")
    return skeletons[scale]


@dataclass(frozen=True)
class CellSkeleton:
    """The network around cells: ``width`` channels, doubled at each further stage.

    ``cells``: number of cells per stage.
    """

    width: int
    cells: tuple[int, ...]

    def resized(self, width: int, cells: int) -> Self:
        """Of another width and with ``cells`` in each stage; 0 leaves either as it is."""
        per_stage = (cells,) * len(self.cells) if cells else self.cells
        return replace(self, width=width or self.width, cells=per_stage)
