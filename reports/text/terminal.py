"""Reports in a terminal: the tables of our Markdown drawn so that they fit, the rest as text.

Through a pipe, into a file or another program, Markdown stays what it is.
"""

from __future__ import annotations

import re
import sys
from itertools import groupby, takewhile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

FRAME = 3  # characters between two columns; before the first is one, as behind the last
WRAPPED = 30  # characters of a column of words before it wraps
NOTHING = ("", "–")


def show(markdown: str) -> None:
    """Print a report of ours: as it is, or where a person sees it at once, drawn."""
    if not sys.stdout.isatty():
        print(markdown.rstrip())
        return
    from rich.console import Console

    draw(markdown, Console(highlight=False))


def draw(markdown: str, console: Console) -> None:
    """``markdown`` on ``console``; columns that do not fit beside the others stand below them."""
    for is_row, lines in groupby(markdown.rstrip().splitlines(), lambda line: line.startswith("|")):
        if is_row:
            _draw_table([_cells(line) for line in lines], console)
            continue
        for line in lines:
            console.print(_text(line.lstrip("# ") if line.startswith("#") else line))


def _draw_table(rows: list[list[str]], console: Console) -> None:
    """Without columns that say nothing; words wrap, numbers do not.

    Of columns without room there is a table of their own below, of the rows that say something.
    """
    head, marks, *body = _named_once(rows)
    told = [n for n in range(len(head)) if not n or any(row[n] not in NOTHING for row in body)]
    columns = [[_text(row[n]) for row in (head, *body)] for n in told]
    words = [not marks[n].endswith(":") for n in told]
    widths = [_width([t.plain for t in c], w) for c, w in zip(columns, words, strict=True)]
    groups = [not any(row[1:]) for row in body]
    for number, part in enumerate(_parts(widths, console.width)):
        rows = [[columns[n][place] for n in part] for place in range(1 + len(body))]
        kept = _kept(rows[1:], groups) if number else rows[1:]
        console.print(_table(rows[0], kept, [(words[n], widths[n]) for n in part]))


def _kept(rows: list[list[Text]], groups: list[bool]) -> list[list[Text]]:
    """The rows that say something, and the heads of ``groups`` that have one."""
    kept: list[list[Text]] = []
    head: list[list[Text]] = []
    for row, begins in zip(rows, groups, strict=True):
        if begins:
            head = [row]
        elif any(cell.plain not in NOTHING for cell in row[1:]):
            kept += [*head, row]
            head = []
    return kept


def _named_once(rows: list[list[str]]) -> list[list[str]]:
    """What names a row in several columns of words, in one."""
    names = len(list(takewhile(lambda mark: not mark.endswith(":"), rows[1])))
    if names < 2:
        return rows
    joined = [", ".join(cell for cell in row[:names] if cell not in NOTHING) for row in rows]
    joined[:2] = rows[0][0], rows[1][0]
    return [[name, *row[names:]] for name, row in zip(joined, rows, strict=True)]


def _table(titles: list[Text], rows: list[list[Text]], columns: list[tuple[bool, int]]) -> Table:
    """Of ``columns``, whether each wraps and its width."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for title, (wraps, width) in zip(titles, columns, strict=True):
        table.add_column(title, justify="left" if wraps else "right", width=width)
    for row in rows:
        table.add_row(*row)
    return table


def _width(column: list[str], wraps: bool) -> int:
    """Of its longest cell; where it wraps, and in its title, of the longest word at least."""
    title, *cells = column
    least = max(
        map(len, [*title.split(), *(" ".join(cells).split() if wraps else cells)]), default=1
    )
    return max(least, min(WRAPPED, max(map(len, cells), default=1))) if wraps else least


def _parts(widths: list[int], width: int) -> list[list[int]]:
    """The columns of each table, one below the other: in all the first, and one more at least."""
    parts, room = [[0]], width - widths[0] - 2
    left = room
    for column, own in enumerate(widths[1:], start=1):
        if own + FRAME > left and len(parts[-1]) > 1:
            parts.append([0])
            left = room
        parts[-1].append(column)
        left -= own + FRAME
    return parts


def _cells(line: str) -> list[str]:
    """Of a row of a table; a pipe within a cell is escaped."""
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip())[1:-1]]


def _text(markdown: str) -> Text:
    """Words with what is bold or slanted, without escapes and the targets of links."""
    from rich.text import Text

    plain = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", markdown)
    text = Text()
    for part in re.split(r"(\*\*.+?\*\*|(?<![\\*])\*[^*]+\*)", plain):
        bold, slanted = part.startswith("**"), part.startswith("*")
        style = "bold" if bold else "italic" if slanted and len(part) > 2 else ""
        text.append(re.sub(r"\\(.)", r"\1", part.strip("*") if style else part), style)
    return text
