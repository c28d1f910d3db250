"""The items of a paper on one page: what each rests on, and which claims held."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from reports.papers.definition.loading import Paper
from reports.papers.forms import as_html
from reports.papers.measured.claims import VERDICTS, outcomes
from reports.papers.measured.results import PRINTED, TAGS, Results
from reports.text.escaping import HTML, MARKDOWN

TITLES = ("item", "shows", *TAGS[1:], *(f"claims {verdict}" for verdict in VERDICTS))


def rows(items: Sequence[Results]) -> list[tuple[str, ...]]:
    """Per item its name, the first sentence of its caption, and its cells and claims by kind."""
    found = []
    for results in items:
        tags = Counter(cell.tag for _, _, cell in results.filled())
        verdicts = Counter(outcome.verdict for outcome in outcomes(results))
        counts = [tags[tag] for tag in TAGS if tag != PRINTED]
        counts += [verdicts[verdict] for verdict in VERDICTS]
        shown = tuple(str(count or "") for count in counts)
        first = re.split(r"(?<=\.) ", results.item.caption)[0]
        found.append((results.item.name, first, *shown))
    return found


def as_pages(paper: Paper, items: Sequence[Results]) -> dict[str, str]:
    """The overview by suffix, ``.md`` and ``.html``, with links to the items' own pages."""
    return {".md": _markdown(paper, items), ".html": _html(paper, items)}


def _markdown(paper: Paper, items: Sequence[Results]) -> str:
    lines = [f"# {MARKDOWN.escape(paper.title)}", ""]
    if paper.note:
        lines += [MARKDOWN.sentences(paper.note), ""]
    table = [TITLES, ["--:" if i > 1 else ":--" for i in range(len(TITLES))]]
    for results, (name, caption, *counts) in zip(items, rows(items), strict=True):
        link = f"[{MARKDOWN.escape(results.item.title)}]({name}.md)"
        table.append([link, MARKDOWN.escape(caption), *counts])
    return "\n".join([*lines, *(f"| {' | '.join(cells)} |" for cells in table)]) + "\n"


def _html(paper: Paper, items: Sequence[Results]) -> str:
    heads = "".join(
        f"<th{' class=words' if i < 2 else ''}>{HTML.escape(title)}</th>"
        for i, title in enumerate(TITLES)
    )
    body = []
    for results, (name, caption, *counts) in zip(items, rows(items), strict=True):
        link = f'<a href="{HTML.escape(name)}.html">{HTML.escape(results.item.title)}</a>'
        cells = "".join(f"<td>{count}</td>" for count in counts)
        words = f'<td class="words caption">{HTML.sentences(caption)}</td>'
        body.append(f'<tr><th scope="row">{link}</th>{words}{cells}</tr>')
    return as_html.page(
        paper.title,
        [
            f"<h1>{HTML.escape(paper.title)}</h1>",
            f'<p class="source">{HTML.escape(paper.authors)}</p>',
            f"<p>{HTML.sentences(paper.note)}</p>" if paper.note else "",
            as_html.framed([f"<tr>{heads}</tr>"], body),
        ],
    )
