"""An item as one HTML page that needs no other file."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Sequence
from functools import cache
from itertools import islice
from pathlib import Path

from reports.papers.forms.document import CLAIMS, PLACES, Document, Grid, Text
from reports.papers.measured.claims import NOT_TESTED, Outcome
from reports.papers.measured.results import PRINTED
from reports.style import stacked
from reports.text.escaping import HTML


def render(document: Document) -> str:
    """The page: what a reader sees first is the caption, the table and what its colours mean."""
    body = [
        f"<h1>{HTML.escape(document.title)}</h1>",
        f'<p class="source">{HTML.escape(document.paper)}<br>{HTML.escape(document.source)}</p>',
        *(f"<p>{HTML.sentences(text)}</p>" for text in document.caption),
        _picture(document),
        _table(document),
        _legend(document.legend),
        _notes(document.notes),
        _claims(document.outcomes),
        _places(document.places),
        *(f"<p>{HTML.sentences(note)}</p>" for note in document.place_notes),
    ]
    return page(f"{document.title}, {document.paper}", body)


def page(title: str, body: Sequence[str]) -> str:
    """A whole page around ``body``, which is HTML."""
    return "\n".join(
        [
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{HTML.escape(title)}</title>",
            f"<style>\n{_style()}{stacked.STYLE}</style>\n</head>\n<body>\n<main>",
            *filter(None, body),
            f"</main>\n<script>\n{stacked.SCRIPT}</script>\n</body>\n</html>\n",
        ]
    )


@cache
def _style() -> str:
    return (Path(__file__).parent / "page.css").read_text(encoding="utf-8")


def _picture(document: Document) -> str:
    svg = document.pictures.get(".svg")
    if svg is None:
        return ""
    content = b64encode(svg.read_bytes()).decode()
    title = HTML.escape(document.results.item.title)
    return f'<figure><img alt="{title}" src="data:image/svg+xml;base64,{content}"></figure>'


def _table(document: Document) -> str:
    """A column for each of the item's: what is printed, and below it what was measured."""
    if not document.lines:
        return ""
    heads = [head for head in document.heads if head.parts]
    rows, group = [], ""
    for line in document.lines:
        if line.group != group:
            group = line.group
            title = HTML.escape(group) or "&nbsp;"
            rows.append(f'<tr class="group"><th colspan="{len(heads) + 1}">{title}</th></tr>')
        texts = iter(line.texts)
        cells = "".join(_cell(tuple(islice(texts, len(head.parts)))) for head in heads)
        rows.append(f'<tr><th scope="row">{HTML.escape(line.label)}</th>{cells}</tr>')
    titles = ([head.title for head in heads], [" / ".join(head.parts) for head in heads])
    return framed([_heads(texts) for texts in titles], rows)


def _heads(texts: Iterable[str]) -> str:
    cells = "".join(f'<th scope="col">{HTML.escape(text)}</th>' for text in texts)
    return f"<tr><th></th>{cells}</tr>"


def _cell(texts: Sequence[Text]) -> str:
    return f"<td>{''.join(f'<div>{_text(text)}</div>' for text in texts if text.text)}</td>"


def _text(text: Text) -> str:
    shown = HTML.escape(text.text)
    if text.strong:
        shown = f"<strong>{shown}</strong>"
    if text.tag != PRINTED and shown:
        shown = f'<span class="tag {_class(text.tag)}">{shown}</span>'
    if text.marks:
        kind = "" if text.tag == PRINTED else ' class="note"'
        links = (
            f'<a href="#note-{HTML.escape(mark)}">{HTML.escape(mark)}</a>' for mark in text.marks
        )
        shown += f"<sup{kind}>{', '.join(links)}</sup>"
    return shown


def _class(tag: str) -> str:
    return tag.replace(" ", "-")


def _legend(legend: Sequence[str]) -> str:
    items = []
    for text in legend:
        tag, _, meaning = text.partition(": ")
        name = f'<span class="tag {_class(tag)}">{HTML.escape(tag)}</span>'
        items.append(f"<li>{name} {HTML.escape(meaning)}</li>")
    return f'<ul class="notes">{"".join(items)}</ul>' if items else ""


def _notes(notes: Sequence[tuple[str, str]]) -> str:
    items = [
        f'<li id="note-{HTML.escape(mark)}"><b>{HTML.escape(mark)}</b> {HTML.sentences(text)}</li>'
        for mark, text in notes
    ]
    return f'<ul class="notes">{"".join(items)}</ul>' if items else ""


def _claims(outcomes: Sequence[Outcome]) -> str:
    """A table of those that were tested; the others are folded away under their number."""
    if not outcomes:
        return ""
    parts = [f"<h2>{HTML.escape(CLAIMS)}</h2>"]
    rows = [
        f'<tr><td class="words claim">{HTML.sentences(outcome.claim.text)}<br>'
        f'<span class="soft">{HTML.sentences(outcome.sentence)}</span></td>'
        f'<td class="words"><span class="verdict {_class(outcome.verdict)}">'
        f"{HTML.escape(outcome.verdict)}</span></td></tr>"
        for outcome in outcomes
        if outcome.verdict != NOT_TESTED
    ]
    if rows:
        heads = '<tr><th class="words">claim</th><th class="words">verdict</th></tr>'
        parts.append(framed([heads], rows))
    untested = [outcome for outcome in outcomes if outcome.verdict == NOT_TESTED]
    if untested:
        items = "".join(
            f"<li>{HTML.sentences(outcome.claim.text)}<br>"
            f'<span class="soft">{HTML.sentences(outcome.sentence)}</span></li>'
            for outcome in untested
        )
        many = "1 claim is" if len(untested) == 1 else f"{len(untested)} claims are"
        parts.append(
            f"<details><summary>{many} not tested on our runs</summary><ul>{items}</ul></details>"
        )
    return "\n".join(parts)


def _places(grid: Grid | None) -> str:
    if grid is None:
        return ""
    heads, *rows = (
        [
            f"<{kind}{' class=words' if i < grid.left else ''}>{HTML.escape(text)}</{kind}>"
            for i, text in enumerate(cells)
        ]
        for kind, cells in (("th", grid.titles), *(("td", row) for row in grid.rows))
    )
    lines = [f"<tr>{''.join(cells)}</tr>" for cells in (heads, *rows)]
    return f"<h2>{HTML.escape(PLACES)}</h2>\n{framed(lines[:1], lines[1:])}"


def framed(heads: Sequence[str], rows: Sequence[str]) -> str:
    """A table of rows in HTML: as blocks where the screen is narrow; without the script it scrolls."""
    return (
        f'<div class="scroll"><table><thead>{"".join(heads)}</thead>\n'
        f"<tbody>\n{chr(10).join(rows)}\n</tbody></table></div>"
    )
