"""Figures of items, one kind per file, each drawn from a table of numbers that is saved beside it.

A kind has ``frame(results)``, the numbers drawn, and ``picture(results, drawn)``, the figure.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from harness.files.store import atomic_path
from reports.papers.definition.item import Item
from reports.papers.measured.results import Results

KINDS = ("points", "boxes", "scatter", "curves", "history", "drawing", "diagram")


def draw(item: Item, results: Results, stem: Path | str) -> list[Path]:
    """Write ``stem`` .png, .pdf, .svg, and ``stem`` .drawn.csv with the numbers; their paths.

    Nothing for a table. Rows without runs are named as not run; where there is nothing to draw at
    all, the picture says so. Raises :class:`UsageError` for damaged runs, and where the files cannot
    be written.
    """
    from reports.papers.figures.captions import nothing_yet
    from reports.style.image_files import write_all

    if item.kind not in KINDS:
        return []
    kind = import_module(f"reports.papers.figures.{item.kind}")
    drawn = kind.frame(results)
    picture = nothing_yet if drawn.empty else kind.picture
    paths = write_all(lambda: picture(results, drawn), stem)
    twin = Path(f"{stem}.drawn.csv")
    with atomic_path(twin) as temporary:
        drawn.to_csv(temporary, index=False)
    return [*paths, twin]
