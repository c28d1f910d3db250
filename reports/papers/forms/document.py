"""An item and its results as text in places, the same for every form in which it is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from reports.papers.measured.claims import Outcome
from reports.papers.measured.results import Results

CLAIMS = "Claims of the paper, on our runs"
PLACES = "Printed values among all architectures of the real table"


@dataclass(frozen=True)
class Text:
    """What stands in a cell, the marks of its footnotes, its tag, and whether it is in bold."""

    text: str
    marks: tuple[str, ...] = ()
    tag: str = ""
    strong: bool = False


@dataclass(frozen=True)
class Head:
    """A column with the titles of its one or two parts: what is printed, what was measured."""

    title: str
    parts: tuple[str, ...]


@dataclass(frozen=True)
class Line:
    """A row; its ``texts`` follow the parts of all heads."""

    group: str
    label: str
    texts: tuple[Text, ...]


@dataclass(frozen=True)
class Grid:
    """A plain table: titles and rows of text; the first ``left`` columns are words."""

    titles: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    left: int


@dataclass(frozen=True)
class Document:
    """``title`` is the item's, ``paper`` its paper's; ``source`` says whose that is.

    ``notes`` are (mark, sentence): numbers for defects of the print, letters for the rest.
    ``pictures`` are the files of the item's figure by suffix, such as ``.png``.
    """

    results: Results
    title: str
    paper: str
    source: str
    caption: tuple[str, ...]
    heads: tuple[Head, ...]
    lines: tuple[Line, ...]
    legend: tuple[str, ...]
    notes: tuple[tuple[str, str], ...]
    outcomes: tuple[Outcome, ...]
    places: Grid | None
    place_notes: tuple[str, ...]
    pictures: Mapping[str, Path]
