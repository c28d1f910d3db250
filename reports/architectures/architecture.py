"""Pictures of architectures: cells as graphs, chains as rows of blocks (MNGNAS Figs. 8 and 9)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from reports.architectures.diagrams import diagram_picture
from reports.runs.record import Record, fingerprint, load
from reports.style.formatting import decimal, shorten
from reports.style.image_files import WIDTH, write
from reports.style.theme import GREY, INK
from searchspaces.diagram import Diagram, Graph
from searchspaces.registry import SPACES

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MARGIN, LINE, SPACE = 0.2, 0.21, 0.22  # inches
DASHED = "dashed: on no path from input to output"


def draw_found(folder: Path) -> Path:
    """Write ``found.png`` and ``found.svg``, what the run in ``folder`` found; the PNG's path.

    Those of this very record, where they are there, stay as they are. Raises :class:`UsageError`
    where the run is unfinished, damaged, or the folder not writable.
    """
    folder = Path(folder)
    png, svg = folder / "found.png", folder / "found.svg"
    write(lambda: _found(load(folder)), [png, svg], fingerprint(folder))
    return png


def _found(record: Record) -> Figure:
    arch = record.get("found", "arch")
    if not isinstance(arch, str):
        raise record.damaged("found.arch is missing")
    space = SPACES[record.get("config", "space")](record.truth_scale)
    return picture(space.diagrams(space.decode(arch)), found_title(record), [arch])


def found_title(record: Record) -> str:
    """Which run found it, and how good it is where that is known."""
    config = record.content["config"]
    title = f"found by {config['method']} on {config['space']}, {config['task']}"
    truth, regret = record.number("found", "truth"), record.number("found", "regret")
    if truth is not None:
        title += f": {truth:.2f} %"
    if regret is not None:
        title += f", regret {decimal(regret, '+.2f')}"
    return title


def save(
    diagrams: Sequence[Diagram], title: str, below: Sequence[str], paths: Sequence[Path]
) -> None:
    """Write the picture to each of ``paths``, as :func:`reports.style.image_files.write` does."""
    write(lambda: picture(diagrams, title, below), paths)


def picture(diagrams: Sequence[Diagram], title: str, below: Sequence[str] = ()) -> Figure:
    """``diagrams`` one under the other, below a ``title`` and smaller lines."""
    from matplotlib.figure import Figure

    graphs = [diagram for diagram in diagrams if isinstance(diagram, Graph)]
    if not all(edge.live for graph in graphs for edge in graph.edges):
        below = [*below, DASHED]
    room = WIDTH - 2 * MARGIN
    parts = [diagram_picture(diagram, room) for diagram in diagrams]
    captions = [diagram.title if len(diagrams) > 1 else "" for diagram in diagrams]
    height = 2 * MARGIN + 0.26 + LINE * (len(below) + sum(map(bool, captions)))
    height += sum(part.height + SPACE for part in parts)
    figure = Figure(figsize=(WIDTH, height), facecolor="white")
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, WIDTH), ylim=(0, height))
    axes.set_axis_off()
    level = height - MARGIN - 0.1
    plain = {"va": "center", "parse_math": False}
    axes.text(MARGIN, level, shorten(title, 78), fontsize=13, fontweight="bold", color=INK, **plain)
    level -= 0.05
    for line in below:
        level -= LINE
        axes.text(MARGIN, level, shorten(line, 118), fontsize=9.5, color=GREY, **plain)
    level -= 0.11
    for part, caption in zip(parts, captions, strict=True):
        if caption:
            level -= LINE
            axes.text(MARGIN, level, caption, fontsize=10.5, color=INK, **plain)
        level -= SPACE + part.height
        part.draw(axes, MARGIN, level)
    return figure
