"""The architectures that the runs of each row found (MNGNAS Figs. 8 and 9)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reports.architectures.diagrams import ChainPicture, GraphPicture, diagram_picture
from reports.papers.figures.captions import caption, headline, named, notes, tag_of
from reports.papers.measured.results import Results
from reports.pictures.captioned_figure import LINE, MARGIN, CaptionedFigure
from reports.runs.record import Record
from reports.style.formatting import decimal, shorten
from reports.style.image_files import WIDTH
from reports.style.theme import GREY, INK, SMALL
from searchspaces.diagram import Diagram, Graph
from searchspaces.registry import SPACES

if TYPE_CHECKING:
    import pandas
    from matplotlib.figure import Figure

SPACE = 0.2  # inches between pictures
KEY = "What the run of the lowest seed found; no seed was chosen for its result."
DASHED = "Dashed: on no path from input to output."


def frame(results: Results) -> pandas.DataFrame:
    """A line per row that was run: what its run of the lowest seed found."""
    import pandas

    lines = []
    for found in results.ran():
        seed, first = results.first(found.row.id)
        own = named(found, results.task, tag_of(found, results.task), [seed], 1)
        numbers = {key: first.number("found", key) for key in ("truth", "regret")}
        lines.append(own | {"arch": _arch(first)} | numbers)
    return pandas.DataFrame(lines)


def _arch(record: Record) -> str:
    arch = record.get("found", "arch")
    if not isinstance(arch, str):
        raise record.damaged("found.arch is missing")
    return arch


def picture(results: Results, drawn: pandas.DataFrame) -> Figure:
    """One under the other, each below its name and accuracy."""
    room, parts = WIDTH - 2 * MARGIN, []
    dashed = False
    for line in drawn.to_dict("records"):
        diagrams = _diagrams(results.first(line["row"])[1])
        graphs = [diagram for diagram in diagrams if isinstance(diagram, Graph)]
        dashed |= not all(edge.live for graph in graphs for edge in graph.edges)
        parts.append((_title(line), True, None))
        for diagram in diagrams:
            drawing = diagram_picture(diagram, room)
            parts.append((diagram.title if len(diagrams) > 1 else "", False, drawing))
    height = sum(_height(*part) for part in parts)
    words = [KEY, *([DASHED] if dashed else []), *notes(results, drawn)]
    sheet = CaptionedFigure(headline(results.item), [caption(results.item)], height, words)
    axes, level = sheet.canvas(), height
    for text, head, drawing in parts:
        if text:
            look: dict[str, Any] = {"fontsize": SMALL + 0.5, "color": INK if head else GREY}
            look["fontweight"] = "bold" if head else "normal"
            middle = level - (0.1 if head else 0) - LINE / 2
            axes.text(MARGIN, middle, text, va="center", parse_math=False, **look)
        level -= _height(text, head, drawing)
        if drawing is not None:
            drawing.draw(axes, MARGIN, level + SPACE / 2)
    return sheet.figure


def _height(text: str, head: bool, drawing: GraphPicture | ChainPicture | None) -> float:
    own = 0.0 if drawing is None else drawing.height + SPACE
    return own + LINE * bool(text) + (0.15 if head else 0)


def _title(line: dict[str, Any]) -> str:
    """Whose it is, and how good where that is known."""
    title = ", ".join(filter(None, (line["group"], line["label"])))
    if line["truth"] == line["truth"] and line["truth"] is not None:
        title += f": {line['truth']:.2f} % on {line['task']}"
    if line["regret"] == line["regret"] and line["regret"] is not None:
        title += f", regret {decimal(line['regret'], '+.2f')}"
    return shorten(f"{title}; seed {line['seeds']}", 110)


def _diagrams(record: Record) -> tuple[Diagram, ...]:
    space = SPACES[record.get("config", "space")](record.truth_scale)
    return tuple(space.diagrams(space.decode(_arch(record))))
