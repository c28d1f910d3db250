"""The table of runs as HTML: whole without the script, which sorts it and filters the page."""

from __future__ import annotations

from collections.abc import Sequence

from reports.page.folders import Left
from reports.page.row import COLUMNS, FOLDED, Column
from reports.runs.row import Row
from reports.text.escaping import HTML, named, unbroken

HEAD = "method"
FILTER = (
    '<p class="tools"><label>Filter <input type="search" id="filter" autocomplete="off" '
    'placeholder="method, option, folder …"></label> <span id="shown" role="status"></span></p>'
)


def table(rows: Sequence[Row], left: Sequence[Left]) -> str:
    """One row per run, then one per folder that is none with its reason.

    Columns in which all runs agree, and those of words of a single run, are folded away: what they
    say stands above the table. So are those of :data:`reports.page.row.FOLDED`.
    """
    same = _agreed(rows, bool(left))
    said = "; ".join(f"{column.head} {text}" for column, text in same.items() if text)
    whose = "All runs" if len(rows) > 1 else "This run"
    common = f'<p class="soft" id="common">{whose}: {HTML.escape(said)}.</p>' if said else ""
    heads = _head(HEAD, "words", "") + "".join(
        _head(column.head, _kind(column, same), column.hint) for column in COLUMNS
    )
    body = [_row(place, row, same) for place, row in enumerate(rows)]
    body += map(_left, left)
    return (
        f'{common}\n<p class="tools"><label><input type="checkbox" id="all"> all columns</label></p>\n'
        f'<div class="scroll"><table id="runs" class="runs folded"><thead><tr>{heads}</tr></thead>\n'
        f"<tbody>\n{chr(10).join(body)}\n</tbody></table></div>"
    )


def _agreed(rows: Sequence[Row], others: bool) -> dict[Column, str]:
    """The columns in which all runs say the same; the status only without others.

    A single run's numbers are what its row is for: of it those of words.
    """
    columns = [
        column
        for column in COLUMNS
        if not (others and column.head == "status") and (column.value is None or len(rows) > 1)
    ]
    texts = {column: {column.text(row) for row in rows} for column in columns}
    return {column: min(seen) for column, seen in texts.items() if len(seen) == 1}


def _kind(column: Column, same: dict[Column, str]) -> str:
    kind = "words" if column.value is None else "number"
    return f"{kind} same" if column in same or column.head in FOLDED else kind


def _head(text: str, kind: str, hint: str) -> str:
    title = f' title="{HTML.escape(hint)}"' if hint else ""
    button = f'<button type="button"{title}>{HTML.escape(text)}</button>'
    return f'<th scope="col" class="{kind}" aria-sort="none">{button}</th>'


def _row(place: int, row: Row, same: dict[Column, str]) -> str:
    cells = []
    for column in COLUMNS:
        value = column.value(row) if column.value else None
        known = "" if value is None else f' data-value="{value!r}"'
        text = unbroken(column.text(row)) or "–"
        cells.append(f'<td class="{_kind(column, same)}"{known}>{text}</td>')
    name = HTML.escape(row["run"])
    return (
        f'<tr data-run="{place}"><th scope="row"><button type="button" title="{name}">'
        f"{named(row['method'])}</button></th>{''.join(cells)}</tr>"
    )


def _left(folder: Left) -> str:
    """Its status in the column of that name, its reason in the others."""
    others = len(COLUMNS) - 2
    rest = f'<td class="words reason" colspan="{others}">{HTML.escape(folder.reason)}</td>'
    return (
        f'<tr class="left"><th scope="row">{named(folder.name)}</th><td></td>'
        f'<td class="words {folder.status}">{HTML.escape(folder.status)}</td>{rest}</tr>'
    )
