"""An item as LaTeX: a float, and below it the claims."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from reports.papers.forms.document import CLAIMS, PLACES, Document, Grid, Text
from reports.text.escaping import LATEX

PREAMBLE = r"% Needs \usepackage[T1]{fontenc}, {textcomp}, {booktabs} and {graphicx}."
_SHRUNK = r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%"


def render(document: Document) -> str:
    """``figure*`` and ``table*`` with booktabs rules, no wider than the text; then all the rest.

    Notes and claims may be longer than a page, which no float can be.
    """
    name = LATEX.escape(f"{document.title} of {document.paper}")
    caption = [f"{name}.", *map(LATEX.sentences, document.caption)]
    figure, table = _figure(document), _table(document)
    lines = [PREAMBLE]
    if figure:
        lines += _float("figure*", caption, document, figure)
        caption = [f"The numbers of {name}."]
    if table:
        lines += _float("table*", caption, document, [*table, *_legend(document)])
    lines += _notes(document)
    lines += _listed(CLAIMS, [outcome.sentence for outcome in document.outcomes])
    lines += [*_places(document.places), *_listed("", document.place_notes)]
    return "\n".join(lines) + "\n"


def _float(
    kind: str, caption: Sequence[str], document: Document, content: Sequence[str]
) -> list[str]:
    item = document.results.item
    return [
        rf"\begin{{{kind}}}[htbp]",
        r"\centering\small",
        rf"\caption{{{' '.join(caption)}}}",
        rf"\label{{{kind[:3]}:{item.paper}:{item.name}}}",
        *content,
        rf"\end{{{kind}}}",
    ]


def _figure(document: Document) -> list[str]:
    pdf = document.pictures.get(".pdf")
    options = r"width=\linewidth,height=.6\textheight,keepaspectratio"
    return [rf"\includegraphics[{options}]{{{pdf.name}}}"] if pdf else []


def _table(document: Document) -> list[str]:
    if not document.lines:
        return []
    parts = [part for head in document.heads for part in head.parts]
    spans, rules, column = [], [], 2
    for head in document.heads:
        if head.parts:
            last = column + len(head.parts) - 1
            spans.append(rf"\multicolumn{{{len(head.parts)}}}{{c}}{{{LATEX.escape(head.title)}}}")
            rules.append(rf"\cmidrule(lr){{{column}-{last}}}")
            column = last + 1
    body, group = [], ""
    for line in document.lines:
        if line.group != group:
            body.append(r"\addlinespace")
            group = line.group
            if group:
                title = rf"\textit{{{LATEX.escape(group)}}}"
                body.append(rf"\multicolumn{{{len(parts) + 1}}}{{l}}{{{title}}} \\")
        body.append(_line([LATEX.escape(line.label), *map(_cell, line.texts)]))
    heads = [_line(["", *spans]), "".join(rules), _line(["", *map(LATEX.escape, parts)])]
    return _tabular("l" + "r" * len(parts), heads, body)


def _tabular(columns: str, heads: Iterable[str], body: Iterable[str]) -> list[str]:
    return [
        _SHRUNK,
        rf"\begin{{tabular}}{{{columns}}}",
        r"\toprule",
        *heads,
        r"\midrule",
        *body,
        r"\bottomrule",
        r"\end{tabular}}",
    ]


def _line(cells: Sequence[str]) -> str:
    return rf"{' & '.join(cells)} \\"


def _cell(text: Text) -> str:
    marks = rf"\textsuperscript{{{','.join(text.marks)}}}" if text.marks else ""
    shown = LATEX.escape(text.text)
    return (rf"\textbf{{{shown}}}" if text.strong else shown) + marks


def _legend(document: Document) -> list[str]:
    if not document.legend:
        return []
    return [rf"\par\smallskip\footnotesize {LATEX.escape('; '.join(document.legend))}."]


def _notes(document: Document) -> list[str]:
    if not document.notes:
        return []
    notes = [rf"\item[{mark}] {LATEX.sentences(sentence)}" for mark, sentence in document.notes]
    head = rf"\paragraph{{Notes to {LATEX.escape(document.title)}}}"
    return [head, r"\begin{description}", *notes, r"\end{description}"]


def _places(grid: Grid | None) -> list[str]:
    if grid is None:
        return []
    columns = "l" * grid.left + "r" * (len(grid.titles) - grid.left)
    heads, *body = (
        _line([LATEX.escape(text) for text in row]) for row in (grid.titles, *grid.rows)
    )
    return [
        rf"\paragraph{{{LATEX.escape(PLACES)}}}",
        r"\begin{center}\small",
        *_tabular(columns, [heads], body),
        r"\end{center}",
    ]  # noqa: E501


def _listed(title: str, texts: Sequence[str]) -> list[str]:
    if not texts:
        return []
    head = [rf"\paragraph{{{LATEX.escape(title)}}}"] if title else []
    items = [rf"\item {LATEX.sentences(text)}" for text in texts]
    return [*head, r"\begin{itemize}", *items, r"\end{itemize}"]
