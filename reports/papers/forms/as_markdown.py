"""An item as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from reports.papers.forms.document import CLAIMS, PLACES, Document, Grid, Text
from reports.text.escaping import MARKDOWN


def render(document: Document) -> str:
    """One table, the print beside what was measured, and below it what a reader must know."""
    png = document.pictures.get(".png")
    sections = [
        f"## {MARKDOWN.escape(document.title)}",
        MARKDOWN.escape(
            f"{document.paper}; {document.source}" if document.source else document.paper
        ),
        " ".join(map(MARKDOWN.sentences, document.caption)),
        f"![{MARKDOWN.escape(document.results.item.title)}]({png.name})" if png else "",
        _table(document),
        _listed("Tags", document.legend),
        "\n".join(
            f"- **[{mark}]** {MARKDOWN.sentences(sentence)}" for mark, sentence in document.notes
        ),
        _listed(CLAIMS, [outcome.sentence for outcome in document.outcomes]),
        _places(document.places),
        "\n".join(f"- {MARKDOWN.sentences(note)}" for note in document.place_notes),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _table(document: Document) -> str:
    if not document.lines:
        return ""
    titles = [
        MARKDOWN.escape(f"{head.title}, {part}") for head in document.heads for part in head.parts
    ]
    rows, group = [], ""
    for line in document.lines:
        if line.group != group:
            group = line.group
            rows.append([f"**{MARKDOWN.escape(group)}**" if group else "", *[""] * len(titles)])
        rows.append([MARKDOWN.escape(line.label), *map(_cell, line.texts)])
    return _grid(["", *titles], rows, left=1)


def _cell(text: Text) -> str:
    shown = MARKDOWN.escape(text.text)
    marks = f" [{', '.join(text.marks)}]" if text.marks else ""
    return (f"**{shown}**" if text.strong else shown) + marks


def _places(grid: Grid | None) -> str:
    if grid is None:
        return ""
    titles, *rows = ([MARKDOWN.escape(text) for text in row] for row in (grid.titles, *grid.rows))
    return f"**{MARKDOWN.escape(PLACES)}**\n\n{_grid(titles, rows, grid.left)}"


def _grid(titles: Sequence[str], rows: Iterable[Sequence[str]], left: int) -> str:
    rule = [":--" if i < left else "--:" for i in range(len(titles))]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (titles, rule, *rows))


def _listed(title: str, texts: Sequence[str]) -> str:
    if not texts:
        return ""
    return "\n".join([f"**{title}**", "", *(f"- {MARKDOWN.sentences(text)}" for text in texts)])
