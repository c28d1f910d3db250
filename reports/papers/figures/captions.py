"""What every figure says of itself: what was run, on what, how often, and what was not."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from reports.papers.definition.item import Item
from reports.papers.measured.results import (
    MEANINGS,
    NOT_RUN,
    TABLE,
    TRAINED_FULL,
    TRAINED_REDUCED,
    Results,
    RowResults,
)
from reports.pictures.captioned_figure import MARGIN, CaptionedFigure
from reports.style.formatting import named_seeds, wrapped
from reports.style.image_files import WIDTH
from reports.style.theme import GREY, PALE
from reports.text.escaping import prose

if TYPE_CHECKING:
    import pandas
    from matplotlib.figure import Figure

MEASURED = (TABLE, TRAINED_FULL, TRAINED_REDUCED)
HEIGHT, LINE = 2.0, 0.2  # inches: least of a picture without runs, of its lines
NAMED = ("row", "label", "group", "task", "tag", "n", "seeds")  # columns of every frame of runs


def headline(item: Item) -> str:
    return f"{item.title} ({item.paper})"


def caption(item: Item) -> str:
    return plain(item.caption)


def plain(text: str) -> str:
    """``text`` without the marks around what is typed."""
    return prose(text, str, str)


def named(found: RowResults, task: str, tag: str, seeds: Iterable[int], n: int) -> dict[str, Any]:
    """The columns that say whose numbers a line of a frame has."""
    row, listed = found.row, " ".join(map(str, seeds))
    values = (row.id, row.label, row.group, task, tag, n, listed)
    return dict(zip(NAMED, values, strict=True))


def tag_of(found: RowResults, task: str) -> str:
    """The tag of what a row's runs on ``task`` gave, as its cells have it.

    Where runs filled no cell, they are not taken to be in full.
    """
    tags = {cell.tag for cell in found.cells.values() if cell.trained and cell.task == task}
    return TRAINED_FULL if tags == {TRAINED_FULL} else TRAINED_REDUCED


def notes(results: Results, drawn: pandas.DataFrame) -> list[str]:
    """What is drawn of each tag, what reduced means here, and which rows were not run."""
    lines = []
    for (tag, task), part in drawn.groupby(["tag", "task"], sort=False):
        line = f"{tag}: {MEANINGS[str(tag)]}"
        if tag in (TRAINED_FULL, TRAINED_REDUCED):
            seeds = named_seeds({int(seed) for listed in part["seeds"] for seed in listed.split()})
            line += f"; task {task}, preset {results.preset}, {_counts(part['n'])} ({seeds})"
        lines.append(f"{line}.")
    if TRAINED_REDUCED in set(drawn["tag"]) and results.item.reduced:
        lines.append(f"Reduced: {plain(results.item.reduced)}")
    return lines + lacking(results, drawn)


def lacking(results: Results, drawn: pandas.DataFrame) -> list[str]:
    """The rows of which something could be drawn and nothing was measured."""
    tags = drawn.groupby("row")["tag"].agg(set).to_dict() if len(drawn) else {}
    absent = [found for found in results.rows if not tags.get(found.row.id, set()) & {*MEASURED}]
    recorded = [found.row.label for found in absent if any(found.runs.values())]
    missing = [
        found.row.label
        for found in absent
        if found.row.run is not None and found.row.label not in recorded
    ]
    others = [
        found.row.label for found in absent if found.row.run is None and found.row.id not in tags
    ]
    lines = []
    if missing:
        names = "all of it" if len(missing) == len(results.rows) else "; ".join(missing)
        lines.append(f"{NOT_RUN}: {names}. {command(results)} runs what is missing.")
    if recorded:
        lines.append(f"Run, but without a record of what is drawn here: {'; '.join(recorded)}.")
    if others:
        needs = f" Needed: {plain(results.item.needs)}" if results.item.needs else ""
        lines.append(f"Nothing here measures: {'; '.join(others)}.{needs}")
    return lines


def command(results: Results) -> str:
    """What runs the missing rows."""
    item = results.item
    task = f" --task {results.task}" if results.task != item.task else ""
    return f"'nas-harness reproduce {item.paper} {item.name} --preset {results.preset}{task}'"


def axis_name(head: str, unit: str) -> str:
    return f"{head} ({unit})" if unit else head


def _counts(numbers: Iterable[int]) -> str:
    low, high = min(numbers), max(numbers)
    return f"n = {low}" if low == high else f"n = {low} to {high}"


def nothing_yet(results: Results, drawn: pandas.DataFrame) -> Figure:
    """A frame that says what is missing and what brings it."""
    from matplotlib.patches import Rectangle

    words = ["nothing to draw yet"]
    words += [line for text in lacking(results, drawn) for line in wrapped(text, WIDTH - 1.4)]
    height = max(HEIGHT, LINE * (len(words) + 3))
    sheet = CaptionedFigure(headline(results.item), [caption(results.item)], height)
    axes = sheet.canvas()
    corner, wide = (MARGIN, 0.1), sheet.width - 2 * MARGIN
    look = {"facecolor": "none", "edgecolor": PALE, "linewidth": 1.2}
    axes.add_patch(Rectangle(corner, wide, height - 0.2, **look))
    middle = height / 2 + LINE * (len(words) - 1) / 2
    for number, line in enumerate(words):
        size = {"fontsize": 13} if number == 0 else {"fontsize": 9}
        place = (sheet.width / 2, middle - LINE * number + (0.12 if number == 0 else 0))
        axes.text(*place, line, ha="center", va="center", color=GREY, parse_math=False, **size)
    return sheet.figure
